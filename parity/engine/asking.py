"""One draw as values: its arrays, the reference's answer to them, and the implementation's.

Each function makes the next value of a draw from the one before, or raises Stopped with the mismatch that ends it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from parity.cases.points import Point
from parity.cases.schema import Case
from parity.comparison import compare, observe
from parity.comparison.call import Answer, Call
from parity.comparison.expectation import Expectation
from parity.draws.draw import Plan
from parity.engine.crumbs import at
from parity.implementations.declaration import Implementation
from parity.implementations.lacks import Lack
from parity.records.mismatch import OUTPUT, Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.references.versions import taken
from parity.types import Array, Gradients, Loss, NotOffered, Result
from parity.wording import class_names, in_words, message


class Stopped(Exception):
    """The draw cannot go on; its mismatches say why."""

    def __init__(self, *mismatches: Mismatch) -> None:
        super().__init__()
        self.mismatches = mismatches


@dataclass(frozen=True, slots=True)
class Pair:
    """What the draws of a point share: both functions, and where to note what was seen."""

    point: Point
    implementation: Implementation
    record: Record
    plan: Plan
    reference: Loss
    loss: Loss
    lacking: dict[str, Lack]
    roundings: dict[str, float] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        return self.point.scenario.case

    def lacks_gradient(self, name: str) -> bool:
        return "gradient" in self.lacking or f"gradient of {name}" in self.lacking


@dataclass(frozen=True, slots=True)
class Drawn:
    """The arguments of a draw, those of them that the implementation offers, and the case's own grad_output if any.

    `first` says whether it is the point's first draw, of which more is observed.
    """

    pair: Pair
    seed: int
    first: bool
    arguments: dict[str, Any]
    offered: dict[str, Any]
    own_grad_output: Array | None

    def upstream(self, output: Array) -> Array:
        """The case's own grad_output, or a random one."""
        own = self.own_grad_output
        return self.pair.plan.grad_output(output, self.seed) if own is None else own


@dataclass(frozen=True, slots=True)
class Asked:
    """A draw and the reference's answer to it."""

    drawn: Drawn
    grad_output: Array
    reference: Answer


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw that both sides have answered: what an observation looks at.

    `before` holds the bits that the implementation was given, `kept` those that it returned (of a first draw).
    `followed` says whether other draws were asked after it.
    """

    pair: Pair
    drawn: Drawn
    grad_output: Array
    reference: Answer
    answer: Answer
    before: observe.Bits
    kept: observe.Bits
    expected: Expectation
    followed: bool = False

    @property
    def seed(self) -> int:
        return self.drawn.seed

    def given(self) -> dict[str, Any]:
        """What the implementation was given."""
        return {**self.drawn.offered, "grad_output": self.grad_output}


def draw(pair: Pair, seed: int, first: bool) -> Drawn:
    """The arguments at one seed."""
    at("in the drawing", seed)
    arguments, own = _arrays(pair, seed)
    return Drawn(pair, seed, first, arguments, offered(pair, arguments), own)


def offered(pair: Pair, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that the implementation offers, and that this torch has or that are not at their defaults."""
    return pair.implementation.arguments(pair.point.loss, taken(pair.point.loss, arguments))


def other_arguments(drawn: Drawn) -> dict[str, Any]:
    """The arguments of another draw."""
    return offered(drawn.pair, _arrays(drawn.pair, drawn.seed + 1)[0])


def _arrays(pair: Pair, seed: int) -> tuple[dict[str, Any], Array | None]:
    try:
        return pair.plan.arguments(seed)
    except Exception as error:
        raise Stopped(undrawn(error)) from None


def undrawn(error: Exception) -> Mismatch:
    """The mismatch of a case whose arrays cannot be made."""
    return Mismatch(Subject.CASE, Kind.DRAW, figures={"error": in_words(error)})


def ask_reference(drawn: Drawn) -> Asked:
    """The reference's output and gradients; a case that it refuses unexpectedly is at fault."""
    at("in torch's own call", drawn.seed)
    try:
        output, vjp = drawn.pair.reference(**drawn.arguments)
    except Exception as error:
        figures = {"error": in_words(error), "wanted": class_names(error)[0]}
        raise Stopped(Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.REFUSES, figures=figures)) from None
    grad_output = drawn.upstream(output)
    try:
        gradients = vjp(grad_output)
    except Exception as error:
        figures = {"error": in_words(error)}
        raise Stopped(Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.REFUSES_BACKWARD, figures=figures)) from None
    return Asked(drawn, grad_output, Answer(output, gradients, vjp))


def ask_implementation(asked: Asked) -> Draw:
    """The implementation's output and gradients to the same arguments."""
    drawn, grad_output, reference = asked.drawn, asked.grad_output, asked.reference
    pair = drawn.pair
    before = observe.bits({**drawn.offered, "grad_output": grad_output})
    output, vjp = forward(drawn)
    problem = compare.form(OUTPUT, reference.output, output)
    if problem:
        raise Stopped(problem)
    answer = Answer(output, _backward(drawn, vjp, grad_output), vjp)
    kept = observe.bits(answer.values) if drawn.first else {}
    return Draw(pair, drawn, grad_output, reference, answer, before, kept, expectation(asked))


def expectation(asked: Asked) -> Expectation:
    """The reference's answers, and what each may be missed by."""
    pair = asked.drawn.pair
    call = Call(pair.point.loss, pair.reference, asked.drawn.arguments, asked.grad_output)
    return Expectation(call, asked.reference, pair.case.tolerance, pair.roundings)


def forward(drawn: Drawn) -> Result:
    """The implementation's output and vjp."""
    at("in the forward", drawn.seed)
    try:
        return drawn.pair.loss(**drawn.offered)
    except (NotOffered, KeyboardInterrupt):
        raise
    except BaseException as error:
        said = message(error)
        unknown = [name for name in drawn.offered if f"unexpected keyword argument '{name}'" in said]
        hint = f"; if it is not offered, declare lacks={unknown}" if unknown else ""
        raise Stopped(
            OUTPUT.mismatch(Kind.RAISES, event=Event.FORWARD, figures={"error": in_words(error)}, hint=hint)
        ) from None


def _backward(drawn: Drawn, vjp: Any, grad_output: Array) -> Gradients:
    """The implementation's gradients by argument name."""
    if "gradient" in drawn.pair.lacking:
        drawn.pair.record.not_offered.append("gradient")
        return {}
    at("in the backward", drawn.seed)
    try:
        gradients = vjp(grad_output)
    except (NotOffered, KeyboardInterrupt):
        raise
    except BaseException as error:
        figures = {"error": in_words(error)}
        raise Stopped(Mismatch(Subject.GRADIENT, Kind.RAISES, event=Event.BACKWARD, figures=figures)) from None
    if not isinstance(gradients, dict):
        figures = {"found": type(gradients).__name__}
        raise Stopped(Mismatch(Subject.GRADIENT, Kind.TYPE, event=Event.BACKWARD, figures=figures))
    return gradients


def restored(spoilt: Draw) -> Draw:
    """The draw with the arguments drawn again that the implementation has written into."""
    drawn = draw(spoilt.pair, spoilt.seed, spoilt.drawn.first)
    asked = Asked(drawn, drawn.upstream(spoilt.reference.output), spoilt.reference)
    return replace(spoilt, drawn=drawn, grad_output=asked.grad_output, expected=expectation(asked))

"""One draw as values: its arrays, the reference's answer to them, and the implementation's.

Each function makes the next value of a draw from the one before, or raises Stopped with the mismatch that ends it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from parity.cases.expected import EXCEPTIONS
from parity.cases.points import Point
from parity.cases.schema import Case
from parity.comparison import compare, observe, witness
from parity.comparison.call import Answer, Call
from parity.comparison.expectation import Expectation
from parity.comparison.experience import Experience
from parity.comparison.explain import Explanations
from parity.draws.draw import Plan
from parity.engine.crumbs import at
from parity.frameworks.callables import Unusable
from parity.implementations.contract import Contract, Terms
from parity.records.mismatch import OUTPUT, Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.references.reference import Reference
from parity.references.versions import taken
from parity.types import Array, NotOffered, Result
from parity.wording import class_names, in_words, message

# What a reference raises by a mistake of its own, rather than to refuse a call.
FAULTS = (NameError, ImportError, SyntaxError, Unusable)


class Stopped(Exception):
    """The draw cannot go on; its mismatches say why."""

    def __init__(self, *mismatches: Mismatch) -> None:
        super().__init__()
        self.mismatches = mismatches


@dataclass(frozen=True, slots=True)
class Pair:
    """What the draws of a point share: both functions, where to note what is seen, what other points have shown."""

    point: Point
    contract: Contract
    terms: Terms
    record: Record
    plan: Plan
    reference: Reference
    experience: Experience
    roundings: dict[str, float] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        return self.point.scenario.case

    def not_without(self) -> NotOffered | None:
        """What to raise where torch does not do what the case expects, if that may be for want of an option."""
        left_out = self.terms.left_out
        return NotOffered(" and ".join(str(self.contract.lacks[word]) for word in left_out)) if left_out else None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The arguments of a draw that both sides are given, and the case's own grad_output if any.

    `first` says whether it is the point's first draw, of which more is observed.
    """

    pair: Pair
    seed: int
    first: bool
    arguments: dict[str, Any]
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

    @property
    def forward_alone(self) -> bool:
        """Whether no gradient is offered."""
        return self.answer.vjp is None or self.pair.contract.lacks_gradient()

    def compares(self, name: str) -> bool:
        """Whether there is such an answer of the reference, the output or a gradient, and it is offered."""
        return name == "output" or (name in self.reference.gradients and not self.pair.contract.lacks_gradient(name))

    def conformed(self) -> Answer:
        """The answer in the reference's dtypes and ranks, as far as that is granted."""
        if not self.pair.contract.granted:
            return self.answer
        known = self.reference.values.keys()
        same = dict(self.answer.values)
        for name in same.keys() & known:
            found = self.expected.conformed(name, same[name])
            same[name] = same[name] if found is None else found
        return Answer(same.pop("output"), same, self.answer.vjp)

    def near(self, name: str, first: Array, later: Array) -> bool:
        """Whether a later answer is within the tolerance of the reference's, as the first one was."""
        if (first.shape, first.dtype) != (later.shape, later.dtype):
            return False
        return name not in self.reference.values or self.expected.compare(name, later)[2] is None

    def given(self) -> dict[str, Any]:
        """What the implementation was given."""
        return {**self.drawn.arguments, "grad_output": self.grad_output}


def draw(pair: Pair, seed: int, first: bool) -> Drawn:
    """The arguments at one seed."""
    at("in the drawing", seed)
    arguments, own = _arrays(pair, seed)
    return Drawn(pair, seed, first, arguments, own)


def other_arguments(drawn: Drawn) -> dict[str, Any]:
    """The arguments of another draw."""
    return _arrays(drawn.pair, drawn.seed + 1)[0]


def _arrays(pair: Pair, seed: int) -> tuple[dict[str, Any], Array | None]:
    try:
        arguments, own = pair.plan.arguments(seed)
    except Exception as error:
        raise Stopped(undrawn(error)) from None
    for name in pair.terms.without:
        arguments.pop(name, None)
    return taken(pair.point.loss, arguments) if pair.reference.is_torch else arguments, own


def undrawn(error: Exception) -> Mismatch:
    """The mismatch of a case whose arrays cannot be made."""
    return Mismatch(Subject.CASE, Kind.DRAW, figures={"error": in_words(error)})


def ask_reference(drawn: Drawn) -> Asked:
    """The reference's output and gradients; a case that it refuses unexpectedly is at fault."""
    at(f"in {drawn.pair.reference.name}'s own call", drawn.seed)
    try:
        output, vjp = drawn.pair.reference(**drawn.arguments)
    except Exception as error:
        figures = {"error": in_words(error), "wanted": class_names(error)[0]}
        raise drawn.pair.not_without() or Stopped(
            Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.REFUSES, figures=figures)
        ) from None
    grad_output = drawn.upstream(output)
    try:
        gradients = vjp(grad_output)
    except Exception as error:
        figures = {"error": in_words(error), "wanted": class_names(error)[0]}
        refused = Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.REFUSES_BACKWARD, figures=figures)
        raise drawn.pair.not_without() or Stopped(refused) from None
    return Asked(drawn, grad_output, Answer(output, gradients, vjp))


def ask_refusal(drawn: Drawn) -> str:
    """The class of the exception with which the reference refuses a call; '' if it answers."""
    reference = drawn.pair.reference
    at(f"in {reference.name}'s own call", drawn.seed)
    error = witness.refused(reference, drawn.arguments)
    if error is None:
        return ""
    if isinstance(error, FAULTS):
        problem = f"the reference {reference.name} cannot be asked: {in_words(error)}"
        raise Stopped(Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.NOT_OWN, figures={"problem": problem}))
    return next(name for name in class_names(error) if name in EXCEPTIONS)


def refusal_of(drawn: Drawn) -> dict[str, list[str]] | None:
    """What the reference refuses a call with under the transformation of its point, which it answers without."""
    try:
        ask_reference(drawn)
        return None
    except Stopped as stopped:
        (mismatch,) = stopped.mismatches
    bare = drawn.pair.reference.bare
    if bare is None or "wanted" not in mismatch.figures:
        return None
    try:
        output, vjp = bare(**drawn.arguments)
        vjp(drawn.upstream(output))
    except Exception:
        return None  # the case is at fault, and is told so
    return {mismatch.figures["wanted"]: [""]}


def ask_implementation(asked: Asked) -> Draw:
    """The implementation's output and gradients to the same arguments."""
    drawn, grad_output, reference = asked.drawn, asked.grad_output, asked.reference
    pair = drawn.pair
    before = observe.bits({**drawn.arguments, "grad_output": grad_output})
    output, vjp = forward(drawn)
    problem = compare.form(OUTPUT, reference.output, output)
    if problem:
        if compare.conformed(OUTPUT, reference.output, output, pair.contract.granted) is None:
            raise Stopped(problem)
        grad_output = np.asarray(grad_output.reshape(output.shape), output.dtype)
        before = observe.bits({**drawn.arguments, "grad_output": grad_output})
    answer = backward(drawn, output, vjp, grad_output)
    kept = observe.bits(answer.values) if drawn.first and not pair.case.one_call else {}
    return Draw(pair, drawn, grad_output, reference, answer, before, kept, expectation(asked))


def expectation(asked: Asked) -> Expectation:
    """The reference's answers, and what each may be missed by."""
    pair = asked.drawn.pair
    signature, reference = pair.contract.signature, pair.reference
    call = Call(signature, reference.loss, asked.drawn.arguments, asked.grad_output, reference.extended)
    explanations = Explanations(call, pair.case.name, pair.experience)
    return Expectation(call, asked.reference, pair.case.tolerance, pair.roundings, pair.contract, explanations)


def forward(drawn: Drawn) -> Result:
    """The implementation's output and vjp."""
    at("in the forward", drawn.seed)
    try:
        return drawn.pair.contract.call(**drawn.arguments)
    except (NotOffered, KeyboardInterrupt):
        raise
    except BaseException as error:
        problem = drawn.pair.contract.mistake(error)
        if problem:
            raise Stopped(Mismatch(Subject.PROCESS, Kind.SETUP, figures={"how": problem})) from None
        text = message(error)
        options = drawn.arguments.keys() - set(drawn.pair.contract.signature.required)
        unknown = [name for name in options if f"unexpected keyword argument '{name}'" in text]
        hint = f"; if it is not offered, declare lacks={unknown}" if unknown else ""
        raise Stopped(
            OUTPUT.mismatch(Kind.RAISES, event=Event.FORWARD, figures={"error": in_words(error)}, hint=hint)
        ) from None


def backward(drawn: Drawn, output: Array, vjp: Any, grad_output: Array) -> Answer:
    """The implementation's gradients by argument name, beside its output; without a vjp if it offers none here."""
    record = drawn.pair.record
    if drawn.pair.contract.lacks_gradient():
        record.not_offered.append("gradient")
        return Answer(output, {}, vjp)
    at("in the backward", drawn.seed)
    try:
        gradients = vjp(grad_output)
    except NotOffered as error:
        record.not_offered.append(message(error) or "gradient")
        return Answer(output, {})
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        figures = {"error": in_words(error)}
        raise Stopped(Mismatch(Subject.GRADIENT, Kind.RAISES, event=Event.BACKWARD, figures=figures)) from None
    if not isinstance(gradients, dict):
        figures = {"found": type(gradients).__name__}
        raise Stopped(Mismatch(Subject.GRADIENT, Kind.TYPE, event=Event.BACKWARD, figures=figures))
    return Answer(output, gradients, vjp)


def restored(spoilt: Draw) -> Draw:
    """The draw with the arguments drawn again that the implementation has written into."""
    drawn = draw(spoilt.pair, spoilt.seed, spoilt.drawn.first)
    asked = Asked(drawn, drawn.upstream(spoilt.reference.output), spoilt.reference)
    grad_output = asked.grad_output
    if (grad_output.shape, grad_output.dtype) != (spoilt.grad_output.shape, spoilt.grad_output.dtype):
        grad_output = np.asarray(grad_output.reshape(spoilt.grad_output.shape), spoilt.grad_output.dtype)
    return replace(spoilt, drawn=drawn, grad_output=grad_output, expected=expectation(asked))

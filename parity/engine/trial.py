"""One draw through its stages: arrays, torch's answers, the implementation's answers, and their comparison.

The draws of a point go through each stage together: calls of one kind in a row cost half of what they cost in turn
with others, and the first draw sees its later ones as calls in between.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from parity.cases.points import Point
from parity.comparison import compare, observe, truth, witness
from parity.comparison.answers import Answers
from parity.comparison.compare import Mismatch, told
from parity.comparison.second import directions, second_derivatives
from parity.draws.draw import Plan, generator
from parity.implementations.declaration import SECOND, Implementation
from parity.records.record import Record
from parity.references.torch import TORCH
from parity.types import Array, Functions, Gradients, Loss, NotOffered, Result


class Stop(Exception):
    """The draw cannot go on; its mismatch is told."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What the draws of a point share: both functions, and where to note what was seen."""

    point: Point
    implementation: Implementation
    record: Record
    plan: Plan
    reference: Loss
    loss: Loss
    lacking: dict[str, str]
    roundings: dict[str, float] = field(default_factory=dict)


class Trial:
    """One draw. Each stage is called once, in order, until one tells a mismatch."""

    arguments: dict[str, Any]
    offered: dict[str, Any]
    expected: Array
    theirs: Gradients
    reference_vjp: Any
    own_grad_output: Array | None
    grad_output: Array
    output: Array
    gradients: Gradients
    vjp: Any = None
    answers: Answers

    def __init__(self, sides: Sides, seed: int, thorough: bool) -> None:
        self.sides, self.seed, self.thorough = sides, seed, thorough
        self.case = sides.point.scenario.case
        self.mismatches: list[Mismatch] = []
        self.refused: NotOffered | None = None
        self.later: list[Trial] = []
        self.before: observe.Bits = {}
        self.kept: observe.Bits = {}

    def tell(self, *mismatches: Mismatch | None) -> None:
        for mismatch in mismatches:
            if mismatch:
                mismatch.seed = self.seed
                self.mismatches.append(mismatch)

    def stop(self, what: str, kind: str, sentence: str) -> Stop:
        self.tell(Mismatch(what, kind, sentence))
        return Stop()

    def draw(self) -> None:
        """The arguments, and those of them that the implementation offers."""
        self.arguments, self.own_grad_output = self._drawn(self.seed)
        self.offered = self.sides.implementation.arguments(self.sides.point.loss, self.arguments)

    def _drawn(self, seed: int) -> tuple[dict[str, Any], Array | None]:
        try:
            return self.sides.plan.arguments(seed)
        except Exception as error:
            raise self.stop("case", "draw", f"the arrays cannot be drawn: {told(error)}") from None

    def refuse(self) -> None:
        """Instead of all that follows: a call that both sides must refuse."""
        sides = self.sides
        assert self.case.raises is not None
        self.tell(*witness.refusal(
            self.case.raises, sides.reference, sides.implementation, sides.loss, self.arguments, self.offered
        ))  # fmt: skip
        sides.record.compared += 1

    def leave_undefined(self) -> None:
        """Instead of all that follows: a call that torch leaves undefined. A wrapper of torch is not accused of it."""
        finding = self.case.finding
        assert finding is not None
        wanted = finding.output if finding.raises is None else finding.raises
        self.sides.record.finding = {"torch": finding.torch, "output": wanted}
        if self.sides.implementation.framework == "torch":
            return
        if finding.raises is not None:
            self.tell(witness.unsafe(finding.raises, self.sides.implementation, self.sides.loss, self.offered))
        elif finding.output is not None:
            self.tell(witness.undefined(finding, self._forward()[0]))

    def ask_torch(self) -> None:
        try:
            self.expected, self.reference_vjp = self.sides.reference(**self.arguments)
        except Exception as error:
            kind = type(error).__name__
            said = f"torch refuses this call with {told(error)}; a case that means so says raises: {{{kind}: ...}}"
            raise self.stop("case", "reference", said) from None
        self.grad_output = self._upstream()
        try:
            self.theirs = self.reference_vjp(self.grad_output)
        except Exception as error:
            said = f"torch answers this call, yet its backward refuses it with {told(error)}: say so as a finding"
            raise self.stop("case", "reference", said) from None

    def _upstream(self) -> Array:
        """The scenario's own grad_output, or a random one."""
        own = self.own_grad_output
        return self.sides.plan.grad_output(self.expected, self.seed) if own is None else own

    def ask_implementation(self) -> None:
        self.before = observe.bits({**self.offered, "grad_output": self.grad_output})
        self.output, vjp = self._forward()
        problem = compare.form("output", self.expected, self.output)
        if problem:
            self.tell(problem)
            raise Stop
        self.gradients = self._backward(vjp)
        self.vjp = vjp
        if self.thorough:
            self.kept = observe.bits({"output": self.output, **self.gradients})

    def _forward(self) -> Result:
        try:
            return self.sides.loss(**self.offered)
        except NotOffered:
            raise
        except Exception as error:
            unknown = [name for name in self.offered if f"unexpected keyword argument '{name}'" in str(error)]
            hint = f"; if it is not offered, declare lacks={unknown}" if unknown else ""
            raise self.stop("output", "raises", f"the forward raises {told(error)}, torch answers{hint}") from None

    def _backward(self, vjp: Any) -> Gradients:
        if "gradient" in self.sides.lacking:
            self.sides.record.not_offered.append("gradient")
            return {}
        try:
            gradients = vjp(self.grad_output)
        except NotOffered:
            raise
        except Exception as error:
            raise self.stop("gradient", "raises", f"the backward raises {told(error)}, torch's works") from None
        if not isinstance(gradients, dict):
            found = type(gradients).__name__
            raise self.stop("gradient", "type", f"vjp returned {found}, expected a dict of gradients by name")
        return gradients

    def compare(self) -> None:
        """The output and every gradient beside torch's, then what else is known of them."""
        if self.thorough:
            self.tell(*observe.overwritten(self.kept, {"output": self.output, **self.gradients}))
            if self.mismatches:
                return
            self.tell(observe.shared(self.output, self.arguments))
        self.tell(*observe.changed(self.before, {**self.offered, "grad_output": self.grad_output}))
        if self.mismatches:
            self._restore()
        record = self.sides.record
        self.answers = answers = Answers(
            self.sides.point.loss, self.sides.reference, self.arguments, self.expected, self.theirs,
            self.grad_output, self.case.tolerance, self.sides.roundings,
        )  # fmt: skip
        if self.gradients.keys() != self.theirs.keys():
            self._presence()
        for name, value in {"output": self.output, **self.gradients}.items():
            if name == "output" or name in self.theirs:
                share, ulps, problem = answers.compare(name, value)
                record.note(name, share, ulps)
                self.tell(problem)
        self._published()
        self._identity()
        record.lenient += answers.lenient

    def _restore(self) -> None:
        """Draw again what the implementation has spoilt."""
        self.arguments, self.own_grad_output = self._drawn(self.seed)
        self.grad_output = self._upstream()

    def _presence(self) -> None:
        """Which arguments are differentiable, both ways."""
        if "gradient" in self.sides.lacking:
            return
        if self.theirs and not getattr(self.vjp, "offered", True):
            said = "the loss returns no vjp, torch has gradients; if they are not offered, declare lacks=['gradient']"
            raise self.stop("gradient", "missing", said)
        for name in sorted(self.theirs.keys() ^ self.gradients.keys()):
            what = f"gradient of {name}"
            if self.sides.implementation.lacks_gradient(self.sides.point.loss, name):
                self.sides.record.not_offered.append(what)
            elif name in self.theirs:
                self.tell(Mismatch(what, "missing", f"{what} is missing, torch has one"))
            else:
                self.tell(Mismatch(what, "extra", f"{what} is given, torch has none"))

    def _published(self) -> None:
        published = self.case.published
        if published:
            self.sides.record.published = {
                "figure": published.output, "torch": self.expected.astype(float).tolist(),
                "ours": self.output.astype(float).tolist(), "note": published.note,
            }  # fmt: skip
            self.tell(*witness.figures(published, self.expected, self.output))

    def _identity(self) -> None:
        identity = self.sides.point.scenario.identity
        if identity is None or self.mismatches:
            return
        known = {**self.sides.point.sizes, **self.arguments}
        implementation = self.sides.implementation
        sides: list[tuple[str, Functions, Array, Gradients]] = [
            (implementation.name, implementation.offered, self.output, self.gradients),
        ]
        if self.thorough:
            sides.append(("torch", TORCH, self.expected, self.theirs))
        for side, functions, left, slopes in sides:
            try:
                self.tell(*witness.identity(identity, functions, TORCH, side, known, self.answers, left, slopes))
            except (KeyError, NotOffered) as error:
                self.sides.record.not_offered.append(f"identity with {error.args[0]}")

    def repeat(self) -> None:
        """Of a thorough draw: call once more, other calls having come in between, then differentiate twice."""
        if not self.thorough:
            return
        loss = self.sides.loss
        other = {} if any(trial.vjp for trial in self.later) else self._other()
        try:
            if other:
                observe.call(loss, other)
            first = (self.output, self.gradients, self.vjp)
            if not observe.steady(loss, self.offered, self.kept, *first, self.grad_output):
                self.tell(*observe.repeats(loss, self.offered, self._other(), self.grad_output))
        except Exception as error:
            self.tell(Mismatch("side effect", "raises", f"calling it a second time raises {told(error)}"))
        self._partly()
        self._second()

    def _partly(self) -> None:
        """Where a framework differentiates by what it is asked to: by nothing, by one argument, by all but one."""
        if not hasattr(self.vjp, "only"):
            return
        names = list(self.gradients)
        asked = [[], *([name] for name in names)]
        if len(names) > 2:  # in turn, point by point
            one = generator(f"{self.sides.point.id}#{self.seed}#alone").choice(names)
            asked = [[], [one], [name for name in names if name != one]]
        calls = {"under torch.no_grad()": self.vjp.quiet}
        for some in asked:
            wanted = f"the gradient of {' and '.join(some)} alone (no leaf)" if some else "no gradient"
            calls[f"asked for {wanted}"] = partial(self.vjp.only, some, self.grad_output)
        for said, call in calls.items():
            try:
                found = call()
            except Exception as error:
                self.tell(Mismatch("gradient", "raises", f"{said}, it raises {told(error)}"))
                continue
            for name, value in found.items():
                problem = self.answers.compare(name, value)[2]
                if problem:
                    problem.sentence = f"{said}, {problem.sentence}"
                    self.tell(problem)
        self.tell(*observe.changed(self.before, {**self.offered, "grad_output": self.grad_output}))

    def _other(self) -> dict[str, Any]:
        """Arguments of another draw."""
        return self.sides.implementation.arguments(self.sides.point.loss, self._drawn(self.seed + 1)[0])

    def _second(self) -> None:
        """Second derivatives, unless the implementation does not offer them."""
        implementation, point, record = self.sides.implementation, self.sides.point, self.sides.record
        if SECOND in self.sides.lacking or not hasattr(self.vjp, "second"):
            record.not_offered.append(SECOND)
            return
        along = {
            name: value
            for name, value in directions(self.theirs, generator(f"{point.id}#{self.seed}#directions")).items()
            if not implementation.lacks_gradient(point.loss, name)
        }
        self.tell(*second_derivatives(
            self.vjp, self.reference_vjp, self.grad_output, along, self.case.tolerance,
            lambda: truth.second(self.sides.reference, self.arguments, self.grad_output, along),
        ))  # fmt: skip

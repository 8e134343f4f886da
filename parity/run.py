"""Point and implementation -> record: every draw of the point goes through reference, loss and comparison.

This is the one path underneath: the pytest plugin, `parity.check` and the benchmark all call `run_point`.
"""

import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import PurePath
from shlex import quote
from typing import Any

import numpy as np

from parity.cases.points import Point
from parity.cases.signature import signature_of
from parity.comparison import compare, witness
from parity.comparison.answers import Answers
from parity.comparison.compare import Mismatch, told
from parity.comparison.observe import bits, changed, repeats
from parity.comparison.second import directions, second_derivatives
from parity.draws.draw import Plan, generator
from parity.implementation import SECOND, Implementation
from parity.records import Record
from parity.reference import reference
from parity.types import Array, Functions, Gradients, Loss, NotOffered, Result


def run_point(point: Point, implementation: Implementation, seeds: Iterable[int]) -> Record:
    """The record of one point over its seeds. Never raises for what the implementation or a case does wrong."""
    case = point.scenario.case
    record = Record(
        point.id, point.loss, case.name, str(point.scenario.path), point.scenario.line, point.dtype,
        implementation.name, dict(point.choice), seeds=list(seeds), source=case.source,
        raises=next(iter(case.raises), None) if case.raises else None,
    )  # fmt: skip
    reason = implementation.not_offered(point)
    if reason:
        record.verdict, record.reason = "not offered", reason
        return record
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _run(point, implementation, record)
        except NotOffered as error:
            record.verdict, record.reason = "not offered", f"{implementation.name} does not offer {error}"
            return record
    record.reason = implementation.expected_failure(point)
    if record.mismatches:
        seed = record.mismatches[0].seed or 0
        record.repeat = repeat_line(point, implementation, seed)
        record.verdict = "xfailed" if record.reason else "failed"
    elif record.reason and not case.raises:
        record.verdict = "xpassed"
    return record


def repeat_line(point: Point, implementation: Implementation, seed: int) -> str:
    """The command, or the call of `parity.check`, that repeats one draw."""
    if not implementation.origin:
        return f"parity.check({point.loss!r}, ..., only={point.id!r}, seeds=1, seed_base={seed})"
    path = PurePath(point.scenario.path)
    chosen = "" if implementation.origin == "numpy" else f" --implementation {implementation.origin}"
    return f"pytest {quote(f'{path}::{point.id}')} --seeds 1 --seed-base {seed}{chosen}"


def _run(point: Point, implementation: Implementation, record: Record) -> None:
    try:
        plan = Plan(point)
    except Exception as error:
        record.mismatches.append(Mismatch("case", "draw", f"the arrays cannot be drawn: {told(error)}"))
        return
    for position, seed in enumerate(record.seeds):
        draw = _Draw(point, implementation, record, plan, seed)
        with suppress(_Stop):
            draw.run(thorough=position == 0)
        if record.mismatches:
            break


class _Stop(Exception):
    """The draw cannot go on; its mismatch is told."""


class _Draw:
    """One draw: the calls to both sides, and what was seen, told to the record."""

    def __init__(self, point: Point, implementation: Implementation, record: Record, plan: Plan, seed: int) -> None:
        self.point, self.implementation, self.record, self.plan, self.seed = point, implementation, record, plan, seed
        self.case = point.scenario.case
        self.reference: Loss = reference(point.loss)
        self.loss = implementation.adapted[point.loss]
        self.lacking = implementation.lacking(point.loss)

    def tell(self, *mismatches: Mismatch | None) -> None:
        for mismatch in mismatches:
            if mismatch:
                mismatch.seed = self.seed
                self.record.mismatches.append(mismatch)

    def stop(self, what: str, kind: str, sentence: str) -> _Stop:
        self.tell(Mismatch(what, kind, sentence))
        return _Stop()

    def run(self, thorough: bool) -> None:
        """Compare this draw; a thorough one also repeats calls and differentiates twice."""
        arguments, grad_output = self.arguments(self.seed)
        offered = self.implementation.arguments(self.point.loss, arguments)
        if self.case.raises:
            sides = (self.reference, self.implementation, self.loss)
            self.tell(*witness.refusal(self.case.raises, *sides, arguments, offered))
            return
        if self.case.finding:
            self.record.finding = {"torch": self.case.finding.torch, "output": self.case.finding.output}
            # a wrapper of torch is not accused of what torch leaves undefined
            if self.case.finding.output is not None and self.implementation.framework != "torch":
                self.tell(witness.undefined(self.case.finding, self.forward(offered)[0]))
            return
        expected, reference_vjp = self.torch(arguments)
        if grad_output is None:
            grad_output = self.plan.grad_output(expected, self.seed)
        answers = Answers(
            self.point.loss, self.reference, lambda: self.arguments(self.seed)[0], expected,
            self.torch_backward(reference_vjp, grad_output), grad_output, self.case.tolerance,
        )  # fmt: skip
        before = bits({**offered, "grad_output": grad_output}) if thorough else {}
        output, vjp = self.forward(offered)
        problem = compare.form("output", expected, output)
        if problem:
            self.tell(problem)
            raise _Stop
        gradients = self.backward(vjp, grad_output)
        self.presence(answers.gradients, gradients, vjp)
        for name, value in {"output": output, **gradients}.items():
            if name == "output" or name in answers.gradients:
                share, ulps, problem = answers.compare(name, value)
                self.record.note(name, share, ulps)
                self.tell(problem)
        if thorough:
            self.tell(*changed(before, {**offered, "grad_output": grad_output}, "the call"))
            if not self.record.mismatches:
                self.thorough(offered, output, gradients, vjp, grad_output)
                self.second(vjp, reference_vjp, grad_output, answers.gradients)
        self.witnesses(arguments, output, gradients, answers)
        self.record.lenient += answers.lenient

    def arguments(self, seed: int) -> tuple[dict[str, Any], Array | None]:
        try:
            return self.plan.arguments(seed)
        except Exception as error:
            raise self.stop("case", "draw", f"the arrays cannot be drawn: {told(error)}") from None

    def torch(self, arguments: dict[str, Any]) -> tuple[Array, Any]:
        try:
            return self.reference(**arguments)
        except Exception as error:
            kind = type(error).__name__
            said = f"torch refuses this call with {told(error)}; a case that means so says raises: {{{kind}: ...}}"
            raise self.stop("case", "reference", said) from None

    def torch_backward(self, vjp: Any, grad_output: Array) -> Gradients:
        try:
            gradients: Gradients = vjp(grad_output)
        except Exception as error:
            said = f"torch answers this call, yet its backward refuses it with {told(error)}: say so as a finding"
            raise self.stop("case", "reference", said) from None
        return gradients

    def forward(self, arguments: dict[str, Any]) -> tuple[Array, Any]:
        try:
            return self.loss(**arguments)
        except NotOffered:
            raise
        except Exception as error:
            unknown = [name for name in arguments if f"unexpected keyword argument '{name}'" in str(error)]
            hint = f"; if it is not offered, declare lacks={unknown}" if unknown else ""
            raise self.stop("output", "raises", f"the forward raises {told(error)}, torch answers{hint}") from None

    def backward(self, vjp: Any, grad_output: Array) -> Gradients:
        if "gradient" in self.lacking:
            self.record.not_offered.append("gradient")
            return {}
        try:
            gradients = vjp(grad_output)
        except NotOffered:
            raise
        except Exception as error:
            raise self.stop("gradient", "raises", f"the backward raises {told(error)}, torch's works") from None
        if not isinstance(gradients, dict):
            found = type(gradients).__name__
            raise self.stop("gradient", "type", f"vjp returned {found}, expected a dict of gradients by name")
        return gradients

    def presence(self, expected: Gradients, actual: Gradients, vjp: Any) -> None:
        """Which arguments are differentiable, both ways."""
        if "gradient" in self.lacking:
            return
        if expected and not getattr(vjp, "offered", True):
            said = "the loss returns no vjp, torch has gradients; if they are not offered, declare lacks=['gradient']"
            raise self.stop("gradient", "missing", said)
        for name in sorted(expected.keys() ^ actual.keys()):
            what = f"gradient of {name}"
            if self.implementation.lacks_gradient(self.point.loss, name):
                self.record.not_offered.append(what)
            elif name in expected:
                self.tell(Mismatch(what, "missing", f"{what} is missing, torch has one"))
            else:
                self.tell(Mismatch(what, "extra", f"{what} is given, torch has none"))

    def thorough(
        self, arguments: dict[str, Any], output: Array, gradients: Gradients, vjp: Any, grad_output: Array
    ) -> None:
        """The same answers again, with another call in between."""
        other = self.implementation.arguments(self.point.loss, self.arguments(self.seed + 1)[0])
        try:
            self.tell(*repeats(self.loss, arguments, other, output, gradients, vjp, grad_output))
        except Exception as error:
            self.tell(Mismatch("side effect", "raises", f"calling it a second time raises {told(error)}"))

    def second(self, vjp: Any, reference_vjp: Any, grad_output: Array, gradients: Gradients) -> None:
        """Second derivatives, unless the implementation does not offer them."""
        if SECOND in self.lacking or not hasattr(vjp, "second"):
            self.record.not_offered.append(SECOND)
            return
        along = directions(gradients, generator(f"{self.point.id}#{self.seed}#directions"))
        along = {
            name: value
            for name, value in along.items()
            if not self.implementation.lacks_gradient(self.point.loss, name)
        }
        self.tell(*second_derivatives(vjp, reference_vjp, grad_output, along, self.case.tolerance))

    def witnesses(self, arguments: dict[str, Any], output: Array, gradients: Gradients, answers: Answers) -> None:
        """Published figures and identities."""
        published = self.case.published
        if published:
            self.record.published = {
                "figure": published.output, "torch": answers.output.astype(float).tolist(),
                "ours": output.astype(float).tolist(), "note": published.note,
            }  # fmt: skip
            self.tell(*witness.figures(published, answers.output, output))
        identity = self.point.scenario.identity
        if identity is None or self.record.mismatches:
            return
        known = {**self.point.sizes, **arguments}
        sides: list[tuple[str, Functions, Array, Gradients]] = [
            ("torch", _TORCH, answers.output, answers.gradients),
            (self.implementation.name, _Offered(self.implementation), output, gradients),
        ]
        for side, functions, left, slopes in sides:
            try:
                self.tell(*witness.identity(identity, functions, side, known, answers, left, slopes))
            except (KeyError, NotOffered) as error:
                self.record.not_offered.append(f"identity with {error.args[0]}")


class _Torch(dict[str, Loss]):
    """The reference as a mapping of losses."""

    def __missing__(self, name: str) -> Loss:
        return reference(name)


class _Offered(dict[str, Loss]):
    """An implementation's losses as a mapping; each is called without the options that it lacks."""

    def __init__(self, implementation: Implementation) -> None:
        super().__init__()
        self.implementation = implementation

    def __missing__(self, name: str) -> Loss:
        loss = self.implementation.adapted[name]
        lacking, signature = self.implementation.lacking(name), signature_of(name)

        def call(**arguments: Any) -> Result:
            for word in arguments.keys() & lacking.keys():
                value, default = arguments[word], signature.default(word)
                if value is not default and (isinstance(value, np.ndarray) or value != default):
                    raise NotOffered(word)
            return loss(**{word: value for word, value in arguments.items() if word not in lacking})

        return call


_TORCH = _Torch()

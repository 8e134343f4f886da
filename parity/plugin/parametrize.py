"""A test of the user's own over the points of a loss."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from shlex import quote
from typing import Any, Unpack

import pytest

from parity.cases.points import Point
from parity.engine.gate import Gate
from parity.implementations.declaration import Implementation, Misdeclared
from parity.plugin.outcome import verdict
from parity.question import Options, asked, unmatched
from parity.records.record import Record


@dataclass(frozen=True, slots=True)
class BoundPoint:
    """A point tied to an implementation: what a parametrized test gets."""

    point: Point
    implementation: Implementation
    seeds: range
    gate: Gate
    strict: bool = False
    parity_records: list[Record] = field(default_factory=list, compare=False, repr=False)
    judges: list[Callable[[Record], None]] = field(default_factory=list, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.point.id

    def run(self) -> Record:
        """The record of this point."""
        from parity.engine.run import run_point, unasked
        from parity.engine.since import noted

        if self.gate.problem:
            return unasked(self.point, self.implementation, self.gate.problem)
        record = noted(run_point(self.point, self.implementation, self.seeds, self.gate.experience), self.point)
        if self.strict:
            record.strictly()
        self.gate.closes(record)
        self.parity_records[:] = [record]
        return record

    def check(self) -> None:
        """Raise ParityError if the point leaves parity; skip or expect failure under pytest as declared."""
        __tracebackhide__ = True
        record, test = self.run(), os.environ.get("PYTEST_CURRENT_TEST")
        for judge in self.judges:
            judge(record)
        if record.repeat and test:
            record.repeat = f"pytest {quote(test.rpartition(' (')[0])}"
        verdict(record)


def parametrize(
    loss: str, function: Callable[..., Any], **options: Unpack[Options]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Parametrize a test over the points of `loss`; its argument `point` has `check()`.

    The options are those of `check`. What cannot be called at all, and an expected failure that matches no point, raise
    Misdeclared at once.
    """
    (question,) = asked(loss, function, options)
    implementation = question.implementation
    problem = question.contract.problem
    for sentence in [problem] if problem else unmatched([question]):
        raise Misdeclared(f"{loss} of {implementation.name}: {sentence}")
    gate = Gate()
    bound = [
        BoundPoint(point, implementation, question.seeds_of(point), gate, question.strict) for point in question.points
    ]
    if not bound:
        raise Misdeclared(f"{loss} of {implementation.name}: no point is left of its cases")
    return pytest.mark.parametrize("point", bound, ids=[point.id for point in bound])

"""A test of the user's own over the points of a loss."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from shlex import quote
from typing import Any, Unpack

import pytest

from parity.api import Options, asked, unmatched
from parity.cases.points import Point
from parity.implementations.declaration import Implementation, Misdeclared
from parity.plugin.outcome import verdict
from parity.records.record import Record


@dataclass(frozen=True, slots=True)
class BoundPoint:
    """A point tied to an implementation: what a parametrized test gets."""

    point: Point
    implementation: Implementation
    seeds: range
    strict: bool = False
    parity_records: list[Record] = field(default_factory=list, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.point.id

    def run(self) -> Record:
        """The record of this point."""
        from parity.engine.run import run_point

        record = run_point(self.point, self.implementation, self.seeds)
        if self.strict:
            record.strictly()
        self.parity_records[:] = [record]
        return record

    def check(self) -> None:
        """Raise ParityError if the point leaves parity; skip or expect failure under pytest as declared."""
        __tracebackhide__ = True
        record, test = self.run(), os.environ.get("PYTEST_CURRENT_TEST")
        if record.repeat and test:
            record.repeat = f"pytest {quote(test.rpartition(' (')[0])}"
        verdict(record)


def parametrize(
    loss: str, function: Callable[..., Any], **options: Unpack[Options]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Parametrize a test over the points of `loss`; its argument `point` has `check()`.

    The options are those of `check`. An expected failure that matches no point raises Misdeclared at once.
    """
    question = asked(loss, function, options)
    implementation = question.implementation
    bound = [
        BoundPoint(point, implementation, question.seeds_of(point), question.strict) for point in question.points()
    ]
    for sentence in unmatched(question):
        raise Misdeclared(sentence)
    return pytest.mark.parametrize("point", bound, ids=[point.id for point in bound])

"""Test the tester: every planted bug turns red, and the sentence says what is wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest

from parity.cases.points import Point, seeds_of
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.question import points
from parity.records.mismatch import Mismatch
from parity.records.sentences import sentence
from tests.planted import BUGS, Bug, catalogue

catalogue()


def spread(points: Iterable[Point]) -> Iterator[Point]:
    """The points in another order: the first of each scenario, then the second of each, and so on."""
    scenarios: dict[str, list[Point]] = {}
    for point in points:
        scenarios.setdefault(point.scenario.name, []).append(point)
    for row in zip_longest(*scenarios.values()):
        yield from filter(None, row)


def first_words(bug: Bug) -> tuple[bool, list[Mismatch]]:
    """Whether some mismatch tells the bug in its kind and words, and the mismatches of the first point that is red."""
    implementation = Implementation("planted", bug.framework, {bug.loss: bug.function})
    first: list[Mismatch] = []
    for point in spread(points(bug.loss, implementation, bug.cases)):
        record = run_point(point, implementation, seeds_of(point, None, 0, "default"))
        if any(map(bug.told, record.mismatches)):
            return True, record.mismatches
        first = first or record.mismatches
    return False, first


@pytest.mark.parametrize("bug", BUGS, ids=[bug.id for bug in BUGS])
def test_a_planted_bug_is_told_in_its_kind_and_words(bug: Bug) -> None:
    told, mismatches = first_words(bug)
    assert mismatches, f"no case sees it: {bug.id}"
    said = "\n".join(f"{mismatch.kind}: {sentence(mismatch)}" for mismatch in mismatches)
    assert told, f"no mismatch of kind {bug.kind!r} says {bug.says!r}; the first point that is red says\n{said}"


def test_a_bug_that_raises_by_accident_is_not_caught_by_that() -> None:
    """And one that is told in other words is not told."""

    def raises(**arguments: Any) -> Any:
        raise ZeroDivisionError

    bug = Bug("sigmoid", "the gradient is zero", "value", "gradient of input is zero everywhere", raises)
    told, mismatches = first_words(bug)
    assert {mismatch.kind for mismatch in mismatches} == {"raises"}
    assert not told
    assert first_words(replace(bug, kind="raises", says="the forward raises ZeroDivisionError"))[0]
    assert not first_words(replace(bug, kind="raises", says="the backward raises"))[0]


def test_the_catalogue_is_large_and_each_bug_has_a_name_of_its_own() -> None:
    assert len(BUGS) >= 60
    assert len({bug.id for bug in BUGS}) == len(BUGS)


def test_every_bug_says_by_which_words_it_is_told() -> None:
    """A word that stands in nearly any sentence tells nothing."""
    assert [bug.id for bug in BUGS if len(bug.says.replace("...", "")) < len("differs in")] == []

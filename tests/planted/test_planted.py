"""Test the tester: every planted bug turns red, and the sentence says what is wrong."""

import pytest

from parity.api import points
from parity.cases.points import seeds_of
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from tests.planted import BUGS, Bug, catalogue

catalogue()


def verdict(bug: Bug) -> tuple[int, str]:
    """How many points turned red until one said what is wrong, and what the last one said."""
    implementation = Implementation("planted", bug.framework, {bug.loss: bug.function})
    red, text = 0, ""
    for point in points(bug.loss, implementation, None, None, "default"):
        record = run_point(point, implementation, seeds_of(point, None, 0, "default"))
        if record.unexpected:
            red, text = red + 1, str(record)
            if bug.says in text:
                break
    return red, text


@pytest.mark.parametrize("bug", BUGS, ids=[bug.id for bug in BUGS])
def test_a_planted_bug_turns_red(bug: Bug) -> None:
    red, text = verdict(bug)
    assert red, f"no case sees it: {bug.id}"
    assert bug.says in text


def test_the_catalogue_is_large_and_each_bug_has_a_name_of_its_own() -> None:
    assert len(BUGS) >= 60
    assert len({bug.id for bug in BUGS}) == len(BUGS)

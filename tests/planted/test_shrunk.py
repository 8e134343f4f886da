"""The smallest example of a planted bug shows it without parity, and as a scenario; `--parity-depth deep` takes all."""

import subprocess
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from parity.cases.load import load
from parity.cases.points import Point, expand, seeds_of
from parity.cases.shipped import case_file
from parity.causes.cause import Seen, Unshrinkable
from parity.causes.shrink import Here, Live
from parity.causes.sign import sign_of
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.implementations.registry import served
from parity.question import points
from parity.records.mismatch import Kind, Subject
from parity.records.record import Record
from tests.planted import BUGS, Bug, catalogue
from tests.planted.test_planted import spread

catalogue()
# Every so many bugs are looked at by default, and those that once had no smaller example, or one that showed nothing.
STEP = 40
ALSO = (
    "ctc_loss: as many frames as samples are told by the other axis",
    "log_softmax: the rows of a wider buffer are read as if they were dense",
)
# What a single call does not show: it takes other calls, or the place where it is made.
NOT_OF_A_CALL = (Kind.STATE, Kind.MEMORY, Kind.CRASH, Kind.TIMEOUT)
# What differs in a call only where another came before it.
NOT_OF_THE_FIRST = ("soft_margin_loss: a module keeps the target of its first call",)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bug" in metafunc.fixturenames:
        deep = metafunc.config.getoption("parity_depth", None) == "deep"
        bugs = [bug for place, bug in enumerate(BUGS) if deep or place % STEP == 0 or bug.id in ALSO]
        metafunc.parametrize("bug", bugs, ids=[bug.id for bug in bugs])


def test_the_smallest_example_of_a_planted_bug_shows_it(bug: Bug, tmp_path: Path) -> None:
    implementation = Implementation("planted", bug.framework, {bug.loss: bug.function})
    known = points(bug.loss, implementation, bug.cases)
    records = (run_point(point, implementation, seeds_of(point, None, 0, "default")) for point in spread(known))
    record = next(one for one in records if any(map(bug.told, one.mismatches)))
    sign, mismatch = sign_of(record)
    live = Live(implementation, lambda: {point.id: point for point in known}, lambda: nullcontext(Here(implementation)))
    seen = Seen(record, sign, mismatch)
    if any(one.kind in NOT_OF_A_CALL for one in record.mismatches):
        with suppress(Unshrinkable):
            live.shrunk(seen)
        return
    if bug.id in NOT_OF_THE_FIRST:
        with pytest.raises(Unshrinkable, match="it takes the calls before it"):
            live.shrunk(seen)
        return
    example = live.shrunk(seen)
    assert example.record.mismatches
    _appended(bug, example.scenario, example.point, implementation, record, tmp_path)
    if any(
        one.kind in NOT_OF_A_CALL or one.subject is Subject.IDENTITY or "set to 0 in place" in one.asked
        for one in example.record.mismatches
    ):
        return
    here = f"planted = next(bug.function for bug in catalogue() if bug.id == {bug.id!r})"
    lines = [here if line.startswith("planted = ...") else line for line in example.snippet.splitlines()]
    program = "\n".join(["from tests.planted import catalogue", *lines])
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, cwd=root)
    assert not run.returncode, run.stderr
    assert "<-- differs" in run.stdout, f"{run.stdout}\n{example.snippet}"


def _appended(
    bug: Bug, scenario: str, point: Point, implementation: Implementation, record: Record, folder: Path
) -> None:
    """The scenario, appended to the case file, fails for the same cause."""
    home = case_file(bug.loss) if bug.cases is None else bug.cases
    path = (folder if bug.cases is None else home.parent) / f"appended_{bug.loss}.yaml"
    path.write_text(f"{home.read_text().rstrip()}\n\n{scenario}")
    try:
        scenarios = load(path, served([implementation]))
    finally:
        path.unlink()
    (again,) = (own for one in scenarios if one.name == point.scenario.name for own in expand(one))
    found = run_point(again, implementation, range(1))
    assert sign_of(found)[0].alike(sign_of(record)[0]), f"{found}\n{scenario}"

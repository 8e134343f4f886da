"""What cases mark as another torch's is none of this one's: a mark that hides what this torch answers is stale."""

from collections.abc import Iterator

import pytest

from parity.cases.load import load
from parity.cases.needs import Need
from parity.cases.points import Point, expand
from parity.cases.shipped import case_folder
from parity.engine.run import run_point
from parity.implementations.registry import named, served
from parity.references import versions
from parity.references.versions import release

LOOKED_AT = 20  # points of a mark


def hidden() -> Iterator[tuple[str, Need, list[Point]]]:
    """The marks that are not for this torch, by file, each with points that it hides."""
    for path in sorted(case_folder().glob("*.yaml")):
        points: dict[int, tuple[Need, list[Point]]] = {}
        for scenario in load(path, served()):
            if any(not need.holds(release()) for need in scenario.needs):
                for point in expand(scenario):
                    need = point.needs(release())
                    if need is not None:
                        points.setdefault(id(need), (need, []))[1].append(point)
        yield from ((path.stem, *found) for found in points.values())


HIDDEN = list(hidden())


@pytest.mark.skipif(bool(HIDDEN), reason="this torch is one that cases mark as without something")
def test_all_that_cases_mark_is_in_this_torch() -> None:
    assert not HIDDEN


@pytest.mark.parametrize(("loss", "need", "points"), HIDDEN, ids=[f"{one[0]}-{one[1].version}" for one in HIDDEN])
def test_what_is_marked_as_another_torchs_is_not_in_this_one(
    loss: str, need: Need, points: list[Point], monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = versions.lacking_of(loss)
    if lacking is not None and lacking.function:
        pytest.skip(f"this torch has no {loss} at all")
    answered = [point for point in points if lacking is None or "weight" not in point.choice]
    monkeypatch.setattr("parity.engine.run.missing", lambda point: None)
    records = [run_point(point, named("numpy"), range(1)) for point in answered[:LOOKED_AT]]
    assert any(record.unexpected for record in records), f"{loss}: torch {need.version} is marked for nothing"

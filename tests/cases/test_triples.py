"""Every fact with every dtype under every reduction occurs in some point, but for what lacking.yaml states."""

from pathlib import Path

import pytest
import yaml

from parity.cases.shipped import case_folder
from parity.report.triples import FACTS, Triple, compared, triples

FILES = sorted(case_folder().glob("*.yaml"))
HELD = yaml.safe_load((Path(__file__).parent / "lacking.yaml").read_text())


def stated(loss: str) -> list[Triple]:
    """The triples that the file says no point of the loss has."""
    lacking = HELD["lacking"].get(loss, {})
    return [Triple(fact, *pair.split()) for fact, pairs in lacking.items() for pair in pairs]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_fact_with_a_dtype_under_a_reduction_occurs_or_is_stated_to_lack(path: Path) -> None:
    missing = triples(list(compared(path)))[1]
    told = set(stated(path.stem))
    assert sorted(map(str, set(missing) - told)) == [], "add a case, or state it in tests/cases/lacking.yaml"
    assert sorted(map(str, told - set(missing))) == [], "has a point by now: take it out of tests/cases/lacking.yaml"


def test_each_lacking_fact_has_its_reason() -> None:
    named = {fact for loss in HELD["lacking"].values() for fact in loss}
    assert named <= HELD["because"].keys() <= set(FACTS)
    assert all(len(reason.split()) > 3 for reason in HELD["because"].values())


def test_what_lacks_is_found() -> None:
    """Without the points of one scenario its triples lack."""
    points = list(compared(case_folder() / "mse_loss.yaml"))
    fewer = [point for point in points if "empty" not in point.scenario.name]
    assert Triple("empty", "float16", "sum") in triples(points)[0]
    assert Triple("empty", "float16", "sum") not in triples(fewer)[0]

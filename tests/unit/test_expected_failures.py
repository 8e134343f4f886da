"""The expected failures of the textbook formulas: they hold at every draw, not at those of the default seeds alone."""

import pytest

from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file
from parity.engine.facts import PointFacts
from parity.engine.run import run_point
from parity.implementations.registry import named, served
from parity.libraries import textbook

TEXTBOOK = named("textbook")
SEEDS = [0, 1, 2, 6, 8, 14, 199]


def expected_to_fail(loss: str) -> list[Point]:
    points = [point for scenario in load(case_file(loss), served()) for point in expand(scenario)]
    contract = TEXTBOOK.contract(loss)
    return [
        one
        for one in points
        if contract.expected_failure(one, PointFacts(one, SEEDS)) and not contract.terms(one).refused
    ]


@pytest.mark.parametrize("loss", textbook.LOSSES)
def test_an_expected_failure_holds_at_any_single_seed(loss: str) -> None:
    for point in expected_to_fail(loss):
        verdicts = {run_point(point, TEXTBOOK, [seed]).verdict for seed in SEEDS}
        assert verdicts in ({"xfailed"}, {"not offered"}), point.id


def test_there_are_expected_failures() -> None:
    assert sum(len(expected_to_fail(loss)) for loss in textbook.LOSSES) >= 140

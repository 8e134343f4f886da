"""How much is said of where a cause shows: no more than its points can tell."""

import pytest

from parity.causes.apart import told_apart
from parity.causes.group import causes
from tests.unit.test_causes import only, point, raising, value

ALL = ["empty", "float16", "reduction=none", "weight"]


@pytest.mark.parametrize("points", [1, 2, 3, 20])
def test_a_condition_has_no_more_terms_than_points(points: int) -> None:
    others = [[word for word in ALL if word != left] for left in ALL for _ in range(50)]
    condition = told_apart([ALL] * points, others)
    assert len(condition.terms) == min(points, 3)


def test_facts_of_a_few_points_are_told_with_a_doubt() -> None:
    passing = [point(100 + n, "float32") for n in range(200)]
    failing = [point(n, "float32", "weight", mismatches=[value()]) for n in range(3)]
    assert only([failing[0], *passing]).scope == "perhaps only with weight, since few points tell little"
    assert only([*failing, *passing]).scope == "only with weight"
    alike = point(0, "float32", mismatches=[value()])
    assert only([alike, *passing]).scope == "so few points do not tell where"
    assert only([alike]).scope == ""


def test_an_exception_at_nine_of_ten_points_is_of_the_set_up() -> None:
    failing = [point(n, "weight", mismatches=[raising("KeyError: no kernel (mine.py:3)")]) for n in range(90)]
    passing = [point(100 + n, "float32") for n in range(30)]
    assert only([*failing, *passing[:10]]).everywhere
    assert not any(cause.everywhere for cause in causes([*failing, *passing]))

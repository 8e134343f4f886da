"""The order of points: those that see most wrong losses first, in every way in, whatever becomes of the cases."""

import json
from pathlib import Path

import pytest

from parity import losses
from parity.cases.load import load
from parity.cases.order import FILE, SMOKE, firsts_first, head, key_of, ordered
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file, case_folder
from parity.implementations.declaration import Implementation
from parity.implementations.registry import served
from parity.question import asked

ORDERS: dict[str, list[str]] = {
    loss: parts["smoke"] for loss, parts in json.loads((case_folder() / FILE).read_text()).items()
}
LOSS = "margin_ranking_loss"
OWN = """
loss: mse_loss
defaults: {given: {input: {normal: [2, 3]}, target: {normal: [2, 3]}}}
cases:
  - name: one
    across: {reduction: [none, mean, sum]}
  - name: two
    across: {dtype: [float32, float64]}
  - name: there for its size
    given: {input: {normal: [2000]}, target: {normal: [2000]}}
    observe: [one call]
"""


def in_file(path: Path) -> list[Point]:
    scenarios = [one for one in load(path, served()) if one.case.depth == "default"]
    return [point for scenario in scenarios for point in expand(scenario)]


@pytest.fixture(scope="module")
def points() -> list[Point]:
    return in_file(case_file(LOSS))


def ids(points: list[Point]) -> list[str]:
    return [point.id for point in points]


def test_the_known_points_come_first_and_the_first_of_each_scenario_follow(points: list[Point]) -> None:
    found = ordered(points)
    known = [f"{LOSS}/{key}" for key in ORDERS[LOSS]]
    assert ids(found)[: len(known)] == known
    others = [point for point in points if point.id not in known]
    assert found[len(known) :] == firsts_first(others)
    scenarios = [point.scenario.name for point in others if not point.scenario.case.one_call]
    turn = list(dict.fromkeys(scenarios))
    assert list(dict.fromkeys(point.scenario.name for point in found[len(known) :]))[: len(turn)] == turn
    large = [point.scenario.case.one_call for point in found[len(known) :]]
    assert large == sorted(large)
    assert ids(ordered(reversed(points)))[: len(known)] == known


def test_depth_smoke_is_the_head(points: list[Point]) -> None:
    found = head(ordered(points))
    assert ids(found) == [f"{LOSS}/{key}" for key in ORDERS[LOSS]]
    assert len(found) <= SMOKE


def test_a_change_of_cases_does_not_break_the_order(points: list[Point]) -> None:
    """A scenario that is gone is left out, and a new one comes after what is known."""
    first, *known = ORDERS[LOSS]
    changed = [point for point in points if key_of(point) != first]
    assert ids(head(ordered(changed))) == [f"{LOSS}/{key}" for key in known]


@pytest.mark.parametrize("loss", losses.LOSSES)
def test_every_loss_has_an_order_of_points_that_are_few_and_begin_with_an_answer(loss: str) -> None:
    assert 20 <= len(ORDERS[loss]) == len(set(ORDERS[loss])) <= SMOKE


def test_losses_and_cases_of_a_users_own_have_a_head_too(tmp_path: Path) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(OWN)
    points = in_file(path)
    assert ordered(points) == points
    names = [id.removeprefix("mse_loss/") for id in ids(head(points))]
    assert names == ["one/none-float32", "two/float32", "one/mean-float32", "two/float64", "one/sum-float32"]
    assert ids(head(points[-1:])) == ["mse_loss/there for its size/float32"]
    assert head([]) == []


def test_of_some_points_the_known_ones_come_first_and_others_follow(points: list[Point]) -> None:
    some = [point for point in ordered(points) if point.dtype == "float16"]
    found = head(some)
    known = [point for point in some if key_of(point) in ORDERS[LOSS]]
    assert 0 < len(known) < len(found) <= SMOKE
    assert found[: len(known)] == known


def test_options_of_another_function_leave_the_order(points: list[Point]) -> None:
    def reference(input1, input2, target, margin=0.0, reduction="mean", scale=None):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    options = {"reference": reference, "vary": {"scale": [None, 2.0]}, "depth": "smoke"}
    (question,) = asked(LOSS, losses.margin_ranking_loss, options)
    keys = [key_of(point) for point in question.points]
    assert len(keys) <= SMOKE
    assert keys[::2] == keys[1::2] == ORDERS[LOSS][: len(keys) // 2]


def test_no_seed_changes_the_order() -> None:
    found = [
        ids(asked(LOSS, Implementation("own", losses={LOSS: losses.margin_ranking_loss}), options)[0].points)
        for options in ({"depth": "smoke"}, {"depth": "smoke", "seed_base": 7, "seeds": 1})
    ]
    assert found[0] == found[1]

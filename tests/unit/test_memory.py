"""The memory of a point: what its draws are estimated to take, and what follows from it in the engine."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity import losses
from parity.cases.checks import extents
from parity.cases.load import load
from parity.cases.memory import MOST, bytes_of, most_bytes
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file
from parity.comparison import observe
from parity.draws.draw import Plan
from parity.engine import stages
from parity.engine.run import run_point
from parity.implementations.registry import named, served
from tests.planted import EXAMPLES

NUMPY = named("numpy")


def cases_of(loss: str) -> Path:
    return case_file(loss) if loss in losses.LOSSES else EXAMPLES / f"{loss}.yaml"


def points_of(loss: str) -> list[Point]:
    return [point for scenario in load(cases_of(loss), served()) for point in expand(scenario)]


def buffer(array: np.ndarray[Any, Any]) -> int:
    """The bytes of what an array is a view of, less what padding adds."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.nbytes


@pytest.mark.parametrize(
    "loss",
    ["cross_entropy", "mse_loss", "linear_cross_entropy", "ctc_loss", "sigmoid", "softmax_focal_loss"],
)
def test_the_arrays_of_a_draw_take_no_more_than_was_estimated(loss: str) -> None:
    for point in points_of(loss)[::7]:
        arguments, own = Plan(point).arguments(0)
        drawn = [value for value in [*arguments.values(), own] if isinstance(value, np.ndarray)]
        padding = 64 * sum(value.size + 5 for value in drawn)
        assert sum(map(buffer, drawn)) <= bytes_of(point) + padding * (
            not {"offset", "padded"}.isdisjoint(point.layouts.values())
        ), point.id


@pytest.mark.parametrize(
    "loss", ["cross_entropy", "kl_div", "adaptive_log_softmax_with_loss", "gaussian_nll_loss", "z_loss_cross_entropy"]
)
def test_the_most_of_a_scenario_is_that_of_its_largest_point(loss: str) -> None:
    for scenario in load(cases_of(loss), served()):
        most = max(bytes_of(point) for point in expand(scenario))
        assert most == most_bytes(scenario, extents(scenario)) < MOST


def test_large_draws_are_held_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    point = next(one for one in points_of("mse_loss") if not one.scenario.case.raises and one.dtype == "float32")
    held: list[int] = []
    own = stages._agreements

    def agreements(these: stages.Stages, seeds: list[Any]) -> None:
        held.append(len(seeds))
        own(these, seeds)

    monkeypatch.setattr(stages, "_agreements", agreements)
    together = run_point(point, NUMPY, range(7))
    assert held == [6, 1]
    monkeypatch.setattr(stages, "HELD", 2 * bytes_of(point))
    held.clear()
    by_two = run_point(point, NUMPY, range(7))
    assert held == [2, 2, 2, 1]
    monkeypatch.setattr(stages, "HELD", 1)
    alone = run_point(point, NUMPY, range(7))
    assert together.verdict == "passed"
    assert together == by_two == alone


@pytest.mark.parametrize(
    ("owner", "name", "sentence"),
    [
        (Plan, "arguments", "the arrays cannot be drawn: MemoryError"),
        (Plan, "grad_output", "the memory does not suffice for this draw: MemoryError"),
        (observe, "bits", "the memory does not suffice for this draw: MemoryError"),
    ],
)
def test_memory_that_does_not_suffice_is_the_failure_of_that_point(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, sentence: str
) -> None:
    def exhausted(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(owner, name, exhausted)
    record = run_point(points_of("mse_loss")[0], NUMPY, range(3))
    assert record.verdict == "failed"
    assert sentence in str(record)

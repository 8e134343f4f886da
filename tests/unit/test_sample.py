"""Which points are asked for what is dear: the same in each run, a part of large scenarios, all of the small ones."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from parity.cases.load import load
from parity.cases.order import named
from parity.cases.points import Point, expand, seeds_of
from parity.cases.sample import EVERY, FEW, only_draw
from parity.cases.shipped import case_file
from parity.engine import observations, stages
from parity.engine.asking import Draw
from parity.engine.run import run_point
from parity.engine.sample import repeated, sampled
from parity.implementations.declaration import Implementation
from parity.implementations.registry import served
from parity.records.mismatch import Mismatch

CASE = """
loss: mse_loss
cases:
  - name: plain grid
    sizes: {{N: 1}}
    given: {{input: {{normal: [N]}}, target: {{normal: [N]}}}}
    across: {{N: {sizes}}}
"""


def points(folder: Path, count: int) -> list[Point]:
    path = folder / "mse_loss.yaml"
    path.write_text(CASE.format(sizes=[*range(1, count + 1)]))
    return [point for scenario in load(path, served()) for point in expand(scenario)]


def test_of_a_large_scenario_a_part_is_asked_and_the_same_each_time(tmp_path: Path) -> None:
    first, again = ([sampled(point, 3) for point in points(tmp_path, 300)] for _ in range(2))
    assert first == again
    assert 0.8 / EVERY < sum(first) / len(first) < 1.2 / EVERY


def test_all_of_a_small_one_and_all_with_more_draws(tmp_path: Path) -> None:
    assert all(sampled(point, 3) for point in points(tmp_path, FEW))
    assert all(sampled(point, len(seeds_of(point, None, 0, "deep"))) for point in points(tmp_path, 30))
    assert all(sampled(point, 4) for point in points(tmp_path, 30))


def test_draws_are_spared_in_turn_where_kills_are_recorded_and_the_order_names_no_point() -> None:
    known = [
        point
        for scenario in load(case_file("mse_loss"), served())
        if scenario.case.depth == "default" and scenario.case.seeds is None
        for point in expand(scenario)
    ]
    found = {point: seeds_of(point, None, 0, "default") for point in known}
    assert {*found.values()} == {range(1), range(1, 2), range(2, 3), range(3)}
    spared = [point for point in found if only_draw(point, 3) is not None]
    for draw in range(3):
        assert 0.25 < sum(found[point] == range(draw, draw + 1) for point in spared) / len(spared) < 0.42
    assert not any(map(named, spared))
    assert not any(sampled(point, 1) for point in spared)
    for point in spared:
        assert seeds_of(point, 3, 0, "default") == range(3)
        assert len(seeds_of(point, None, 0, "deep")) == 30
        assert seeds_of(point, None, 6, "default")[0] in range(6, 9)


def test_no_draw_is_spared_where_no_kill_is_recorded(tmp_path: Path) -> None:
    assert {seeds_of(point, None, 0, "default") for point in points(tmp_path, 30)} == {range(3)}


def test_what_is_sampled_is_asked_there_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(draw: Draw) -> list[Mismatch]:
        asked.append(draw.pair.point.id)
        return []

    monkeypatch.setattr(stages, "SAMPLED", (note,))
    ours = Implementation("ours", "torch", {"mse_loss": F.mse_loss})
    chosen = points(tmp_path, 12)
    for point in chosen:
        run_point(point, ours, range(3))
    assert asked == [point.id for point in chosen if sampled(point, 3)]
    assert 0 < len(asked) < len(chosen)


def test_second_derivatives_are_seen_wrong_in_a_large_scenario(tmp_path: Path) -> None:
    class Detached(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            ctx.slope = 2 * (input - target).detach() / input.numel()
            return F.mse_loss(input, target)

        @staticmethod
        def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
            return grad_output * ctx.slope, -grad_output * ctx.slope

    def detached(input: torch.Tensor, target: torch.Tensor) -> Any:
        return Detached.apply(input, target)  # type: ignore[no-untyped-call]

    assert observations.second_order in observations.SAMPLED
    ours = Implementation("ours", "torch", {"mse_loss": detached})
    chosen = points(tmp_path, 12)
    verdicts = {point.id: run_point(point, ours, range(3)).verdict for point in chosen}
    assert {id for id, verdict in verdicts.items() if verdict == "failed"} == {
        point.id for point in chosen if sampled(point, 3)
    }


def test_a_call_is_repeated_wherever_no_draw_is_spared(tmp_path: Path) -> None:
    assert all(repeated(point, 3) for point in points(tmp_path, 30))
    scenarios = [one for one in load(case_file("mse_loss"), served()) if one.case.seeds is None]
    known = [point for scenario in scenarios for point in expand(scenario)]
    assert all(repeated(point, 3) == (only_draw(point, 3) is None) for point in known)
    assert {only_draw(point, 3) for point in known} == {None, 0, 1, 2}
    assert all(repeated(point, 4) for point in known)

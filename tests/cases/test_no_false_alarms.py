"""The true functions are never accused: torch itself, our NumPy losses at fresh seeds, and more exact ones."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from parity import losses
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.implementations.registry import named
from parity.question import points
from parity.records.record import Record
from parity.references.torch import FUNCTIONS

BASES = 20
FRESH = range(10_000, 10_200)
SAMPLED = 5
EVERY = 3


def told(records: list[Record]) -> str:
    return "\n".join(str(record) for record in records if record.unexpected)


@pytest.mark.parametrize("loss", sorted(FUNCTIONS))
def test_torch_itself_is_green_at_twenty_seed_bases(loss: str) -> None:
    """Each base takes its share of the points; `pytest cases --implementation torch --seeds 20` takes all of both."""
    torch = named("torch")
    records = []
    for number, point in enumerate(points(loss, torch)):
        records.append(run_point(point, torch, [1000 * (1 + number % BASES)]))
    assert len(records) > BASES
    assert not told(records)


@pytest.mark.parametrize("loss", sorted(losses.LOSSES))
def test_numpy_losses_are_green_at_two_hundred_fresh_seeds(loss: str) -> None:
    ours = named("numpy")
    drawn = [point for point in points(loss, ours) if point.scenario.seeds > 1]
    step = max(1, len(drawn) // SAMPLED)
    assert not told([run_point(point, ours, FRESH) for point in drawn[step // 2 :: step]])


def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, computed in float64 and rounded once: nearer to the truth than torch."""

    def wide(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not (value.is_floating_point() or value.is_complex()):
            return value
        return value.to(torch.complex128 if value.is_complex() else torch.float64)

    def double(**arguments: Any) -> Any:
        output = function(**arguments)
        if arguments.get("dtype") or arguments.get("options"):
            return output
        return function(**{name: wide(value) for name, value in arguments.items()}).to(output.dtype)

    return double


@pytest.mark.parametrize("loss", sorted(FUNCTIONS))
def test_a_loss_in_float64_that_is_rounded_once_is_green(loss: str) -> None:
    """But for the cases that say why a better answer than torch's is another; each of them must have such a point."""
    implementation = Implementation("in double", "torch", {loss: in_double(FUNCTIONS[loss])})
    every = points(loss, implementation)
    drawn = every[::EVERY]
    records = [run_point(point, implementation, [1]) for point in drawn if not point.scenario.case.better]
    assert len(records) > len(drawn) / 2
    assert not told(records)
    better = {point.scenario.name for point in every if point.scenario.case.better}
    for name in better:
        few = [point for point in every if point.scenario.name == name]
        verdicts = {run_point(point, implementation, [1]).verdict for point in few}
        assert verdicts & {"failed", "nearer than torch"}, f"{name!r} is green"

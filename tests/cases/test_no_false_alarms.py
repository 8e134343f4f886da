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


# Where right losses were accused once, of 650,000 draws at fresh seeds.
ACCUSED = (
    ("adaptive_log_softmax_with_loss/a million samples match torch/float32", 37_000_000),
    ("adaptive_log_softmax_with_loss/large logits stay finite/output-float64", 33_000_000),
    ("cosine_embedding_loss/millions of columns match torch/float32", 66_000_000),
    (
        "gaussian_nll_loss/eps and full hold beside whole targets and one variance for a row/wide-each-mean-float32",
        36_000_000,
    ),
    (
        "kl_div/the logarithm of narrow probabilities is taken in their own dtype/log_target=false-batchmean-float64",
        32_000_002,
    ),
    ("linear_cross_entropy/more targets have no losses of their own in chunks/float32", 31_000_000),
    ("poisson_nll_loss/bool log rates match torch/float32-none-float32", 42_000_001),
    ("poisson_nll_loss/integers are taken as float32/float32-log_input=true-none-float32", 52_000_000),
    ("softmax/large logits in long columns do not overflow/dim=0-float64", 36_000_000),
    ("triplet_margin_loss/the margin holds where dtypes meet/wide-mean-float32", 37_000_000),
)


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


@pytest.mark.parametrize(("id", "seed"), ACCUSED)
def test_numpy_losses_are_accused_no_more_where_they_were(id: str, seed: int) -> None:
    ours = named("numpy")
    (point,) = (point for point in points(id.partition("/")[0], ours) if point.id == id)
    assert not told([run_point(point, ours, [seed])])


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

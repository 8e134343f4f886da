"""Second derivatives where torch is no measure: of nothing, and in a tail that torch loses in float64 too."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import parity
from parity.comparison.truth import EXTENDED

TAIL = "logsigmoid/the upper tail keeps its digits*"


def divided_first(
    input: torch.Tensor, target: torch.Tensor, reduction: str = "mean", log_target: bool = False
) -> torch.Tensor:
    """kl_div that divides each element by the batch, where torch divides their sum."""
    if reduction != "batchmean":
        return F.kl_div(input, target, reduction=reduction, log_target=log_target)
    rows = len(input) if input.ndim else 1
    elements = F.kl_div(input, target, reduction="none", log_target=log_target)
    return (elements / rows).sum() if rows else elements.sum() + nan


def test_a_right_zero_is_not_accused_where_torch_multiplies_nothing_by_infinity() -> None:
    report = parity.check("kl_div", divided_first, framework="torch", only="empty and reduction=batchmean", seeds=1)
    assert report.count("passed") >= 8
    assert report, str(report)


def logsigmoid(bent: float = 1.0) -> Callable[[torch.Tensor], torch.Tensor]:
    """Torch's, whose second derivative is -sigmoid(x) sigmoid(-x) times `bent`: torch's own is 0 beyond 38."""

    class Slope(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, input: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(input)
            return torch.sigmoid(-input)

        @staticmethod
        def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
            (input,) = ctx.saved_tensors
            return -bent * grad_output * torch.sigmoid(input) * torch.sigmoid(-input)

    class Value(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, input: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(input)
            return F.logsigmoid(input)

        @staticmethod
        def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
            slope: torch.Tensor = Slope.apply(*ctx.saved_tensors)  # type: ignore[no-untyped-call]
            return grad_output * slope

    return lambda input: Value.apply(input)  # type: ignore[no-untyped-call]


@pytest.mark.skipif(not EXTENDED, reason="where longdouble is a double, torch's own float64 is all that is known")
def test_a_tail_that_torch_loses_is_a_finding() -> None:
    report = parity.check("logsigmoid", logsigmoid(), framework="torch", only=TAIL, seeds=1)
    assert report, str(report)
    found = [str(record) for record in report.records if record.verdict == "nearer than torch"]
    assert len(found) == 3
    assert all("second derivative by input" in text and "a finding against torch" in text for text in found)


@pytest.mark.parametrize("bent", [1.001, 0.0])
def test_a_tail_that_is_wrong_itself_is_not_excused(bent: float) -> None:
    report = parity.check("logsigmoid", logsigmoid(bent), framework="torch", only=TAIL, seeds=1)
    assert not report
    assert sum("second derivative by input" in str(record) for record in report.records if record.unexpected) >= 2

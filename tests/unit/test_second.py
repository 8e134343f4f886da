"""Second derivatives where there is nothing to derive: a sum of no element is 0, whatever it is divided by."""

from math import nan

import torch
import torch.nn.functional as F

import parity


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

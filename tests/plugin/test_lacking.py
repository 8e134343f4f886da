"""A gradient that an implementation declares to lack is neither asked for nor compared, whether it gives one or not."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.types import Array, Result
from tests.plugin.user import SMALL

WEIGHTED = """
loss: nll_loss
cases:
  - name: weighted
    given: {input: {normal: [3, 2]}, target: {classes: [3], below: 2}, weight: {uniform: [2]}}
    across: {reduction: [none, sum]}
"""


def test_a_gradient_that_is_lacking_yet_given_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "nll_loss.yaml"
    path.write_text(WEIGHTED)

    def gives(input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        rows = -(weight[target] * input.gather(1, target[:, None])[:, 0])
        return rows if reduction == "none" else rows.sum()

    report = parity.check("nll_loss", gives, framework="torch", cases=path, lacks=["gradient of weight"])
    assert report.ok, report
    assert "not offered: gradient of weight" in str(report)
    told = parity.check("nll_loss", gives, framework="torch", cases=path).failures[0]
    assert "gradient of weight is given, torch has none" in told


def test_a_gradient_that_is_lacking_is_not_asked_for_in_the_second_call(tmp_path: Path) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)

    def forward_alone(**arguments: Any) -> Result:
        def backward(grad_output: Array) -> Any:
            raise NotImplementedError

        return losses.mse_loss(**arguments)[0], backward

    report = parity.check("mse_loss", forward_alone, cases=path, lacks=["gradient"])
    assert report.ok, report
    report = parity.check("mse_loss", F.mse_loss, framework="torch", cases=path, lacks=["gradient"])
    assert report.ok, report

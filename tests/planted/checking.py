"""The check of one function on two small case files, for the tests of what must not be green."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

import parity

MSE = """
loss: mse_loss
cases:
  - name: plain grid
    given: {input: {normal: [2, 3]}, target: {normal: [2, 3]}}
    across: {reduction: [none, mean], dtype: [float32, float64]}
"""
CROSS = """
loss: cross_entropy
cases:
  - name: plain grid
    given: {input: {normal: [4, 3]}, target: {classes: [4], below: 3}}
    across: {reduction: [none, mean]}
"""


def check(cases: Path, function: Callable[..., Any], loss: str = "mse_loss", **more: Any) -> parity.Report:
    """The report of a loss on its case file in the folder `cases`."""
    return parity.check(loss, function, cases=cases / f"{loss}.yaml", **{"framework": "torch", **more})


def detached(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """mse_loss without a gradient: red wherever gradients are compared."""
    return F.mse_loss(input.detach(), target.detach(), **options)

"""Twelve shapes that people's losses have: the lines that their owners write, green for a right one, red for a bug."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity

CROSS = """
loss: cross_entropy
cases:
  - name: grid
    given: {input: {normal: [4, 3]}, target: {classes: [4], below: 3}}
    across: {reduction: [none, mean, sum], dtype: [float32, float64]}
  - name: halves
    given: {input: {normal: [4, 3]}, target: {classes: [4], below: 3}}
    across: {dtype: [float16, bfloat16]}
  - name: ignored
    given: {input: {normal: [4, 3]}, target: [0, -100, 2, 1]}
    across: {reduction: [none, mean]}
  - name: smoothed
    given: {input: {normal: [4, 3]}, target: {classes: [4], below: 3}, label_smoothing: 0.1}
"""
MSE = """
loss: mse_loss
cases:
  - name: grid
    given: {input: {normal: [2, 3]}, target: {normal: [2, 3]}}
    across: {reduction: [none, mean, sum], dtype: [float32, float64]}
"""
Tensor = torch.Tensor
Function = Callable[..., Any]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "cross_entropy.yaml").write_text(CROSS)
    (tmp_path / "mse_loss.yaml").write_text(MSE)
    return tmp_path


def reduced(rows: Tensor, reduction: str, count: Tensor | float) -> Tensor:
    if reduction == "none":
        return rows
    return rows.sum() / count if reduction == "mean" else rows.sum()


def cross_entropy(logits: Tensor, labels: Tensor, reduction: str, ignored: bool = True) -> Tensor:
    """The loss that most shapes have inside; `ignored` says whether rows with the label -100 are left out of it."""
    kept = labels != -100
    rows = -logits.log_softmax(-1).gather(-1, labels.where(kept, 0)[:, None])[:, 0]
    rows = rows * kept if ignored else rows
    return reduced(rows, reduction, kept.sum() if ignored else float(len(rows)))


def red(report: parity.Report, because: str) -> bool:
    """Whether the report fails for the reason that was planted."""
    return not report.ok and not report.problem and any(because in failure for failure in report.failures)


def test_a_function_of_other_names(cases: Path) -> None:
    def fused_ce(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        return cross_entropy(logits, labels, reduction)

    def wrong(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        return cross_entropy(logits, labels, reduction, ignored=False)

    names = {"input": "logits", "target": "labels"}
    report = parity.check("cross_entropy", fused_ce, framework="torch", arguments=names, cases=cases)
    assert report.ok, report
    assert report.notes[0].startswith(
        "not offered by its signature: weight, size_average, ignore_index, reduce, label_sm"
    )
    report = parity.check("cross_entropy", wrong, framework="torch", arguments=names, cases=cases)
    assert red(report, "cross_entropy/ignored/mean")


def test_a_positional_only_function(cases: Path) -> None:
    def fused_mse(prediction: Tensor, target: Tensor, reduction: str = "mean", /) -> Tensor:
        return reduced((prediction - target) ** 2, reduction, target.numel())

    def wrong(prediction: Tensor, target: Tensor, reduction: str = "mean", /) -> Tensor:
        return reduced((prediction - target) ** 2, reduction, len(target))

    assert parity.check("mse_loss", fused_mse, framework="torch", cases=cases).ok
    assert red(parity.check("mse_loss", wrong, framework="torch", cases=cases), "3 times torch's")


class FusedMse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor, reduction: str) -> Tensor:
        ctx.save_for_backward(input, target)
        ctx.count = target.numel() if reduction == "mean" else 1
        return reduced((input - target) ** 2, reduction, target.numel())

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        input, target = ctx.saved_tensors
        gradient = 2 * (input - target) * grad_output / ctx.count
        return gradient, -gradient, None


class WrongMse(FusedMse):
    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return FusedMse.backward(ctx, torch.ones_like(grad_output))


def test_an_autograd_function(cases: Path) -> None:
    lacks = {"second derivatives": "the backward is a kernel"}
    report = parity.check("mse_loss", FusedMse.apply, framework="torch", lacks=lacks, cases=cases)
    assert report.ok, report
    report = parity.check("mse_loss", WrongMse.apply, framework="torch", lacks=lacks, cases=cases)
    assert red(report, "gradient of input")


class CrossEntropy(torch.nn.Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(logits, target, self.reduction)


class Forgetful(CrossEntropy):
    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(logits.detach() + 0 * logits, target, self.reduction)


def test_a_module_class_and_a_module(cases: Path) -> None:
    names = {"input": "logits"}
    report = parity.check("cross_entropy", CrossEntropy, framework="torch", arguments=names, cases=cases)
    assert report.ok, report
    report = parity.check("cross_entropy", Forgetful, framework="torch", arguments=names, cases=cases)
    assert red(report, "gradient of input")
    lacks = ["reduction"]
    report = parity.check("cross_entropy", CrossEntropy(), framework="torch", arguments=names, lacks=lacks, cases=cases)
    assert report.ok, report
    report = parity.check("cross_entropy", Forgetful(), framework="torch", arguments=names, lacks=lacks, cases=cases)
    assert red(report, "gradient of input")


def scaled_mse(input: Tensor, target: Tensor, scale: float, reduction: str = "mean") -> Tensor:
    return scale * reduced((input - target) ** 2, reduction, target.numel())


def test_a_partial(cases: Path) -> None:
    assert parity.check("mse_loss", partial(scaled_mse, scale=1.0), framework="torch", cases=cases).ok
    report = parity.check("mse_loss", partial(scaled_mse, scale=2.0), framework="torch", cases=cases)
    assert red(report, "2 times torch's")


class Library:
    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def loss(self, input: Tensor, target: Tensor, reduction: str = "mean", ignore_index: int = -100) -> Tensor:
        return F.cross_entropy(
            input, target, reduction=reduction, ignore_index=ignore_index, label_smoothing=self.smoothing
        )


def test_a_bound_method(cases: Path) -> None:
    assert parity.check("cross_entropy", Library(0.0).loss, framework="torch", cases=cases).ok
    assert red(parity.check("cross_entropy", Library(0.1).loss, framework="torch", cases=cases), "output")


def test_a_loss_with_more_beside_it(cases: Path) -> None:
    def with_aux(input: Tensor, target: Tensor, reduction: str = "mean") -> tuple[Tensor, dict[str, Tensor]]:
        return cross_entropy(input, target, reduction), {"z": input.logsumexp(-1)}

    def wrong(input: Tensor, target: Tensor, reduction: str = "mean") -> tuple[Tensor, dict[str, Tensor]]:
        return cross_entropy(input, target, reduction) + input.logsumexp(-1).mean(), {}

    assert parity.check("cross_entropy", with_aux, framework="torch", output=0, cases=cases).ok
    assert red(parity.check("cross_entropy", wrong, framework="torch", output=0, cases=cases), "output")
    report = parity.check("cross_entropy", with_aux, framework="torch", cases=cases)
    assert "the loss returned tuple (Tensor, dict), expected a tensor; if the loss is the first" in report.problem


def test_a_compiled_function(cases: Path) -> None:
    compiled = torch.compile(lambda input, target: ((input - target) ** 2).mean(), backend="eager")
    wrong = torch.compile(lambda input, target: ((input - target) ** 2).sum(), backend="eager")
    only = "mse_loss/grid/mean-float32"
    report = parity.check("mse_loss", compiled, framework="torch", only=only, cases=cases)
    assert report.ok, report
    assert "note: 1 of 1 points ran compiled code" in report.notes
    assert red(parity.check("mse_loss", wrong, framework="torch", only=only, cases=cases), "as if reduction were sum")


def test_a_numpy_function_without_vjp(cases: Path) -> None:
    def forward(input: Any, target: Any, reduction: str = "mean") -> Any:
        squares = (input - target) ** 2
        return squares if reduction == "none" else getattr(np, reduction)(squares)

    def wrong(input: Any, target: Any, reduction: str = "mean") -> Any:
        return forward(input, target, reduction) * (1 if reduction == "none" else 2)

    assert parity.check("mse_loss", forward, lacks=["gradient"], cases=cases).ok
    assert red(parity.check("mse_loss", wrong, lacks=["gradient"], cases=cases), "2 times torch's")
    report = parity.check("mse_loss", forward, cases=cases)
    assert "if they are not offered, declare lacks=['gradient']" in report.failures[0]

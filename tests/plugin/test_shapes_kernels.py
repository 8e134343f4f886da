"""The shapes that fused kernels have: gradients where the logits were, a backward that works once, float32 from halves.

What they do otherwise by design is one line of declaration; a bug beside it is red all the same.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import parity
from tests.plugin.test_shapes import CROSS, Tensor, red


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "cross_entropy.yaml").write_text(CROSS)
    return tmp_path


def rows_and_gradient(logits: Tensor, labels: Tensor, ignore_index: int) -> tuple[Tensor, Tensor, Tensor]:
    """The loss and the gradient of each row, and which rows are kept."""
    kept = labels != ignore_index
    labels = labels.where(kept, 0)
    probability = logits.float().softmax(-1) if logits.dtype.itemsize < 4 else logits.softmax(-1)
    rows = -probability.log().gather(-1, labels[:, None])[:, 0] * kept
    gradient = probability - F.one_hot(labels, logits.shape[-1])
    return rows, gradient * kept[:, None], kept


class InPlace(torch.autograd.Function):
    """Computes the gradient in the forward, and keeps it where the logits were."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean") -> Tensor:
        rows, gradient, kept = rows_and_gradient(input, target, ignore_index)
        count = kept.sum() if reduction == "mean" else 1
        input.copy_(gradient / count)
        ctx.save_for_backward(input.detach())
        return (rows if reduction == "none" else rows.sum() / count).to(input.dtype)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * grad_output.reshape(-1, 1), None, None, None


class InPlaceWithoutUpstream(InPlace):
    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return ctx.saved_tensors[0].clone(), None, None, None


LACKS = {"second derivatives": "the gradient is computed in the forward"}
IN_PLACE = {"inputs intact": "the gradient is written into the logits"}


def test_gradients_in_place(cases: Path) -> None:
    fused, wrong = InPlace.apply, InPlaceWithoutUpstream.apply
    report = parity.check("cross_entropy", fused, framework="torch", lacks=LACKS, differs=IN_PLACE, cases=cases)
    assert report.ok, report
    report = parity.check("cross_entropy", wrong, framework="torch", lacks=LACKS, differs=IN_PLACE, cases=cases)
    assert red(report, "gradient of input")
    assert red(parity.check("cross_entropy", fused, framework="torch", lacks=LACKS, cases=cases), "inputs intact")


class Once(torch.autograd.Function):
    """Scales the kept gradient by grad_output in its own memory: a second backward would scale it again."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean") -> Tensor:
        rows, gradient, kept = rows_and_gradient(input, target, ignore_index)
        count = kept.sum() if reduction == "mean" else 1
        ctx.gradient = (gradient / count).to(input.dtype)
        return (rows if reduction == "none" else rows.sum() / count).to(input.dtype)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return ctx.gradient.mul_(grad_output.reshape(-1, 1)), None, None, None


class WrongOnce(Once):
    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return ctx.gradient.mul_(grad_output.abs().reshape(-1, 1)), None, None, None


def test_a_backward_that_works_once(cases: Path) -> None:
    fused, wrong = Once.apply, WrongOnce.apply
    once = {"backward once": "the gradient is scaled where it lies"}
    report = parity.check("cross_entropy", fused, framework="torch", lacks=LACKS, differs=once, cases=cases)
    assert report.ok, report
    report = parity.check("cross_entropy", wrong, framework="torch", lacks=LACKS, differs=once, cases=cases)
    assert red(report, "gradient of input")
    assert red(parity.check("cross_entropy", fused, framework="torch", lacks=LACKS, cases=cases), "backward once")


def test_a_float32_output_from_halves(cases: Path) -> None:
    def upcast(input: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean") -> Tensor:
        wide = input.float() if input.dtype.itemsize < 4 else input
        return F.cross_entropy(wide, target, ignore_index=ignore_index, reduction=reduction)

    def wrong(input: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean") -> Tensor:
        return upcast(input, target, ignore_index, reduction) * (1.01 if input.dtype.itemsize < 4 else 1)

    wide = {"output dtype": "the loss is returned as it is summed, in float32"}
    report = parity.check("cross_entropy", upcast, framework="torch", differs=wide, cases=cases)
    assert report.ok, report
    assert red(parity.check("cross_entropy", wrong, framework="torch", differs=wide, cases=cases), "halves")
    assert red(parity.check("cross_entropy", upcast, framework="torch", cases=cases), "output dtype")

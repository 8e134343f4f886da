"""Bugs that break what two calls of a loss owe to each other: each is seen where torch is never asked."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from parity import losses
from parity.types import Array, Gradients, Result
from tests.planted import with_input_gradient

# The loss, the words that tell it, its framework, the function.
RELATED: list[tuple[str, str, str, Callable[..., Any]]] = []


def related(loss: str, says: str, framework: str = "numpy") -> Callable[[Callable[..., Any]], Any]:
    """Enter a loss that breaks a relation."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        RELATED.append((loss, says, framework, function))
        return function

    return enter


@related("mse_loss", "with its rows in another order, output differs")
def _first_row_counts_twice(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.mse_loss(input, target, **options)
    if output.ndim or not input.ndim or not len(input):
        return output, vjp
    return np.asarray(output + (input - target).astype(output.dtype).flat[0] ** 2), vjp


@related("cross_entropy", "with its classes in another order, gradient of input differs")
def _class_nought_has_no_gradient(input: Array, target: Array, **options: Any) -> Result:
    def less(gradient: Array) -> Array:
        kept = np.ones(gradient.shape[min(1, gradient.ndim - 1)], gradient.dtype)
        kept[:1] = 0
        return np.asarray(gradient * kept.reshape(-1, *[1] * max(gradient.ndim - 2, 0)))

    return with_input_gradient(losses.cross_entropy(input, target, **options), less)


@related("nll_loss", "in another order, output differs")
def _last_position_is_lost(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.nll_loss(input, target, **options)
    if output.ndim > 1:
        output = output * (np.arange(output.shape[-1]) < output.shape[-1] - 1).astype(output.dtype)
    return output, vjp


@related("cross_entropy", "with ignored rows at the end, output differs")
def _ignored_rows_count_in_the_mean(input: Array, target: Array, reduction: str = "mean", **options: Any) -> Result:
    output, vjp = losses.cross_entropy(input, target, reduction=reduction, **options)
    if reduction != "mean" or input.ndim < 2 or target.dtype.kind == "f" or not target.size:
        return output, vjp
    part = output.dtype.type((target != options.get("ignore_index", -100)).mean())
    return np.asarray(output * part), lambda grad_output: vjp(np.asarray(grad_output * part))


@related("soft_margin_loss", "in two halves of the batch, output differs")
def _sum_is_of_means(input: Array, target: Array, reduction: str = "mean", **options: Any) -> Result:
    output, vjp = losses.soft_margin_loss(input, target, reduction=reduction, **options)
    if reduction != "sum" or input.ndim < 2 or not input.size:
        return output, vjp
    part = output.dtype.type(1 / len(input))
    return np.asarray(output * part), lambda grad_output: vjp(np.asarray(grad_output * part))


@related("l1_loss", "with each row twice, output differs")
def _mean_has_one_row_less(**arguments: Any) -> Result:
    output, vjp = losses.l1_loss(**arguments)
    rows = len(arguments["input"]) if arguments["input"].ndim else 0
    if output.ndim or rows < 2 or arguments.get("reduction", "mean") != "mean":
        return output, vjp
    factor = output.dtype.type(rows / (rows - 1))
    return np.asarray(output * factor), lambda grad_output: vjp(np.asarray(grad_output * factor))


@related("huber_loss", "for -2 times the upstream gradient, gradient of input differs")
def _vjp_takes_the_size(**arguments: Any) -> Result:
    output, vjp = losses.huber_loss(**arguments)
    return output, lambda grad_output: vjp(np.abs(grad_output))


@related("sigmoid", "for the upstream gradient in two parts, gradient of input differs")
def _vjp_takes_the_largest(input: Array) -> Result:
    output, vjp = losses.sigmoid(input)

    def clipped(grad_output: Array) -> Gradients:
        most = np.abs(grad_output).max(initial=0) if grad_output.ndim else 0
        return vjp(np.where(np.abs(grad_output) == most, grad_output * 2, grad_output).astype(grad_output.dtype))

    return output, clipped


@related("log_softmax", "with 4 added to all of input, output differs")
def _small_logits_are_cut(input: Array, dim: int | None = None, **options: Any) -> Result:
    return losses.log_softmax(np.maximum(input, input.dtype.type(-1)), dim, **options)


@related("poisson_nll_loss", "along a direction, by its vjp, in float64")
def _gradient_of_another_loss(**arguments: Any) -> Result:
    return with_input_gradient(losses.poisson_nll_loss(**arguments), lambda gradient: np.asarray(gradient * 2))


class _Square(torch.autograd.Function):
    """A square whose tangent in forward mode is not what its backward says."""

    @staticmethod
    def forward(difference: torch.Tensor) -> torch.Tensor:
        return difference**2

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> Any:
        return 2 * ctx.saved_tensors[0] * grad_outputs[0]

    @staticmethod
    def jvp(ctx: Any, *tangents: torch.Tensor) -> Any:
        return ctx.saved_tensors[0] * tangents[0]


@related("mse_loss", "in forward mode, output differs", framework="torch")
def _tangent_is_half(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    squares: torch.Tensor = _Square.apply(input - target)  # type: ignore[no-untyped-call]
    return squares if reduction == "none" else squares.mean() if reduction == "mean" else squares.sum()


def rows_by_batch(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """cross_entropy whose last bits depend on how many rows there are, as those of kernels with other tiles do."""
    scale = 1 + torch.finfo(input.dtype).eps * (len(input) % 3)
    return F.cross_entropy(input, target, **options) * scale

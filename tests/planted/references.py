"""Eager references of losses that torch lacks, and fused ones beside them that are wrong in one way each."""

from typing import Any

import torch
import torch.nn.functional as F

FOCAL = """
loss: focal_loss
reference: tests.planted.references:focal_loss
defaults:
  sizes: {N: 5, C: 4}
  given: {input: {normal: [N, C]}, target: {bernoulli: [N, C]}}
cases:
  - name: plain grid
    across: {dtype: floating, reduction: all, gamma: [0.0, 2.0]}
  - name: layouts do not change the answer
    across: {layout: [fortran, sliced]}
  - name: without focus it is binary cross entropy
    given: {gamma: 0.0}
    equals: binary_cross_entropy_with_logits(input, target)
  - name: an unknown reduction is refused
    given: {reduction: men}
    raises: {ValueError: reduction}
"""


def focal_loss(
    input: torch.Tensor, target: torch.Tensor, gamma: float = 2.0, reduction: str = "mean"
) -> torch.Tensor:  # fmt: skip
    """(1 - p_t)^gamma times binary cross entropy."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}")
    error = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    values: torch.Tensor = error * (1 - torch.exp(-error)) ** gamma if gamma else error
    if reduction == "none":
        return values
    return values.mean() if reduction == "mean" else values.sum()


def fused_focal(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return focal_loss(input, target, **options)


def other_values(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """The probability of the positive class alone, where that of the true class is meant."""
    error = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    values: torch.Tensor = error * (1 - torch.sigmoid(input)) ** options.get("gamma", 2.0)
    how = options.get("reduction", "mean")
    if how not in ("none", "mean", "sum"):
        raise ValueError(how)
    return values if how == "none" else values.mean() if how == "mean" else values.sum()


class _Ignoring(torch.autograd.Function):
    """The identity, whose gradient is that of another upstream: all of it is halved."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor) -> torch.Tensor:
        return input.clone()

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output * 0.5


def wrong_gradient(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return focal_loss(_Ignoring.apply(input), target, **options)  # type: ignore[no-untyped-call]


class _FirstOrder(torch.autograd.Function):
    """The mean focal loss with right gradients, which are constants to a second backward."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(input, target)
        return focal_loss(input, target)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.enable_grad():
            leaves = [value.detach().requires_grad_() for value in ctx.saved_tensors]
            found = torch.autograd.grad(focal_loss(*leaves), leaves)
        return tuple(gradient * grad_output for gradient in found)


def wrong_second_derivative(input: torch.Tensor, target: torch.Tensor) -> Any:
    return _FirstOrder.apply(input, target)  # type: ignore[no-untyped-call]


def any_reduction(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean", **options: Any) -> torch.Tensor:
    how = reduction if reduction in ("none", "sum") else "mean"
    return focal_loss(input, target, reduction=how, **options)


def refuses_another_class(
    input: torch.Tensor, target: torch.Tensor, reduction: str = "mean", **options: Any
) -> torch.Tensor:
    if reduction not in ("none", "mean", "sum"):
        raise KeyError(reduction)
    return focal_loss(input, target, reduction=reduction, **options)


def softcapped(
    input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None, ignore_index: int = -100,
    reduction: str = "mean", label_smoothing: float = 0.0, softcap: float | None = None, scale: float = 1.0,
) -> torch.Tensor:  # fmt: skip
    """Cross entropy of logits that a tanh keeps within the cap; of one class alone it is refused, which torch takes."""
    if input.ndim > 1 and input.shape[1] == 1:
        raise ValueError("one class alone has no loss")
    capped = input * scale if softcap is None else softcap * torch.tanh(input * scale / softcap)
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": label_smoothing}
    return F.cross_entropy(capped, target, weight, ignore_index=ignore_index, **options)


def fused_softcapped(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return softcapped(input, target, **options)


def ignores_softcap(input: torch.Tensor, target: torch.Tensor, softcap: float | None, **options: Any) -> torch.Tensor:
    return softcapped(input, target, **options)


def takes_one_class(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    if input.ndim > 1 and input.shape[1] == 1:
        return F.cross_entropy(input, target)
    return softcapped(input, target, **options)


def calls_what_is_not_there(input: torch.Tensor, target: torch.Tensor) -> Any:
    return no_such_function(input, target)  # type: ignore[name-defined]  # noqa: F821

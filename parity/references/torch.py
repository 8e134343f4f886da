"""The reference: torch.nn.functional, wrapped as ``(output, vjp)``. Torch is asked, never transcribed."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from parity import losses
from parity.frameworks.torch import TorchLoss, around
from parity.frameworks.transformations import each_alone


class _Once(torch.autograd.Function):
    """The identity, whose backward cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, output: torch.Tensor) -> torch.Tensor:
        return output.view_as(output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output


_CHUNKED = F.linear_cross_entropy


def _linear_cross_entropy(*args: Any, **kwargs: Any) -> torch.Tensor:
    """In chunks torch computes the gradients ahead, and takes their derivative to be 0: it has none to compare with."""
    output: torch.Tensor = _CHUNKED(*args, **kwargs)
    node = output.grad_fn
    while node is not None and "Squeeze" in node.name():  # one sample has lost its batch
        node = node.next_functions[0][0]
    chunked = node is not None and "chunked" in node.name()
    return _Once.apply(output) if chunked else output  # type: ignore[no-untyped-call]


def _adaptive_log_softmax_with_loss(
    input: torch.Tensor, target: torch.Tensor, cutoffs: list[int], head_weight: torch.Tensor,
    head_bias: torch.Tensor | None = None, returns: str = "loss", **tail_weights: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """nn.AdaptiveLogSoftmaxWithLoss as a function of its parameters."""
    module = _adaptive_softmax(head_weight.shape[-1], head_bias is not None, *cutoffs)
    parameters: dict[str, Any] = {"head.weight": head_weight}
    if head_bias is not None:
        parameters["head.bias"] = head_bias
    for name, weight in tail_weights.items():
        parameters[f"{name.removesuffix('_weight').replace('_', '.')}.weight"] = weight
    found = torch.func.functional_call(module, parameters, (input, target), strict=True)
    output: torch.Tensor = getattr(found, returns)
    return output


# typed: torch refuses a cutoff of 2.0, and takes one of 2.
@lru_cache(maxsize=None, typed=True)
def _adaptive_softmax(features: int, bias: bool, *cutoffs: int) -> torch.nn.Module:
    """The module without parameters of its own; to build it takes longer than to call it."""
    *inner, classes = cutoffs
    return torch.nn.AdaptiveLogSoftmaxWithLoss(features, classes, inner, head_bias=bias, device="meta")


FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(F, name) for name in losses.LOSSES if hasattr(F, name)} | {
    "sigmoid": torch.sigmoid,
    "linear_cross_entropy": _linear_cross_entropy,
    "adaptive_log_softmax_with_loss": _adaptive_log_softmax_with_loss,
}

# What of torch stands behind those that are wrapped here.
ROOTS: dict[str, tuple[Callable[..., Any], ...]] = {
    "linear_cross_entropy": (_CHUNKED,),
    "adaptive_log_softmax_with_loss": (
        torch.nn.AdaptiveLogSoftmaxWithLoss.forward, torch.nn.AdaptiveLogSoftmaxWithLoss._get_full_log_prob,
        torch.func.functional_call,
    ),
}  # fmt: skip

# The torch function that each of `parity.losses` answers to.
TORCH: dict[str, TorchLoss] = {name: TorchLoss(function, keeps_graph=True) for name, function in FUNCTIONS.items()}


@cache
def under(loss: str, word: str, device: str) -> TorchLoss:
    """Torch's function under a transformation: the same code as for those under test.

    The rules of autocast are those of a device, so there it answers on that of the implementation.
    """
    return around(word, loss, FUNCTIONS[loss], device if word.startswith("autocast") else "cpu", keeps_graph=True)


def without(loss: str, word: str) -> TorchLoss:
    """Torch's function asked for the same without the transformation."""
    return TorchLoss(each_alone(FUNCTIONS[loss])) if word == "vmap" else TORCH[loss]

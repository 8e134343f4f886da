"""The reference: torch.nn.functional, wrapped as ``(output, vjp)``. Torch is asked, never transcribed."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F

from parity import losses
from parity.frameworks.torch import TorchLoss


def _adaptive_log_softmax_with_loss(
    input: torch.Tensor, target: torch.Tensor, cutoffs: list[int], head_weight: torch.Tensor,
    head_bias: torch.Tensor | None = None, returns: str = "loss", **tail_weights: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """nn.AdaptiveLogSoftmaxWithLoss as a function of its parameters."""
    *inner, classes = cutoffs
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(
        head_weight.shape[-1], classes, inner, head_bias=head_bias is not None, device="meta"
    )
    parameters: dict[str, Any] = {"head.weight": head_weight}
    if head_bias is not None:
        parameters["head.bias"] = head_bias
    for name, weight in tail_weights.items():
        parameters[f"{name.removesuffix('_weight').replace('_', '.')}.weight"] = weight
    output: torch.Tensor = getattr(torch.func.functional_call(module, parameters, (input, target)), returns)
    return output


FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(F, name) for name in losses.LOSSES if hasattr(F, name)} | {
    "sigmoid": torch.sigmoid,
    "adaptive_log_softmax_with_loss": _adaptive_log_softmax_with_loss,
}


@cache
def reference(loss: str) -> TorchLoss:
    """The torch function that ``parity.losses.<loss>`` answers to."""
    return TorchLoss(FUNCTIONS[loss])

"""The reference: torch.nn.functional, wrapped as ``(output, vjp)``. Torch is asked, never transcribed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any

import torch
import torch.nn.functional as F

from parity import losses
from parity.frameworks.torch import TorchLoss
from parity.references import chunked
from parity.references.versions import MODULES, lacking_of, taken


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
    found = torch.func.functional_call(module, parameters, (input, target), tie_weights=False, strict=True)
    output: torch.Tensor = getattr(found, returns)
    return output


# typed: torch refuses a cutoff of 2.0, and takes one of 2.
@lru_cache(maxsize=None, typed=True)
def _adaptive_softmax(features: int, bias: bool, *cutoffs: int) -> torch.nn.Module:
    """The module without parameters of its own; to build it takes longer than to call it."""
    *inner, classes = cutoffs
    build: type[torch.nn.Module] = MODULES["adaptive_log_softmax_with_loss"]
    made = partial(build, features, classes, inner, head_bias=bias, device="meta")
    with ThreadPoolExecutor(1) as pool:  # a vmap around the call refuses what a module draws at first, and ends there
        return pool.submit(made).result()


# Those that this torch has.
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(F, name) for name in losses.LOSSES if hasattr(F, name)} | {
    "sigmoid": torch.sigmoid,
    "adaptive_log_softmax_with_loss": _adaptive_log_softmax_with_loss,
}

# What of torch stands behind those that are wrapped here.
ROOTS: dict[str, tuple[Callable[..., Any], ...]] = {"adaptive_log_softmax_with_loss": (torch.func.functional_call,)}
if chunked.OWN is not None:
    FUNCTIONS["linear_cross_entropy"], ROOTS["linear_cross_entropy"] = chunked.linear_cross_entropy, (chunked.OWN,)


def _takes(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, without the arguments that this torch does not take and that are at their defaults."""
    lacking = lacking_of(name)
    if lacking is None or not lacking.arguments:
        return function
    return lambda **arguments: function(**taken(name, arguments))


# The torch function that each of `parity.losses` answers to.
TORCH: dict[str, TorchLoss] = {
    name: TorchLoss(_takes(name, function), keeps_graph=True) for name, function in FUNCTIONS.items()
}

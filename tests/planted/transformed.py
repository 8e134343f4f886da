"""Bugs of options under a transformation, of other threads and defaults, and of what a refused call has written."""

import threading
from typing import Any

import torch
import torch.nn.functional as F
from torch._C._functorch import get_unwrapped, is_batchedtensor
from torch.autograd import forward_ad

from tests.planted import planted
from tests.planted.surrounded import Accumulated

_OUTPUT = "output ...differs in "


@planted(
    "cross_entropy",
    "a thread of its own finds an empty workspace",
    "value",
    f"in a thread of its own, {_OUTPUT}",
    "torch",
)
def _(**arguments: Any) -> torch.Tensor:
    output = F.cross_entropy(**arguments)
    return output if threading.current_thread() is threading.main_thread() else output * 2


@planted(
    "softmax",
    "a thread of its own is refused",
    "raises",
    "in a thread of its own, the forward raises RuntimeError",
    "torch",
)
def _(input: torch.Tensor, **options: Any) -> torch.Tensor:
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("no context in this thread")
    return F.softmax(input, **options)


@planted(
    "mse_loss",
    "the sum is of torch's default dtype",
    "dtype",
    "where torch's default dtype is float64, output has dtype float64",
    "torch",
)
def _(**arguments: Any) -> torch.Tensor:
    output = F.mse_loss(**arguments)
    if output.ndim or torch.get_default_dtype() in (torch.float32, torch.bfloat16):
        return output
    return output.to(torch.get_default_dtype())


@planted(
    "cross_entropy",
    "losses are rounded to the default dtype",
    "value",
    f"where torch's default dtype is bfloat16, {_OUTPUT}",
    "torch",
)
def _(**arguments: Any) -> torch.Tensor:
    output = F.cross_entropy(**arguments)
    return output.bfloat16().to(output.dtype) if torch.get_default_dtype() is torch.bfloat16 else output


@planted(
    "cross_entropy",
    "targets that are not mapped are refused",
    "raises",
    "under vmap first, the forward raises",
    "torch",
)
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    if is_batchedtensor(input) and not is_batchedtensor(target):
        raise RuntimeError("the rule of vmap takes a mapped target")
    return F.cross_entropy(input, target, **options)


@planted("nll_loss", "a weight that is not mapped counts twice", "value", f"under vmap first, {_OUTPUT}", "torch")
def _(input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None, **options: Any) -> torch.Tensor:
    if weight is not None and is_batchedtensor(input) and not is_batchedtensor(weight):
        weight = weight * weight
    return F.nll_loss(input, target, weight, **options)


@planted("softmax", "vmap over sequences forgets a dimension", "value", f"under vmap, {_OUTPUT}", "torch")
def _(input: torch.Tensor, dim: int | None = None, *args: Any, **options: Any) -> torch.Tensor:
    if dim == -1 and is_batchedtensor(input) and get_unwrapped(input).ndim > 3:
        dim = -2
    return F.softmax(input, dim, *args, **options)


def _tangent_doubled(output: torch.Tensor) -> torch.Tensor:
    primal, tangent = forward_ad.unpack_dual(output)
    return output if tangent is None else forward_ad.make_dual(primal, tangent * 2)


def in_forward_mode(input: torch.Tensor) -> bool:
    """Whether it has a tangent; there is none to look for outside of a level of forward mode."""
    return forward_ad._current_level >= 0 and forward_ad.unpack_dual(input).tangent is not None


@planted(
    "cross_entropy",
    "the tangent of smoothed losses is doubled",
    "value",
    "whose output is the tangent, output",
    "torch",
)
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    output = F.cross_entropy(input, target, **options)
    smoothed = options.get("label_smoothing", 0) > 0
    return _tangent_doubled(output) if smoothed and in_forward_mode(input) else output


@planted(
    "nll_loss", "the tangent of weighted losses is doubled", "value", "whose output is the tangent, output", "torch"
)
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    output = F.nll_loss(input, target, **options)
    return _tangent_doubled(output) if options.get("weight") is not None and in_forward_mode(input) else output


def _rounded(value: torch.Tensor | None) -> Any:
    cast = value is not None and value.is_floating_point() and torch.is_autocast_enabled("cpu")
    return value.bfloat16().to(value.dtype) if cast and value is not None else value


@planted(
    "cross_entropy", "probabilities are rounded under autocast", "value", f"under autocast ..., {_OUTPUT}", "torch"
)
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return F.cross_entropy(input, _rounded(target), **options)


@planted(
    "binary_cross_entropy_with_logits",
    "pos_weight is rounded under autocast",
    "value",
    f"under autocast ..., {_OUTPUT}",
    "torch",
)
def _(**arguments: Any) -> torch.Tensor:
    if "pos_weight" in arguments:
        arguments["pos_weight"] = _rounded(arguments["pos_weight"])
    return F.binary_cross_entropy_with_logits(**arguments)


@planted(
    "softmax",
    "a dtype is forgotten under autocast",
    "dtype",
    "under autocast ..., output has dtype float32, torch's",
    "torch",
)
def _(**arguments: Any) -> torch.Tensor:
    if torch.is_autocast_enabled("cpu"):
        arguments.pop("dtype", None)
    return F.softmax(**arguments)


@planted(
    "linear_cross_entropy", "the gradient of the matrix is stored with it", "mutation",
    "the call leaves linear_weight with a .grad", "torch",
)  # fmt: skip
def _(input: torch.Tensor, linear_weight: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    if linear_weight.requires_grad and linear_weight.is_leaf and not is_batchedtensor(linear_weight):
        linear_weight = Accumulated.apply(linear_weight)  # type: ignore[no-untyped-call]
    return F.linear_cross_entropy(input, linear_weight, *args, **options)


@planted(
    "cross_entropy", "the softmax is written over the logits before a target is refused", "mutation",
    "in a call that it refuses, the call modifies input", "torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    try:
        return F.cross_entropy(input, target, **options)
    except IndexError:
        with torch.no_grad():
            input.copy_(torch.softmax(input, 1))
        raise


@planted(
    "nll_loss", "a refused target is clipped to the classes", "mutation",
    "in a call that it refuses, the call modifies target", "torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    try:
        return F.nll_loss(input, target, **options)
    except IndexError:
        if target.dtype is torch.int64:
            target.zero_()
        raise

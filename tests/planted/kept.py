"""Bugs of what surrounds a call: arguments kept from one call to the next, modes, strides that nothing else shows."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch._C._functorch import is_batchedtensor

from parity import losses
from parity.types import Array, Result
from tests.planted import planted

_STALE = ("state", "a second call with the same tensors answers as if ...weight had not been changed")
_weights: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}


def _as_first_met(place: str, weight: torch.Tensor) -> torch.Tensor:
    """The numbers that this very tensor had when it was met first."""
    if place not in _weights or _weights[place][0] is not weight:
        _weights[place] = weight, weight.detach().clone()
    return weight + (_weights[place][1] - weight).detach()


def _plain_weight(options: dict[str, Any], word: str) -> bool:
    value = options.get(word)
    if type(value) is not torch.Tensor or is_batchedtensor(value) or not value.is_floating_point():
        return False
    return bool(torch.isfinite(value).all())


@planted("cross_entropy", "a copy of the weight is kept from call to call", *_STALE, framework="torch")
def _(**arguments: Any) -> torch.Tensor:
    if _plain_weight(arguments, "weight"):
        arguments["weight"] = _as_first_met("cross_entropy", arguments["weight"])
    return F.cross_entropy(**arguments)


@planted("linear_cross_entropy", "a copy of the matrix is kept from call to call", *_STALE, framework="torch")
def _(**arguments: Any) -> torch.Tensor:
    if _plain_weight(arguments, "linear_weight"):
        arguments["linear_weight"] = _as_first_met("linear", arguments["linear_weight"])
    return F.linear_cross_entropy(**arguments)


@planted(
    "softmax", "inference mode halves the logits", "value", "under torch.inference_mode(), output ", framework="torch"
)
def _(input: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    return F.softmax(input * 0.5 if torch.is_inference_mode_enabled() else input, *args, **options)


@planted(
    "softmax", "rows are as far apart as a dimension of one says", "value", "output ...differs in ", framework="torch"
)
def _(input: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    if input.ndim == 3 and input.shape[1] == 1 < input.shape[2] and input.is_contiguous():
        apart = input.stride(1) != input.shape[2]
        return F.softmax(input * 0.5 if apart else input, *args, **options)
    return F.softmax(input, *args, **options)


@planted("softmax", "channels cut from wider images are read as if they were dense", "value", "output ...differs in ")
def _(input: Array, *args: Any, **options: Any) -> Result:
    cut = input.ndim == 4 and input.size and input[0].flags.c_contiguous and not input.flags.c_contiguous
    if cut and input.strides[0] > 0:
        dense = np.lib.stride_tricks.as_strided(input, (input.size,), (input.itemsize,))
        input = dense.reshape(input.shape).copy()
    return losses.softmax(input, *args, **options)


@planted(
    "binary_cross_entropy", "a last dimension of one of the input is squeezed", "missing", "answers where torch raises"
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    if input.shape == (*target.shape, 1):
        input = input[..., 0]
    return losses.binary_cross_entropy(input, target, *args, **options)

"""Class indices as targets: which are ignored, the index of each target's class, its weight, and the checks.

Shared by nll_loss and cross_entropy, whose input has its class dimension second, or as the only one; two of the
checks by the margin losses too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.losses.arguments import widen
from parity.losses.arithmetic import rounded
from parity.losses.checks import check_real_floating
from parity.losses.reduction import Adjoint
from parity.types import Array, DType

LABELS = (np.dtype(np.int64), np.dtype(np.uint8))


@dataclass(frozen=True, slots=True)
class ValidTargets:
    """The M targets that are not ignored.

    position: their index in the array of targets, (N, d1, ..., dK): an ellipsis if none is ignored.
    index: the index of their classes in an array of input's shape, (N, C, d1, ..., dK).
    weight: the weight of the class of each, (M,), or of the targets' shape if none is ignored.
    """

    position: Any
    index: tuple[Array, ...]
    weight: Array

    def total_weight(self, dtype: DType) -> Array:
        """The sum of their weights, rounded to `dtype`: the divisor of the mean."""
        return rounded(np.add.reduce(self.weight, axis=None), dtype)

    def gather(self, values: Array) -> Array:
        """The values of these targets in an array of the targets' shape, or the one value that all have."""
        return values[self.position] if values.ndim else values

    def scatter(self, values: Array, shape: tuple[int, ...]) -> Array:
        """The adjoint of `gather`: an array of the targets' shape with these values, and 0 where one is ignored."""
        if self.position is Ellipsis:
            return values
        scattered = np.zeros(shape, values.dtype)
        scattered[self.position] = values
        return scattered


def valid_targets(labels: Array, classes: int, ignore_index: int, weight: Array | None, dtype: DType) -> ValidTargets:
    """The labels that are not ignored, of so many classes. Raises IndexError for one outside [0, classes)."""
    valid = labels != ignore_index
    position: Any = ...
    places: tuple[Array, ...]
    if not valid.all():
        position = places = np.nonzero(valid)
    elif labels.ndim > 1:
        places = tuple(np.indices(labels.shape, sparse=True))
    else:
        places = (np.arange(labels.size),)
    picked = labels[position]
    if picked.size and not (picked.min() >= 0 and picked.max() < classes):
        worst = picked[(picked < 0) | (picked >= classes)][0]
        raise IndexError(f"target holds the class {worst}, expected at least 0 and below {classes}")
    class_weight = np.ones(picked.shape, dtype) if weight is None else weight[picked]
    return ValidTargets(position, (places[0], picked, *places[1:]), class_weight)


def weighted_reduction(losses: Array, total_weight: Any, reduction: str, dtype: DType) -> tuple[Array, Adjoint]:
    """The reduction of the wide losses, and its adjoint. The mean divides their sum by `total_weight`.

    Losses, sum and gradient are rounded to `dtype` on the way, so in float16 they may overflow, as in torch.
    """
    losses = rounded(losses, dtype)
    if reduction == "none":
        return losses, lambda grad_output: widen(grad_output, dtype)
    summed = rounded(np.add.reduce(losses, axis=None), dtype)
    if reduction == "sum":
        return summed, lambda grad_output: widen(grad_output, dtype)
    return summed / total_weight, lambda grad_output: rounded(widen(grad_output, dtype) / total_weight, dtype)


def check_indices(
    function: str, input: Array, target: Array, weight: Array | None, reduction: str
) -> Array | None:  # fmt: skip
    """Raise what torch raises unless these fit together; else the wide weight, as a vector."""
    if input.ndim == 0:
        raise ValueError("input has no dimensions, expected (C), (N, C) or (N, C, d1, ..., dK)")
    rows = len(target) if target.ndim else 0  # as torch counts, which then asks for the first dimension
    if input.ndim > 1 and rows != len(input):
        raise ValueError(f"target has shape {target.shape}, expected {len(input)} targets as input has rows")
    if target.dtype not in LABELS:
        raise RuntimeError(f"target is of {target.dtype}, expected class indices of int64 or uint8")
    if input.ndim == 2 and not target.ndim:
        raise IndexError("target has no dimensions, expected one")
    if input.ndim == 1 and target.ndim == 1 and target.size != 1:
        raise ValueError(f"target has shape {target.shape}, expected () for an input of shape {input.shape}")
    expected = without_classes(input)
    if target.shape not in (expected, expected or (1,)):
        raise RuntimeError(f"target has shape {target.shape}, expected {expected} for input's {input.shape}")
    classes = input.shape[min(input.ndim - 1, 1)]
    # torch takes a weight of any shape beside (N, C, d1, ..., dK), if it has C elements
    if weight is not None and (weight.size != classes or (weight.ndim != 1 and input.ndim < 3)):
        raise RuntimeError(f"weight has shape {weight.shape}, expected ({classes},): one for each class")
    check_real_floating(function, input.dtype)
    if target.size or reduction not in ("mean", "sum"):
        check_int64_places(input, target)
    if target.size and not input.size and input.ndim > 2 and input.ndim != 4:
        raise RuntimeError(f"target has shape {target.shape}, and input no classes: {input.shape}")
    if weight is None:
        return None
    if weight.dtype != input.dtype:
        raise RuntimeError(f"weight is of {weight.dtype}, expected input's {input.dtype}")
    return widen(weight, weight.dtype).reshape(-1)


def check_int64_places(input: Array, target: Array) -> None:
    """Raise RuntimeError for labels of uint8 beside (N, C, d1, ..., dK). Of an empty sum torch's backward does so."""
    if target.dtype == np.uint8 and input.ndim > 2:
        raise RuntimeError("target is of uint8, expected int64 beside an input (N, C, d1, ..., dK)")


def check_ignore_index(ignore_index: int) -> None:
    """Raise TypeError if it is not an int, ValueError if 64 bits do not hold it."""
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, (int, np.integer)):
        raise TypeError(f"ignore_index is {ignore_index!r}, expected an int")
    if not fits_int64(int(ignore_index)):
        raise ValueError(f"ignore_index is {ignore_index}, expected an int of 64 bits")


def check_int64(target: Array) -> None:
    """Raise RuntimeError for class indices of another dtype."""
    if target.dtype != np.int64:
        raise RuntimeError(f"target is {target.dtype}, expected int64")


def check_range(target: Array, least: int, classes: int) -> None:
    """Raise RuntimeError for labels that are not in [least, classes)."""
    if target.size and not (target.min() >= least and target.max() < classes):
        raise RuntimeError(f"target goes from {target.min()} to {target.max()}, expected [{least}, {classes})")


def fits_int64(number: int) -> bool:
    """Whether 64 bits hold the number, with its sign."""
    limits = np.iinfo(np.int64)
    return limits.min <= number <= limits.max


def batched(input: Array, target: Array) -> tuple[Array, Array]:
    """Input and target with a batch dimension: one sample (C) is a batch of one. No copies are made."""
    if input.ndim > 1:
        return input, target
    return input[np.newaxis], target.reshape(1)


def without_classes(input: Array) -> tuple[int, ...]:
    """Input's shape without the class dimension: that of the targets, one for each sample and place."""
    return input.shape[:1] + input.shape[2:] if input.ndim > 1 else ()


def in_output_shape(output: Array, input: Array, reduction: str, dtype: DType) -> Array:
    """The output in its dtype, with one element for each target or, reduced, with no dimensions."""
    return np.asarray(output, dtype).reshape(without_classes(input) if reduction == "none" else ())


def along_classes(weight: Array, ndim: int) -> Array:
    """A weight for each class, (C,), as (C, 1, ..., 1): it broadcasts with input, (N, C, d1, ..., dK), of `ndim`."""
    return weight.reshape(-1, *(1,) * (ndim - 2))


def wrapped_ignore_index(ignore_index: int, labels: Array) -> int:
    """The ignore_index to compare labels with where torch casts it to their dtype: in uint8, modulo 256."""
    return ignore_index % 256 if labels.dtype == np.uint8 else ignore_index

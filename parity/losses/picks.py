"""Class indices as targets: where each picks its class, how it is weighted, and what is no such target.

Shared by nll_loss and cross_entropy. The class dimension of their input is the second, or the only one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.losses.arguments import widen
from parity.losses.checks import check_real_floating
from parity.losses.reduction import Adjoint
from parity.losses.steps import rounded
from parity.types import Array, DType

LABELS = (np.dtype(np.int64), np.dtype(np.uint8))


@dataclass(frozen=True, slots=True)
class Picks:
    """The targets that are not ignored: where they are, the classes they pick, and what they weigh.

    kept: the index of their places in the array of targets: an ellipsis if none is ignored.
    at: the index of the picked values in an array of input's shape (N, C, d1, ..., dK).
    share: the weight of the picked class, for each of them.
    """

    kept: Any
    at: tuple[Array, ...]
    share: Array

    def total(self, dtype: DType) -> Array:
        """What all of them weigh, rounded to `dtype`: the divisor of the mean."""
        return rounded(np.add.reduce(self.share, axis=None), dtype)

    def of_kept(self, values: Array) -> Array:
        """The values of the targets that are not ignored, of an array with one for each, or with one for all."""
        return values[self.kept] if values.ndim else values

    def spread(self, values: Array, shape: tuple[int, ...]) -> Array:
        """The reverse: an array of the targets' shape with these values, and 0 where a target is ignored."""
        if self.kept is Ellipsis:
            return values
        spread = np.zeros(shape, values.dtype)
        spread[self.kept] = values
        return spread


def pick(labels: Array, classes: int, ignore_index: int, weight: Array | None, dtype: DType) -> Picks:
    """The picks of the labels among so many classes. Raises IndexError for a label outside [0, classes)."""
    counted = labels != ignore_index
    kept: Any = ...
    places: tuple[Array, ...]
    if not counted.all():
        kept = places = np.nonzero(counted)
    elif labels.ndim > 1:
        places = tuple(np.indices(labels.shape, sparse=True))
    else:
        places = (np.arange(labels.size),)
    picked = labels[kept]
    if picked.size and not (picked.min() >= 0 and picked.max() < classes):
        worst = picked[(picked < 0) | (picked >= classes)][0]
        raise IndexError(f"target holds the class {worst}, expected at least 0 and below {classes}")
    share = np.ones(picked.shape, dtype) if weight is None else weight[picked]
    return Picks(kept, (places[0], picked, *places[1:]), share)


def reduce_by(losses: Array, total: Any, reduction: str, dtype: DType) -> tuple[Array, Adjoint]:
    """The reduction of the wide losses, and its adjoint. The mean divides their sum by the `total` weight.

    Losses and sum are rounded to `dtype` on the way, so in float16 they may overflow, as in torch.
    """
    losses = rounded(losses, dtype)
    if reduction == "none":
        return losses, lambda grad_output: widen(grad_output, dtype)
    summed = rounded(np.add.reduce(losses, axis=None), dtype)
    if reduction == "sum":
        return summed, lambda grad_output: widen(grad_output, dtype)
    return summed / total, lambda grad_output: widen(grad_output, dtype) / total


def check_indices(function: str, input: Array, target: Array, weight: Array | None) -> Array | None:
    """Raise what torch raises unless these fit together; else the wide weight, as a vector."""
    if input.ndim == 0:
        raise ValueError("input has no dimensions, expected (C), (N, C) or (N, C, d1, ..., dK)")
    if input.ndim > 1 and target.shape[:1] != input.shape[:1]:
        raise ValueError(f"target has shape {target.shape}, expected {len(input)} targets as input has rows")
    if target.dtype not in LABELS:
        raise RuntimeError(f"target is of {target.dtype}, expected class indices of int64 or uint8")
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
    if target.dtype == np.uint8 and input.ndim > 2:
        raise RuntimeError("target is of uint8, expected int64 beside an input (N, C, d1, ..., dK)")
    if weight is None:
        return None
    if weight.dtype != input.dtype:
        raise RuntimeError(f"weight is of {weight.dtype}, expected input's {input.dtype}")
    return widen(weight, weight.dtype).reshape(-1)


def check_ignore_index(ignore_index: int) -> None:
    """Raise TypeError if it is not an int."""
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, (int, np.integer)):
        raise TypeError(f"ignore_index is {ignore_index!r}, expected an int")


def batched(input: Array, target: Array) -> tuple[Array, Array]:
    """Input and target with a batch dimension: one sample (C) is a batch of one. No copies are made."""
    if input.ndim > 1:
        return input, target
    return input[np.newaxis], target.reshape(1)


def without_classes(input: Array) -> tuple[int, ...]:
    """Input's shape without the class dimension: that of the targets, one for each sample and place."""
    return input.shape[:1] + input.shape[2:] if input.ndim > 1 else ()


def shaped(output: Array, input: Array, reduction: str, dtype: DType) -> Array:
    """The output in its dtype, with one element for each target or, reduced, with no dimensions."""
    return np.asarray(output, dtype).reshape(without_classes(input) if reduction == "none" else ())


def along_classes(weight: Array, dimensions: int) -> Array:
    """One value for each class, to be multiplied with an array of input's dimensions."""
    return weight.reshape(-1, *(1,) * (dimensions - 2))


def wrapped(ignore_index: int, labels: Array) -> int:
    """The ignore_index to compare labels with where torch casts it to their dtype: in uint8, modulo 256."""
    return ignore_index % 256 if labels.dtype == np.uint8 else ignore_index

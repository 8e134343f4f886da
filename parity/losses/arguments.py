"""What every loss does with its arguments: promote dtypes, compute wide, hand gradients back in place."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from parity.dtypes import BFLOAT16 as BFLOAT16
from parity.dtypes import FLOAT16 as FLOAT16
from parity.dtypes import FLOAT32 as FLOAT32
from parity.dtypes import HALVES as HALVES
from parity.dtypes import is_floating as is_floating
from parity.losses.blocks import evaluated, whole
from parity.types import Array, DType, Gradients

# Whole numbers of which torch has conversions and little else: no common dtype with other whole numbers, and neither
# sums, differences, signs nor an order.
BARE: tuple[DType, ...] = (np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64))
BOOL, WHOLE, FLOATING, COMPLEX = range(4)


def category(dtype: DType) -> int:
    """The place of a dtype among bools, whole numbers, real floating and complex ones: a later one wins."""
    return BOOL if dtype.kind == "b" else WHOLE if dtype.kind in "iu" else COMPLEX if dtype.kind == "c" else FLOATING


def promote(*arrays: Array | None) -> DType:
    """The dtype torch computes these arrays in together: integers never widen a floating dtype.

    As in torch, an array of no dimensions counts only when no array with dimensions is of its kind; a complex one
    beside an array of real numbers makes them complex, of the array's own width.

    Raises RuntimeError for uint16, uint32 and uint64 beside other dtypes that are not real floating ones.
    """
    present = [array for array in arrays if array is not None]
    first = present[0].dtype
    if all(array.dtype == first for array in present):
        return first
    dimensioned = _together(array.dtype for array in present if array.ndim)
    lone = _together(array.dtype for array in present if not array.ndim)
    if dimensioned is None or lone is None:
        return dimensioned or lone or first
    own, other = category(dimensioned), category(lone)
    if own < FLOATING <= other or own == BOOL:
        return lone if other == COMPLEX else _pair(dimensioned, lone)
    return np.result_type(dimensioned, np.complex64) if own < other else dimensioned


def _together(dtypes: Iterable[DType]) -> DType | None:
    """The dtype of arrays that all have dimensions, or all have none; None of no array."""
    found: DType | None = None
    for dtype in dtypes:
        found = dtype if found is None else _pair(found, dtype)
    return found


def _pair(one: DType, other: DType) -> DType:
    """The dtype of two that count alike."""
    if one == other:
        return one
    lesser, greater = sorted((one, other), key=category)
    if FLOATING not in (category(lesser), category(greater)) and (one in BARE or other in BARE):
        raise RuntimeError(f"{one} and {other} have no dtype in common: one of them should be a real floating dtype")
    if category(lesser) < FLOATING <= category(greater) or category(lesser) == BOOL:
        return greater
    return FLOAT32 if {one, other} == set(HALVES) else np.result_type(one, other)


def working(dtype: DType) -> DType:
    """The dtype to compute in: float32 for the two halves, which are rounded once at the end."""
    return FLOAT32 if dtype in HALVES else dtype


def widen(array: Array, dtype: DType) -> Array:
    """The array in the working dtype of `dtype`; the array itself if it is so already.

    Whole numbers are rounded to a half first, as torch does: 100,000 is inf in float16.
    """
    if dtype in HALVES and array.dtype.kind in "iu":
        array = array.astype(FLOAT32).astype(dtype)
    return array.astype(working(dtype), copy=False)


def sum_in_float64(array: Array, axis: tuple[int, ...] | int, keepdims: bool = False) -> Array:
    """The sum over leading dimensions, accumulated in float64 (complex128) for float32 (complex64).

    Over leading dimensions NumPy does not sum pairwise but adds one row after the other, so that the error grows with
    the number of rows: over thousands of rows a float32 accumulator would leave the tolerance of float32.
    """
    wide = {"f": np.float64, "F": np.complex128}.get(array.dtype.char)
    return np.asarray(array.sum(axis=axis, dtype=wide, keepdims=keepdims), array.dtype)


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The adjoint of broadcasting `shape` to the gradient's shape: the sum over the repeated dimensions.

    A gradient smaller than `shape` (a scalar from a reduction) is repeated to it instead.
    """
    if gradient.shape == shape:
        return gradient
    gradient = whole(gradient)
    if gradient.ndim > len(shape):
        gradient = sum_in_float64(gradient, tuple(range(gradient.ndim - len(shape))))
    stretched = tuple(
        axis - len(shape)
        for axis, size in enumerate(shape)
        if size == 1 and gradient.ndim >= len(shape) - axis and gradient.shape[axis - len(shape)] != 1
    )
    if stretched:
        gradient = sum_in_float64(gradient, stretched, keepdims=True)
    return gradient if gradient.shape == shape else np.broadcast_to(gradient, shape)


def summed_to(shape: tuple[int, ...], gradient: Array, whole: tuple[int, ...]) -> Array:
    """The gradient of all losses, of shape `whole` or one number for all, as a term of `shape` alone gets it.

    Torch sums it before it is multiplied: a sum that is 0 has no part in a term that is inf or nan.
    """
    return gradient if shape == whole else unbroadcast(np.broadcast_to(gradient, whole), shape)


def gradients(**pairs: tuple[Any, Array | None]) -> Gradients:
    """Gradients by argument name from ``name=(argument, wide gradient)``.

    Each gradient is summed to its argument's shape and rounded to its dtype. An argument that is None or
    not floating, and a gradient that is None, have no entry, as in torch.
    """
    wanted = {
        name: (argument, gradient) for name, (argument, gradient) in pairs.items()
        if gradient is not None and isinstance(argument, np.ndarray) and is_floating(argument)
    }  # fmt: skip
    computed = evaluated(*[gradient for _, gradient in wanted.values()])
    out: Gradients = {}
    for (name, (argument, _)), gradient in zip(wanted.items(), computed, strict=True):
        gradient = np.asarray(unbroadcast(np.asarray(gradient), argument.shape))
        if gradient.dtype != argument.dtype:
            if gradient.dtype.kind == "c" and argument.dtype.kind != "c":
                gradient = gradient.real
            gradient = gradient.astype(argument.dtype)
        elif gradient.base is not None or not gradient.flags.writeable:
            gradient = gradient.copy()
        out[name] = gradient
    return out

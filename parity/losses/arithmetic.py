"""Arithmetic as torch does it: results rounded to a half, options cast to a dtype, masks, sums of rows."""

from functools import partial
from math import prod
from typing import Any

import numpy as np

from parity.losses.arguments import FLOAT32, HALVES, widen, working
from parity.losses.blocks import lazily, row_by_row
from parity.types import Array, DType

# Beyond so many numbers a product of BLAS with ones loses digits: 7e-6 of a sum of four million squares in float32,
# where the pairwise np.sum loses 1e-7.
LONG = 1 << 18
# 2 pi, of Stirling's formula and the normal density; in the widest dtype of the machine, so that it is rounded once, to
# the dtype that it is used in
TWO_PI = 2 * np.arccos(np.longdouble(-1))


def rounded(array: Array, dtype: DType) -> Array:
    """The wide array rounded to `dtype` and widened again, which changes values in float16 and bfloat16 only.

    Of a complex array, as the gradient of what a complex number multiplies may be, a real dtype keeps the real part.

    torch rounds each intermediate result to the dtype of the arguments. In the halves that decides whether a sum of
    squares overflows, or whether a margin is reached, so the results on which such a thing depends are rounded here.
    """
    if array.dtype.kind == "c" and dtype.kind == "f":
        array = array.real
    if dtype in HALVES:
        return widen(array.astype(dtype), dtype)
    return (
        array.astype(dtype)
        if array.dtype.kind == dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize
        else array
    )


def scalar(value: float, dtype: DType) -> Any:
    """An option as a number of `dtype`, as torch casts it: rounded to a half, and truncated to an integer."""
    return working(dtype).type(np.float64(value).astype(dtype))


def clip(array: Array, bound: float) -> Array:
    """The array cut off at -bound and at bound."""
    clipped: Array = lazily(partial(np.clip, a_min=-bound, a_max=bound), array)
    return clipped


def conjugate(array: Array) -> Array:
    """The complex conjugate; of real numbers the array itself."""
    return array.conj() if array.dtype.kind == "c" else array


@row_by_row
def direction(array: Array) -> Array:
    """d / |d|, the derivative of |d|, which torch takes to be 0 at 0 and, for real d, at nan."""
    if array.dtype.kind != "c":
        # both comparisons are false at nan; a byte each, they subtract faster than np.sign takes signs
        sign: Array = (array > 0).view(np.int8) - (array < 0).view(np.int8)
        return sign.astype(array.dtype)
    modulus = np.abs(array)
    unit: Array = np.divide(array, modulus, out=np.zeros_like(array), where=modulus != 0)
    return unit


@row_by_row
def zero_outside(array: Array, mask: Array) -> Array:
    """`array` where `mask` is true and 0 elsewhere, also where it is inf or nan there.

    It is ``np.where(mask, array, 0)``, but multiplies where all is finite: np.where branches on each element, which
    is slow on an irregular mask.
    """
    if np.isfinite(array).all():
        return array * mask
    return np.where(mask, array, array.dtype.type(0))


@row_by_row
def row_sums(array: Array) -> Array:
    """The sums over the last dimension: a product with ones, which is quicker than np.sum on short rows."""
    *rest, length = array.shape
    if length > LONG:
        return np.asarray(np.add.reduce(array, axis=-1))
    return (array.reshape(prod(rest), length) @ np.ones(length, array.dtype)).reshape(rest)


def uint8_as_int8(target: Array) -> Array:
    """The target to compare with -1: torch casts the -1 to uint8, where it is 255, so that 255 is a label of -1."""
    return target.view(np.int8) if target.dtype == np.uint8 else target


def float_dtype(dtype: DType) -> DType:
    """The dtype of the sum of an array of `dtype` and a Python float: float32 for integers and bools."""
    return FLOAT32 if dtype.kind in "biu" else dtype


@row_by_row
def stirling(counts: Array, *, dtype: DType) -> Array:
    """Stirling's log t! of wide counts above 1, each step rounded to `dtype`, and 0 up to 1 (nan for nan)."""
    product = rounded(counts * rounded(np.log(counts), dtype), dtype)
    root = rounded(0.5 * rounded(np.log(rounded(counts.dtype.type(TWO_PI) * counts, dtype)), dtype), dtype)
    factorial = rounded(rounded(product - counts, dtype) + root, dtype)
    return np.asarray(np.where(counts <= 1, counts.dtype.type(0), factorial))


def stirling_gradient(counts: Array, grad: Array, *, dtype: DType) -> Array:
    """The gradient of the counts of `dtype` from that of Stirling's log t!: its derivative is log t + 1 / (2 t).

    Torch puts 0 in the place of `grad` up to t = 1, and keeps the t / t - 1 of t log t - t, which should cancel: so it
    is nan where t <= 0 and where t = inf.
    """
    grad = zero_outside(grad, ~(counts <= 1))
    through_factor = rounded(grad * counts, dtype) / counts
    gradient: Array = grad * np.log(counts) + (through_factor - grad) + 0.5 * grad / counts
    return gradient

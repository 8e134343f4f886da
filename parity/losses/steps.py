"""What the margin and distance losses do between the steps of a formula: round, mask and sum as torch does."""

from math import prod
from typing import Any

import numpy as np

from parity.losses.arguments import FLOAT32, HALVES, widen, working
from parity.types import Array, DType


def rounded(array: Array, dtype: DType) -> Array:
    """The wide array after a stop in `dtype`: float16 and bfloat16 lose digits and range, others nothing.

    torch stores each step of these formulas in the arguments' dtype. In the halves a sum of squares
    overflows, or a margin is just reached, because of that, so the steps that decide it stop there too.
    """
    return widen(array.astype(dtype), dtype) if dtype in HALVES else array


def constant(value: float, dtype: DType) -> Any:
    """An option as a step in `dtype` adds it: torch rounds it to the halves first, and cuts it for integers."""
    return working(dtype).type(dtype.type(value))


def kept(array: Array, mask: Array) -> Array:
    """`array` where `mask` is true and 0 elsewhere, be it inf or nan there.

    It is ``np.where(mask, array, 0)``, which is slow on a mask without pattern: it branches on each element.
    """
    if np.isfinite(array).all():
        return array * mask
    return np.where(mask, array, array.dtype.type(0))


def row_sums(array: Array) -> Array:
    """The sums over the last dimension: one product with ones, quicker than np.sum on short rows."""
    *rest, length = array.shape
    return (array.reshape(prod(rest), length) @ np.ones(length, array.dtype)).reshape(rest)


def signed(target: Array) -> Array:
    """The target to compare with -1, which in uint8 is 255, as in torch."""
    return target.view(np.int8) if target.dtype == np.uint8 else target


def floating(dtype: DType) -> DType:
    """The dtype that numbers of `dtype` have after a step with a Python float: integers become float32."""
    return FLOAT32 if dtype.kind in "biu" else dtype

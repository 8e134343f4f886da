"""The reductions none, mean and sum, their adjoints, and the legacy flags that name them."""

import warnings
from collections.abc import Callable

import numpy as np

from parity.losses.blocks import whole
from parity.types import Array, DType

REDUCTIONS = ("none", "mean", "sum")
Adjoint = Callable[[Array], Array]


def resolve(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """The reduction meant by `reduction` and the two legacy flags, which override it with a warning.

    Raises ValueError for a name other than none, mean, sum and the old name elementwise_mean.
    """
    if size_average is not None or reduce is not None:
        reduces, averages = (flag is None or flag for flag in (reduce, size_average))
        legacy = "none" if not reduces else "mean" if averages else "sum"
        warnings.warn(f"size_average and reduce are deprecated: write reduction={legacy!r} instead.", stacklevel=4)
        return legacy
    if reduction in REDUCTIONS:
        return reduction
    if reduction == "elementwise_mean":
        warnings.warn("reduction='elementwise_mean' is the old name of 'mean': write 'mean'.", stacklevel=4)
        return "mean"
    raise ValueError(f"reduction is {reduction!r}, expected 'none', 'mean' or 'sum'")


def reduced(values: Array, reduction: str, dtype: DType) -> tuple[Array, Adjoint]:
    """The reduction of the wide `values`, rounded to `dtype`, and its adjoint.

    The adjoint takes grad_output to the wide gradient of the values: an array of their shape for 'none',
    a 0-d array that broadcasts to it for 'mean' and 'sum'. The mean of nothing is nan, its sum 0.
    """
    wide = values.dtype
    if reduction == "none":
        return whole(values.astype(dtype, copy=False)), lambda grad_output: grad_output.astype(wide, copy=False)
    total = np.add.reduce(values, axis=None)
    if reduction == "sum":
        return np.asarray(total, dtype), lambda grad_output: grad_output.astype(wide, copy=False)
    count = wide.type(values.size)
    return np.asarray(total / count, dtype), lambda grad_output: grad_output.astype(wide, copy=False) / count

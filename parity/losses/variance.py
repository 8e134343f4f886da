"""The variances of gaussian_nll_loss: their forms, and the eps that bounds them."""

import numpy as np

from parity.losses.arguments import FLOAT32, is_floating
from parity.losses.checks import (
    check_64_bits,
    check_arrays,
    check_kernel,
    check_number,
    check_real,
    check_representable,
)
from parity.types import Array


def shaped_variance(input: Array, var: Array | float) -> Array:
    """var checked, and in a shape that broadcasts with input's."""
    if isinstance(var, np.ndarray):
        check_real("gaussian_nll_loss", var)
        check_kernel(var=var.dtype)
        if np.any(var < 0):
            raise ValueError("var has negative entries, expected variances of 0 or more")
        return var if var.shape == input.shape else _stretchable(var, input.shape)
    if isinstance(var, float):
        if var < 0:
            raise ValueError(f"var is {var}, expected 0 or more")
        # a float is a variance of input's dtype for each of its elements
        check_arrays(input=input)
        return np.full((1,) * input.ndim, var, input.dtype if is_floating(input) else FLOAT32)
    raise TypeError(f"var is of {type(var).__name__}, expected an array or a float")


def bounded(variance: Array, eps: float) -> Array:
    """The variances, at least eps."""
    _check_bound(variance, eps)
    # eps is rounded to the dtype of var, as in torch; of two zeros, whichever their signs, var's stays
    bound = np.asarray(eps).astype(variance.dtype)
    return np.asarray(np.where(variance == bound, variance, np.maximum(variance, bound)))


def _check_bound(variance: Array, eps: float) -> None:
    """Raise what torch's clamp raises for an eps that cannot bound these variances."""
    if eps is None:
        raise RuntimeError("eps is None, expected a number")
    check_number(eps=eps)
    check_64_bits(eps=eps)
    if variance.dtype == np.bool_:
        raise NotImplementedError("var holds bools, which have no bound: expected numbers")
    if not is_floating(variance) and not isinstance(eps, int):
        raise RuntimeError(f"var is of {variance.dtype}, expected a floating dtype, which {eps} can bound")
    check_representable(variance.dtype, eps=eps)


def _stretchable(var: Array, shape: tuple[int, ...]) -> Array:
    """var of fewer entries than input, with the dimension of size 1 that stretches to the shape of input."""
    if var.shape == shape[:-1]:
        return var[..., None]
    if var.ndim == len(shape):
        unequal = [size for size, expected in zip(var.shape, shape, strict=True) if size != expected]
        if sum(unequal) == 1:
            return var
    raise ValueError(f"var has shape {var.shape}, expected {shape}, or a 1 in place of one size, or {shape[:-1]}")

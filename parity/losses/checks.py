"""Checks of arguments that several families of losses share. Each raises the class that torch raises."""

from math import isfinite

import numpy as np
from ml_dtypes import finfo

from parity.losses.arguments import BARE, category, is_floating, promote
from parity.losses.reduction import REDUCTIONS
from parity.types import Array, DType


def check_reduction(reduction: object) -> None:
    """Raise ValueError for a name other than none, mean and sum, the old name elementwise_mean included."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction is {reduction!r}, expected 'none', 'mean' or 'sum'")


def check_spelled_reduction(reduction: object) -> None:
    """As `check_reduction`, but TypeError for anything but a text, on which torch's own message fails."""
    if not isinstance(reduction, str):
        raise TypeError(f"reduction is {reduction!r}, expected the text 'none', 'mean' or 'sum'")
    check_reduction(reduction)


def check_flag(**options: object) -> None:
    """Raise TypeError for a named option that is not a bool: torch takes no 1, None or text in its place."""
    for name, option in options.items():
        if not isinstance(option, bool):
            raise TypeError(f"{name} is {option!r}, expected a bool")


def check_arrays(**arrays: object) -> None:
    """Raise TypeError for a named array that is a plain number, which torch's functions do not take; None may be."""
    for name, array in arrays.items():
        if array is not None and not isinstance(array, np.ndarray):
            raise TypeError(f"{name} is {array!r}, expected an array")


def check_number(**options: object) -> None:
    """Raise TypeError for a named option that is no number, such as None or a text."""
    for name, option in options.items():
        if not isinstance(option, int | float | np.number):
            raise TypeError(f"{name} is {option!r}, expected a number")


def check_representable(dtype: DType, **options: float) -> None:
    """Raise RuntimeError for a named option that `dtype` cannot hold: too large, or infinite or nan among integers."""
    floats = is_floating(np.empty((), dtype))
    limits = finfo(dtype) if floats else np.iinfo(dtype)
    for name, option in options.items():
        if not float(limits.min) <= option <= float(limits.max) and not (floats and not isfinite(option)):
            raise RuntimeError(f"{name} is {option}, expected a number that {dtype} can hold")


def check_64_bits(**options: object) -> None:
    """Raise OverflowError for a named int that neither int64 nor uint64 holds."""
    for name, option in options.items():
        if isinstance(option, int) and not -(2**63) <= option < 2**64:
            raise OverflowError(f"{name} is {option}, expected an int of 64 bits, or a float")


def check_same_shape(input: Array, **arrays: Array | None) -> None:
    """Raise ValueError for a named array of another shape than input's; None may be."""
    for name, array in arrays.items():
        if array is not None and array.shape != input.shape:
            raise ValueError(f"{name} has shape {array.shape}, expected input's {input.shape}")


def check_broadcast(**arrays: Array) -> None:
    """Raise RuntimeError if the shapes of the named arrays do not broadcast together."""
    shapes = [array.shape for array in arrays.values()]
    if shapes.count(shapes[0]) == len(shapes):
        return
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        found = " and ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
        raise RuntimeError(f"{found} do not broadcast: sizes must be equal, or one of them 1") from None


def check_broadcasts_to(shape: tuple[int, ...], name: str, array: Array) -> None:
    """Raise RuntimeError if the named array does not broadcast to `shape` without changing it."""
    try:
        if array.shape == shape or np.broadcast_shapes(array.shape, shape) == shape:
            return
    except ValueError:
        pass
    raise RuntimeError(f"{name} has shape {array.shape}, expected one that broadcasts to {shape}")


def check_no_bool(**arrays: Array) -> None:
    """Raise RuntimeError for a named array of bools, which torch does not subtract."""
    for name, array in arrays.items():
        if array.dtype == np.bool_:
            raise RuntimeError(f"{name} holds bools, which have no difference: expected numbers")


def check_kernel(**dtypes: DType) -> None:
    """Raise NotImplementedError for a named dtype in which torch neither adds, negates nor compares."""
    for name, dtype in dtypes.items():
        if dtype in BARE:
            raise NotImplementedError(f"{name} is of {dtype}, which is not computed in: expected another dtype")


def check_castable(function: str, dtype: DType, other: DType) -> None:
    """Raise RuntimeError if answers of `dtype` cannot be stored in the `other`, which is of a lesser kind."""
    if category(dtype) > category(other):
        raise RuntimeError(f"{function} of {dtype} cannot be stored in {other}")


def difference_dtype(**arrays: Array) -> DType:
    """The dtype of a difference of the named arrays. Raises what torch raises where there is none, in its order."""
    check_no_bool(**arrays)
    check_broadcast(**arrays)
    dtype = promote(*arrays.values())
    check_kernel(**{" and ".join(arrays): dtype})
    return dtype


def check_real(function: str, *arrays: Array) -> None:
    """Raise NotImplementedError if `function` is asked for complex numbers."""
    for array in arrays:
        if array.dtype.kind == "c":
            raise NotImplementedError(f"{function} is not defined for {array.dtype}, expected real numbers")


def check_real_floating(function: str, dtype: DType) -> None:
    """Raise NotImplementedError if `function` would be computed in anything but real floating point."""
    if dtype.kind == "c" or not is_floating(np.empty((), dtype)):
        raise NotImplementedError(f"{function} is not defined for {dtype}, expected a real floating dtype")

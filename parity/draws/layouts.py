"""The same values in other strides: what a kernel that assumes C order trips over."""

import ctypes
import mmap
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from parity.types import Array

# An offset of so many elements is 0 in 32 bits, and one of half of it is negative in int32.
REACH = 1 << 32
# For memory nothing is set aside before it is written to: Linux refuses more than the machine has otherwise.
_NORESERVE = 0x4000 if sys.platform == "linux" else 0


def contiguous(array: Array) -> Array:
    """C order, as drawn."""
    return array


def fortran(array: Array) -> Array:
    """Column-major: the first dimension is the fastest."""
    return array.copy(order="F")


def transposed(array: Array) -> Array:
    """The last two dimensions swapped in memory."""
    return _swapped(array, -1, -2)


def channels_last(array: Array) -> Array:
    """Dimension 1, where torch has the classes, is the fastest; a matrix is transposed."""
    if array.ndim < 3:
        return transposed(array)
    return np.moveaxis(np.moveaxis(array, 1, -1).copy(), -1, 1)


def batch_first(array: Array) -> Array:
    """The first two dimensions swapped in memory."""
    return _swapped(array, 0, 1)


def _swapped(array: Array, one: int, other: int) -> Array:
    """Two dimensions swapped in memory; what has fewer is sliced."""
    if array.ndim < 2:
        return sliced(array)
    return np.swapaxes(np.swapaxes(array, one, other).copy(), one, other)


def sliced(array: Array) -> Array:
    """Every second element of a buffer twice as long in each dimension."""
    buffer = np.zeros(tuple(2 * size for size in array.shape), array.dtype)
    view: Array = buffer[_steps(2, array.ndim)]
    view[...] = array
    return view


def padded(array: Array) -> Array:
    """Rows of a wider buffer: dense, but further apart than they are long."""
    if array.ndim == 0:
        return array
    buffer = np.zeros((*array.shape[:-1], array.shape[-1] + 3), array.dtype)
    view: Array = buffer[..., : array.shape[-1]]
    view[...] = array
    return view


def split(array: Array) -> Array:
    """The first part of an array cut along dimension 1: each sample is dense, and they lie further apart than that."""
    if array.ndim < 3:
        return padded(array)
    buffer = np.zeros((array.shape[0], array.shape[1] + 1, *array.shape[2:]), array.dtype)
    view: Array = buffer[:, : array.shape[1]]
    view[...] = array
    return view


def reversed_(array: Array) -> Array:
    """Negative strides along each dimension."""
    back: Array = array[_steps(-1, array.ndim)].copy()[_steps(-1, array.ndim)]
    return back


def expanded(array: Array) -> Array:
    """The first row repeated with stride 0 (a kernel that writes or flattens in place trips over it)."""
    if array.ndim == 0 or array.shape[0] == 0:
        return array
    return np.lib.stride_tricks.as_strided(array, array.shape, (0, *array.strides[1:]), writeable=True)


def repeated(array: Array) -> Array:
    """The first number of each row repeated with stride 0, as the backward of a sum over the classes hands it down."""
    if array.ndim == 0 or not array.size:
        return array
    return np.lib.stride_tricks.as_strided(array, array.shape, (*array.strides[:-1], 0), writeable=True)


def offset(array: Array) -> Array:
    """A window that starts inside a larger buffer."""
    buffer = np.zeros(array.size + 5, array.dtype)
    view = buffer[3 : 3 + array.size].reshape(array.shape)
    view[...] = array
    return view


def readonly(array: Array) -> Array:
    """An array that must not be written to."""
    array = array.copy()
    array.flags.writeable = False
    return array


def far(array: Array) -> Array:
    """Rows so far apart that 32 bits hold no offset of the last, in memory of which little else is ever touched.

    As much lies before them as a negative offset reaches, so that what wraps reads zeros and does not crash.
    """
    long = next((axis for axis, size in enumerate(array.shape) if size > 1), None)
    if long is None or not array.size:
        return array
    row = array[(0,) * (long + 1)]
    step = REACH // (array.shape[long] - 1) + row.size
    before, length = REACH // 2, step * (array.shape[long] - 1) + row.size
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
    memory = mmap.mmap(-1, (before + length) * array.itemsize, flags)
    strides = (step * array.itemsize,) * (long + 1) + row.copy().strides
    view: Array = np.ndarray(array.shape, array.dtype, memory, before * array.itemsize, strides)
    view[...] = array
    return view


def copied(array: Array) -> Array:
    """The same values in the same strides, in memory of its own that may be written to."""
    owner = array.base if isinstance(array.base, np.ndarray) else array
    low, high = np.lib.array_utils.byte_bounds(owner)
    if high - low > REACH * array.itemsize:
        return far(array)
    # a window into a plain buffer stays one
    memory = owner.copy() if owner.flags.c_contiguous else bytearray(ctypes.string_at(low, high - low))
    start = array.__array_interface__["data"][0] - low
    return np.ndarray(array.shape, array.dtype, memory, start, array.strides)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": contiguous, "fortran": fortran, "transposed": transposed, "channels_last": channels_last,
    "batch_first": batch_first, "sliced": sliced, "padded": padded, "split": split, "reversed": reversed_,
    "expanded": expanded, "repeated": repeated, "offset": offset, "readonly": readonly, "far": far,
}  # fmt: skip


def _steps(step: int, dims: int) -> Any:
    """The index of every element by steps in each dimension; the dots keep 0-d arrays arrays."""
    return (..., *(slice(None, None, step),) * dims)

"""Arrays as tensors and back, bit for bit, bfloat16 included."""

import numpy as np
import torch

from parity.dtypes import BFLOAT16, row_of
from parity.types import Array


def to_tensor(array: Array) -> torch.Tensor:
    """A tensor over the array's own memory and strides where torch can, else a copy."""
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    buffer = array.base
    if isinstance(buffer, np.ndarray) and buffer.ndim == 1 and buffer.flags.carray and buffer.dtype == array.dtype:
        # a window into a buffer is one in torch too: there a kernel may forget the offset
        strides = [stride // array.itemsize for stride in array.strides]
        skipped = (array.ctypes.data - buffer.ctypes.data) // array.itemsize
        return torch.as_strided(_shared(buffer), array.shape, strides, skipped)
    return _shared(array)


def _shared(array: Array) -> torch.Tensor:
    """A tensor over the array's memory."""
    row = row_of(array.dtype)
    if row is not None and row.bits is not None:
        return torch.from_numpy(array.view(row.bits)).view(getattr(torch, row.name))
    return torch.from_numpy(array)


def to_numpy(tensor: torch.Tensor) -> Array:
    """The tensor's values as an array of the same dtype and shape."""
    if tensor.data_ptr() == 0 and tensor.numel():
        tensor = tensor.clone()  # zeros without memory, as second derivatives may be: torch 2.9 reads others'
    if tensor.dtype is torch.bfloat16:
        halves: Array = tensor.view(torch.int16).numpy(force=True).view(BFLOAT16)
        return halves
    array: Array = tensor.numpy(force=True)
    return array

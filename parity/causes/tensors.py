"""Arrays and options as Python that makes them anew, in their dtypes and strides."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.causes.literal import is_constant, numbers
from parity.dtypes import FLOATING, name_of
from parity.frameworks.options import DISTANCES
from parity.types import Array

STRIDED_TENSOR = '''\
def strided(values, strides, start=0):
    """The same values in other strides."""
    size = start + 1 + sum((n - 1) * step for n, step in zip(values.shape, strides))
    return values.new_zeros(size).as_strided(values.shape, strides, start).copy_(values)
'''
STRIDED_ARRAY = '''\
def strided(values, strides, start=0):
    """The same values in other strides."""
    steps = [(n - 1) * step for n, step in zip(values.shape, strides)]
    start -= sum(step for step in steps if step < 0)
    buffer = np.zeros(start + 1 + sum(step for step in steps if step > 0), values.dtype)
    bytes_ = [step * values.itemsize for step in strides]
    view = np.ndarray(values.shape, values.dtype, buffer, start * values.itemsize, bytes_)
    view[...] = values
    return view
'''
_OFFSET = 3  # where a window that starts inside a larger buffer starts


@dataclass(frozen=True)
class Writing:
    """How arrays are written: as tensors, or as NumPy's own."""

    tensors: bool

    def assigned(self, name: str, array: Array, layout: str) -> str:
        """A line that makes an array."""
        return f"{name} = {self._strided(array, layout)}"

    def _strided(self, array: Array, layout: str) -> str:
        plain = self._plain(array)
        steps = tuple(step // array.itemsize for step in array.strides)
        expanded = 0 in steps and array.size > 1  # along a dimension of size 1 too, where NumPy calls it contiguous
        if not array.size or (array.flags.c_contiguous and not expanded and layout != "offset"):
            return plain
        if self.tensors and (min(steps, default=0) < 0 or layout == "readonly"):
            return plain  # torch has neither
        if expanded:
            first = self._plain(array[tuple(slice(0, 1) if step == 0 else slice(None) for step in steps)])
            if self.tensors:
                return f"{first}.expand({', '.join(map(str, array.shape))})"
            bytes_ = tuple(array.strides)
            return f"np.lib.stride_tricks.as_strided({first}, {array.shape}, {bytes_})"
        start = f", {_OFFSET}" if layout == "offset" else ""
        return f"strided({plain}, {steps}{start})"

    def _plain(self, array: Array) -> str:
        dtype = name_of(array.dtype)
        if not array.size:
            return f"{'torch' if self.tensors else 'np'}.zeros({array.shape}, dtype={self.dtype(dtype)})"
        if is_constant(array):
            value = number_text(numbers(array.flat[0]))
            return f"{'torch' if self.tensors else 'np'}.full({array.shape}, {value}, dtype={self.dtype(dtype)})"
        values = number_text(array.tolist() if array.dtype.kind in "iubc" else array.astype(np.float64).tolist())
        return f"{'torch.tensor' if self.tensors else 'np.array'}({values}, dtype={self.dtype(dtype)})"

    def dtype(self, name: str) -> str:
        """A dtype in the framework's words."""
        if self.tensors:
            return f"torch.{name}"
        return "ml_dtypes.bfloat16" if name == "bfloat16" else "np.bool_" if name == "bool" else f"np.{name}"

    def option(self, name: str, value: Any, tensors: bool | None = None) -> str:
        """An option of a call."""
        writing = self if tensors is None else Writing(tensors)
        if name in ("dtype", "acc_dtype") and isinstance(value, str) and value in FLOATING:
            return writing.dtype(value)
        if name == "distance_function" and isinstance(value, str) and value in DISTANCES:
            words = ", ".join(f"{word}={number_text(one)}" for word, one in DISTANCES[value].items())
            return f"partial(F.pairwise_distance, {words})" if words else "F.pairwise_distance"
        if name == "options" and isinstance(value, Mapping):
            fields = ", ".join(f"{word}={writing.option(word, one)}" for word, one in value.items())
            return f"torch.nn.LinearCrossEntropyOptions({fields})"
        return number_text(value)


def number_text(value: Any) -> str:
    """A value as Python writes it; inf and nan are names of `math`."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(number_text, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(number_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, complex):
        return f"complex({number_text(value.real)}, {number_text(value.imag)})"
    return repr(value)


def imports(text: str) -> Iterator[str]:
    """The imports that a piece of a program needs, in their order."""
    words = {
        "from functools import partial": "partial(", "from math import inf": "inf", "from math import nan": "nan",
        "import concurrent.futures": "concurrent.futures.", "import ml_dtypes": "ml_dtypes.",
        "import numpy as np": "np.",
    }  # fmt: skip
    for line, word in words.items():
        if re.search(rf"(?<![\w.]){re.escape(word)}" + (r"\b" if word.isalpha() else ""), text):
            yield line

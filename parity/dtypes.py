"""All that is known of a dtype, a row each: how it is called, how it travels, its limits, and how exact an answer is.

A new dtype is a new row.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from parity.types import DType

BFLOAT16: DType = np.dtype(ml_dtypes.bfloat16)
FLOAT16: DType = np.dtype(np.float16)
FLOAT32: DType = np.dtype(np.float32)


@dataclass(frozen=True, slots=True)
class Row:
    """One dtype.

    `eps` is its spacing at 1, `tiny` its smallest normal number, `smallest` its smallest positive one. `rtol` is what
    an answer may be missed by, relative to its size. `bits` is the dtype of the same width through which it reaches
    frameworks that NumPy's own array protocol has no word for it. `computes` names the dtype in which losses compute,
    `probe` the relative size of a change of its numbers that shows their condition.
    """

    name: str
    numpy: DType
    eps: float
    tiny: float
    smallest: float
    rtol: float
    computes: str
    probe: float
    bits: DType | None = None

    @property
    def half(self) -> bool:
        """Whether it has half a float32's width or less: losses compute wider, and round at the end."""
        return self.name != self.computes

    @property
    def double(self) -> bool:
        """Whether no wider dtype is to be had everywhere."""
        return self.eps <= 2.0**-52


def _row(name: str, dtype: Any, rtol: float, computes: str, probe: float, bits: Any = None) -> Row:
    limits: Any = ml_dtypes.finfo(dtype)
    return Row(
        name, np.dtype(dtype), float(limits.eps), float(limits.tiny), float(limits.smallest_subnormal), rtol, computes,
        probe, None if bits is None else np.dtype(bits),
    )  # fmt: skip


# rtol: assert_close has 1e-3, 1.6e-2, 1.3e-6 and 1e-7; bfloat16 and float64 are tighter here, by 2 and by 10^6:
# one rounding of bfloat16 is 3.9e-3, of float64 1.1e-16, and sums of a thousand terms stay below 1e-13.
# probe: far above the float64 answer's rounding, and so far above the dtype's eps that a jump at a kink is granted
# hardly any allowance.
FLOATING: dict[str, Row] = {
    row.name: row for row in (
        _row("float32", np.float32, 1.3e-6, "float32", 1e-3),
        _row("float64", np.float64, 1e-13, "float64", 1e-6),
        _row("float16", np.float16, 1e-3, "float32", 0.05),
        _row("bfloat16", ml_dtypes.bfloat16, 8e-3, "float32", 0.05, bits=np.int16),
        _row("complex64", np.complex64, 1.3e-6, "complex64", 1e-3),
        _row("complex128", np.complex128, 1e-13, "complex128", 1e-6),
    )
}  # fmt: skip
WHOLE = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool")
NAMES: tuple[str, ...] = (*FLOATING, *WHOLE)
HALVES: tuple[DType, ...] = tuple(row.numpy for row in FLOATING.values() if row.half)
_ROWS: dict[DType, Row] = {row.numpy: row for row in FLOATING.values()}


def row_of(dtype: DType) -> Row | None:
    """What is known of a floating dtype; None for one of whole numbers."""
    return _ROWS.get(dtype)


@cache
def name_of(dtype: DType) -> str:
    """The name of a dtype, as case files write it."""
    row = _ROWS.get(dtype)
    return dtype.name if row is None else row.name


def is_floating(array: Any) -> bool:
    """Whether the array holds real or complex floating-point numbers."""
    return array.dtype.kind in "fc" or array.dtype in _ROWS

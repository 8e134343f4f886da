"""How far an answer may be from torch's: by its dtype, outputs and gradients alike.

A value passes if |actual - expected| <= rtol |expected| + atol. The rtol of `parity.dtypes` starts from
torch.testing.assert_close, and is tighter for bfloat16 and float64. The atol of 1e-5 there would hide every tail
(log1p(exp(-20)) is 2e-9), so here it is eight times the smallest subnormal number and no more.

A value that misses this bound is not yet wrong: a sum that cancels, or a half-precision kernel that rounds
on its way, is allowed what `parity.comparison.truth` measures for that very draw: twice torch's own distance from
the exact answer, there and elsewhere in the array, what torch is off nearby, and as far as that goes the dtype's step
times the condition of the point. An error that this shows to be a rounding is one in the point's later draws as well,
unmeasured, up to twice its size. What passes may still lean to one side: `parity.comparison.bias`.
"""

import math
from typing import Any, NamedTuple

from parity.cases.schema import Tolerance
from parity.dtypes import row_of
from parity.types import DType


class Bound(NamedTuple):
    """rtol is a share of the expected value, atol an absolute error."""

    rtol: float
    atol: float


EXACT = Bound(0.0, 0.0)


def bound(dtype: DType, name: str, own: Tolerance | None = None) -> Bound:
    """The bound for the output, or for the gradient of an argument, in this dtype; a scenario's own is added."""
    row = row_of(dtype)
    if row is None:
        return EXACT
    given: Any = None if own is None else (own.output if name == "output" else own.gradient)
    rtol, atol = row.rtol, 8 * row.smallest  # a few roundings below the normal numbers, where rtol says nothing
    if given is not None:
        rtol, atol = max(rtol, given.rtol), max(atol, given.atol, given.eps * row.eps)
    return Bound(rtol, atol)


def ulp(error: float, value: float, dtype: DType) -> float:
    """An absolute error in units in the last place of the dtype at `value`."""
    row = row_of(dtype)
    if row is None or not math.isfinite(value):
        return float(error)
    spacing = max(math.ldexp(row.eps, math.frexp(max(abs(value), row.tiny))[1] - 1), row.smallest)
    return float(error / spacing)


def magnitude(value: complex) -> float:
    """The size of a number: Python's own abs raises OverflowError, and of a nan too if one was left pending."""
    return math.hypot(value.real, value.imag)

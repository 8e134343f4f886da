"""How far an answer may be from torch's: one table by dtype, gradients apart from outputs.

A value passes if |actual - expected| <= rtol |expected| + atol. The table starts from
torch.testing.assert_close and is tighter: its atol of 1e-5 would hide every tail (log1p(exp(-20)) is 2e-9),
so here atol is a few steps of the smallest subnormal and no more.

A value that misses this bound is not yet wrong: a sum that cancels, or a half-precision kernel that rounds
on its way, is allowed what `parity.comparison.truth` measures for that very draw: twice torch's own distance from
the exact answer, there and elsewhere in the array, and the dtype's step times the condition of the point. An error
that this shows to be a rounding is one in the point's later draws as well, unmeasured, up to twice its size.
"""

from dataclasses import dataclass
from functools import cache
from math import frexp, ldexp
from typing import Any, NamedTuple

import numpy as np

from parity.cases.schema import Tolerance
from parity.losses.arguments import BFLOAT16
from parity.types import DType


class Bound(NamedTuple):
    """rtol and atol, both in units of the value."""

    rtol: float
    atol: float


@dataclass(frozen=True, slots=True)
class Step:
    """The precision of a dtype: its step at 1 and its smallest positive number."""

    eps: float
    tiny: float
    smallest: float


STEPS: dict[str, Step] = {
    "float16": Step(2.0**-10, 2.0**-14, 2.0**-24),
    "bfloat16": Step(2.0**-7, 2.0**-126, 2.0**-133),
    "float32": Step(2.0**-23, 2.0**-126, 2.0**-149),
    "float64": Step(2.0**-52, 2.0**-1022, 2.0**-1074),
}
STEPS |= {"complex64": STEPS["float32"], "complex128": STEPS["float64"]}

# rtol of the output, rtol of the gradients.
TABLE: dict[str, tuple[float, float]] = {
    "float16": (1e-3, 1e-3),
    "bfloat16": (8e-3, 8e-3),
    "float32": (1.3e-6, 1.3e-6),
    "float64": (1e-13, 1e-13),
    "complex64": (1.3e-6, 1.3e-6),
    "complex128": (1e-13, 1e-13),
}
EXACT = Bound(0.0, 0.0)


@cache
def name_of(dtype: DType) -> str:
    """The name of a dtype, as case files write it."""
    return "bfloat16" if dtype == BFLOAT16 else dtype.name


def bound(dtype: DType, what: str, own: Tolerance | None = None) -> Bound:
    """The bound for the output or a gradient in this dtype; a scenario's own tolerance goes first."""
    name = name_of(dtype)
    if name not in TABLE:
        return EXACT
    given: Any = None if own is None else (own.output if what == "output" else own.gradient)
    output, gradient = TABLE[name]
    rtol = output if what == "output" else gradient
    atol = 8 * STEPS[name].smallest
    if given is not None:
        rtol, atol = max(rtol, given.rtol), max(atol, given.atol, given.steps * STEPS[name].eps)
    return Bound(rtol, atol)


def ulp(error: float, value: float, dtype: DType) -> float:
    """An absolute error in steps of the dtype at `value`."""
    step = STEPS.get(name_of(dtype))
    if step is None or not np.isfinite(value):
        return float(error)
    _, exponent = frexp(max(abs(value), step.tiny))  # log2 would round up just below a power of two
    return float(error / ldexp(step.eps, exponent - 1))

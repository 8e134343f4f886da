"""A guess at the cause of a wrong gradient or output, in a sentence: the bugs that people really ship."""

from collections.abc import Callable

import numpy as np

from parity.types import Array

# Shares of an answer's largest number. Two answers look alike within the first, which is above a rounding of any dtype
# (bfloat16's is 4e-3); numbers below the second are left out of a ratio, where they would be mostly rounding.
LIKE = 1e-2
SMALL = 1e-3


def diagnose(what: str, expected: Array, actual: Array, under_ones: Callable[[], Array | None]) -> str:
    """What the difference looks like, or an empty string.

    `{reference}` in it stands for the name of the side that is asked. `under_ones` gives torch's gradient for a
    grad_output of ones, to recognise one that was ignored.
    """
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    e, a = expected.astype(wide).ravel(), actual.astype(wide).ravel()
    used = np.isfinite(e) & np.isfinite(a)
    if not used.any() or not e[used].any():
        return ""
    e, a = e[used], a[used]
    scale = float(np.abs(e).max())
    if not a.any():
        return "is zero everywhere"
    if what != "output":
        ones = under_ones()
        if ones is not None and ones.size == expected.size:
            flat = ones.astype(wide).ravel()[used]
            if (
                np.abs(flat - a).max() <= LIKE * max(scale, float(np.abs(flat).max()))
                and np.abs(flat - e).max() > LIKE * scale
            ):
                return "ignores grad_output (it is {reference}'s for a grad_output of ones)"
    large = np.abs(e) > SMALL * scale
    ratios = a[large] / e[large]
    ratio = ratios.mean()
    if np.abs(ratios - ratio).max() <= LIKE * abs(ratio) and np.abs(ratio - 1) > LIKE:
        if abs(ratio + 1) < LIKE:
            return "has its sign flipped"
        return f"is {ratio.real:.4g} times {{reference}}'s throughout (a wrong denominator or factor)"
    if len(a) > 1 and not np.ptp(np.abs(a)) and np.ptp(np.abs(e)) > LIKE * scale:
        return "has one value throughout"
    moved = np.abs(a - e).max() > LIKE * scale
    if moved and np.abs(np.sort(a.real) - np.sort(e.real)).max() <= SMALL * scale:
        return "holds {reference}'s values in another order (a layout or a dimension was mistaken)"
    return ""

"""A guess at the cause of a wrong gradient or output, in a sentence: the bugs that people really ship.

Nothing is claimed but what all elements show, those that are inf or nan and the smallest ones included.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from parity.comparison.factors import Factors
from parity.types import Array

# Shares of an answer's largest number. Two answers look alike within the first, which is above a rounding of any dtype
# (bfloat16's is 4e-3); a difference below it has no name.
LIKE = 1e-2
SMALL = 1e-3
# So many elements must agree on a factor or a constant that does not explain itself.
AGREE = 3
# The imaginary part of a real factor of complex numbers is a rounding.
ROUNDED = 1e-6
# What an element may be off a pattern by, as a multiple of what it may be off the expected value by.
WIDER = 4.0


def diagnose(
    what: str, expected: Array, actual: Array, under_ones: Callable[[], Array | None],
    allowed: Array | None = None, factors: Factors | None = None,
) -> str:  # fmt: skip
    """What the difference looks like, or an empty string.

    `{reference}` in it stands for the name of the side that is asked. `under_ones` gives torch's gradient for a
    grad_output of ones, to recognise one that was ignored. `allowed` is what each element may be missed by, `factors`
    are those that would explain themselves at this point.
    """
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    e, a = expected.astype(wide).ravel(), actual.astype(wide).ravel()
    finite = np.isfinite(e)
    if not finite.any() or not e[finite].any():
        return ""
    with np.errstate(all="ignore"):
        near = np.asarray(LIKE * np.abs(e) if allowed is None else WIDER * allowed.astype(np.float64).ravel())
        if not a.any():
            return "is zero everywhere"
        if what != "output" and _ignores_upstream(e, a, under_ones()):
            return "ignores grad_output (it is {reference}'s for a grad_output of ones)"
        return _multiple(e, a, near, factors) or _shifted(e, a, near) or _arranged(e, a)


def _ignores_upstream(e: Array, a: Array, ones: Array | None) -> bool:
    if ones is None or ones.size != e.size:
        return False
    flat = ones.astype(e.dtype).ravel()
    scale, larger = _largest(e), max(_largest(e), _largest(flat))
    used = np.isfinite(e) & np.isfinite(flat)
    if not used.any() or not np.array_equal(np.isfinite(a), np.isfinite(flat)):
        return False
    return bool(
        np.abs(flat[used] - a[used]).max() <= LIKE * larger and np.abs(flat[used] - e[used]).max() > LIKE * scale
    )


def _multiple(e: Array, a: Array, near: Array, factors: Factors | None) -> str:
    """A factor that all elements agree on, or that explains itself."""
    index = int(np.where(np.isfinite(e), np.abs(e), -1).argmax())
    factor = complex(a[index] / e[index])
    if not np.isfinite(factor) or not factor:
        return ""
    if abs(factor.imag) <= ROUNDED * abs(factor.real):
        factor = complex(factor.real)
    wanted = e * factor if factor.imag else e * factor.real
    if not _same(wanted, a, near * (abs(factor) + 1)) or _same(np.zeros_like(a), a, near):
        return ""  # of a number that is nearly 0 no factor is known
    why = factors.named(factor.real) if factors is not None and not factor.imag else []
    if abs(factor - 1) <= LIKE and not why:
        return ""
    if np.count_nonzero(np.isfinite(e) & (e != 0)) < AGREE and not why:
        return ""
    if abs(factor + 1) < LIKE:
        return "has its sign flipped"
    number = f"{factor.real:.4g}" if not factor.imag else f"{factor.imag:.4g}j" if not factor.real else f"{factor:.4g}"
    because = f": {why[0]}" if why and why[0] != number else ""
    return f"is {number} times {{reference}}'s throughout (a wrong denominator or factor{because})"


def _shifted(e: Array, a: Array, near: Array) -> str:
    """A constant that is added to every element."""
    finite = np.isfinite(e)
    differs = a[finite] - e[finite]
    if differs.size < AGREE or not np.ptp(np.abs(e[finite])) > 0 or differs.dtype.kind == "c":
        return ""
    constant = float(np.median(differs))
    if not np.isfinite(constant) or abs(constant) <= LIKE * _largest(e) or not _same(e + constant, a, near):
        return ""
    return f"is {{reference}}'s {'plus' if constant > 0 else 'minus'} {abs(constant):.4g} throughout"


def _arranged(e: Array, a: Array) -> str:
    """One value everywhere, or the right values at wrong places."""
    used = np.isfinite(e)
    if not np.array_equal(used, np.isfinite(a)):
        return ""
    e, a = e[used], a[used]
    scale = _largest(e)
    if len(a) > 1 and not np.ptp(np.abs(a)) and np.ptp(np.abs(e)) > LIKE * scale:
        return "has one value throughout"
    moved = np.abs(a - e) > LIKE * scale
    if moved.sum() > 1 and _same_values(a[moved], e[moved], scale):
        return "holds {reference}'s values in another order (a layout or a dimension was mistaken)"
    return ""


def _same_values(a: Array, e: Array, scale: float) -> bool:
    """Whether the elements that moved are the same ones in another order."""
    return bool(np.abs(np.sort(a.real) - np.sort(e.real)).max() <= SMALL * scale)


def _same(wanted: Array, actual: Array, near: Array) -> bool:
    """Whether every element is what is wanted; nan is nan, and inf the same inf."""
    alike = (wanted == actual) | (np.isnan(wanted) & np.isnan(actual)) | (np.abs(wanted - actual) <= near)
    return bool(alike.all())


def _largest(values: Array) -> float:
    sizes: Any = np.abs(values[np.isfinite(values)])
    return float(sizes.max(initial=0.0))

"""Two arrays -> how far apart they are, as a share of what is allowed, and the mismatch where it is too far."""

from collections.abc import Collection
from typing import Any

import numpy as np

from parity.comparison.tolerance import Bound, ulp
from parity.dtypes import FLOAT32, is_floating, name_of
from parity.implementations.grants import GRADIENT_DTYPE, RANK
from parity.records.mismatch import About, Kind, Mismatch, Nearer, Subject
from parity.types import Array, Clause


@np.errstate(all="ignore")
def judge(
    expected: Array, actual: Array, bound: Bound, extra: Array | None = None, truth: Array | None = None
) -> tuple[float, Array]:
    """The largest error as a share of its allowance, and the share of each element.

    nan agrees with nan and inf with the same inf. `extra` is an allowance of the draw's own. Where torch's
    answer is not finite, its float64 answer rounded once is accepted too, if it is given as `truth`.
    """
    if expected.dtype.kind in "biu":  # exactly: float64 would round whole numbers beyond 2^53
        unequal = np.where(expected == actual, 0.0, np.inf)
        return float(unequal.max(initial=0.0)), unequal
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    # without an allowance that may be beyond their range, singles are precise enough for a share; the size of a
    # complex number may be beyond the range of its parts
    narrow = extra is None and expected.dtype == FLOAT32
    e, a = (expected, actual) if narrow else (expected.astype(wide), actual.astype(wide))
    allowed = np.abs(e)
    allowed *= bound.rtol
    allowed += bound.atol
    if expected.dtype.kind == "c":
        allowed = np.where(np.isfinite(allowed), allowed, 0.0)
    if extra is not None:
        allowed += np.where(np.isfinite(extra), extra, 0)
    share: Array = np.abs(a - e)
    share /= allowed
    worst = float(np.maximum.reduce(share, axis=None, initial=0.0))
    if not np.isfinite(worst):
        same = (a == e) | (np.isnan(a) & np.isnan(e))
        share = np.where(same, 0.0, np.where(np.isfinite(e) & np.isfinite(a), share, np.inf))
        if truth is not None:
            t = truth.astype(expected.dtype).astype(wide)
            near = np.abs(a - t) / (bound.rtol * np.abs(t) + bound.atol + (0 if extra is None else extra))
            near = np.where(a == t, 0.0, near)
            overflowed = ~np.isfinite(e) & np.isfinite(near)
            share = np.where(overflowed, np.minimum(share, near), share)
        worst = float(share.max())
    return worst, share


def form(answer: About, expected: Array, actual: Any) -> Mismatch | None:
    """A mismatch of type, encoding, shape or dtype, if there is one."""
    if type(actual) is not np.ndarray:
        article = "an" if type(actual).__name__[0] in "aeiou" else "a"
        sort = ", a subclass of ndarray" if isinstance(actual, np.ndarray) else ""
        return answer.mismatch(Kind.TYPE, figures={"found": f"{article} {type(actual).__name__}{sort}"})
    wanted = name_of(expected.dtype)
    if actual.dtype == object or not actual.dtype.isnative:
        sort = "Python objects" if actual.dtype == object else "numbers of foreign byte order"
        return _differs(answer, Kind.ENCODING, f"{sort} ({actual.dtype.str})", wanted)
    if actual.shape != expected.shape:
        return _differs(answer, Kind.SHAPE, list(actual.shape), list(expected.shape))
    if actual.dtype != expected.dtype:
        return _differs(answer, Kind.DTYPE, name_of(actual.dtype), wanted)
    return None


def conformed(answer: About, expected: Array, actual: Any, granted: Collection[str]) -> Array | None:
    """An answer of another form in the dtype and shape of the expected one; None if that is not granted or cannot be.

    Only dimensions of 1 may be more or fewer, and no complex number becomes a real one.
    """
    if type(actual) is not np.ndarray or actual.dtype == object or not actual.dtype.isnative:
        return None
    if actual.shape != expected.shape and (RANK not in granted or _long(actual) != _long(expected)):
        return None
    if actual.dtype != expected.dtype:
        clause = Clause.DTYPE if answer.subject is Subject.OUTPUT else GRADIENT_DTYPE
        if clause not in granted or (actual.dtype.kind == "c" and expected.dtype.kind != "c"):
            return None
    with np.errstate(all="ignore"):
        return np.asarray(actual.reshape(expected.shape), expected.dtype)


def _long(array: Array) -> list[int]:
    return [size for size in array.shape if size != 1]


def _differs(answer: About, kind: Kind, found: Any, expected: Any) -> Mismatch:
    return answer.mismatch(kind, figures={"found": found, "expected": expected})


def describe(
    answer: About, expected: Array, actual: Array, share: Array, allowed: Array, exact: Array | None
) -> Mismatch:
    """The mismatch of numbers that are too far from the expected ones: how many, and the figures of the worst."""
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    e, a = expected.astype(wide), actual.astype(wide)
    with np.errstate(all="ignore"):
        error = np.abs(a - e)
        bad = np.asarray(share > 1)
        rank = np.where(bad, np.where(np.isfinite(error), error / allowed, np.inf), -1)
    index = tuple(int(i) for i in np.unravel_index(int(rank.argmax()), rank.shape))
    worst, value, wanted = float(error[index]), a[index], e[index]
    dtype = expected.dtype
    figures: dict[str, Any] = {
        "count": int(bad.sum()), "size": int(expected.size), "index": list(index), "actual": _plain(value),
        "expected": _plain(wanted), "absolute": worst, "relative": worst / abs(wanted) if wanted else float("inf"),
        "ulp": ulp(worst, abs(wanted), dtype) if is_floating(expected) else worst, "allowed": float(allowed[index]),
        "dtype": name_of(dtype), "digits": 17 if dtype.itemsize > 4 and dtype != np.complex64 else 9,
    }  # fmt: skip
    nearer = None
    if exact is not None:
        true = np.asarray(exact)[index]
        if not np.isnan(true):  # inf - inf and 0 x inf have no exact answer
            figures["exact"] = _plain(true)
            nearer = _nearer(value, wanted, np.asarray(true).astype(dtype).astype(wide)[()])
    return answer.mismatch(Kind.VALUE, figures=figures, nearer=nearer)


def is_right(actual: Array, exact: Array, expected: Array, share: Array, bound: Bound) -> bool:
    """Whether the elements that miss the expected ones (those with a share above 1) are right by the exact answer."""
    bad = np.asarray(share > 1)
    rounded = exact.astype(expected.dtype)[bad]
    known = bool((np.isfinite(rounded) & ~np.isnan(exact[bad])).all())
    return known and judge(rounded, actual[bad], bound)[0] <= 1


def allowance(expected: Array, bound: Bound, extra: Array | None) -> Array:
    """What each element may be missed by."""
    with np.errstate(all="ignore"):
        allowed = bound.rtol * np.abs(expected.astype(np.complex128 if expected.dtype.kind == "c" else np.float64))
        return np.asarray(allowed + bound.atol + (0 if extra is None else np.where(np.isfinite(extra), extra, 0)))


def _nearer(value: Any, wanted: Any, exact: Any) -> Nearer:
    """Who is nearer to the exact answer; a factor of 2 apart is a tie."""
    if not np.isfinite(exact):
        return Nearer.NEITHER
    ours, theirs = abs(value - exact), abs(wanted - exact)
    if np.isnan(ours) or ours > 2 * theirs:
        return Nearer.REFERENCE
    return Nearer.OURS if theirs > 2 * ours or np.isnan(theirs) else Nearer.NEITHER


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, complex) else float(value.real)

"""Two arrays -> how far apart they are, as a share of what is allowed, and a sentence where it is too far."""

from dataclasses import dataclass, field
from pathlib import PurePath
from traceback import extract_tb
from typing import Any

import numpy as np

from parity.comparison.tolerance import Bound, name_of, ulp
from parity.losses.arguments import is_floating
from parity.types import Array, DType


@dataclass(slots=True)
class Mismatch:
    """Something that differs from torch. `what` is 'output', 'gradient of input', 'side effect', ..."""

    what: str
    kind: str
    sentence: str
    seed: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def lead(self, diagnosis: str) -> None:
        """Put what the difference looks like before the figures."""
        if diagnosis:
            self.details["diagnosis"] = diagnosis
            self.sentence = f"{self.what} {diagnosis}: {self.sentence.removeprefix(self.what).lstrip()}"


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
    # without an allowance that may be beyond their range, singles are precise enough for a share
    narrow = extra is None and name_of(expected.dtype) in ("float32", "complex64")
    e, a = (expected, actual) if narrow else (expected.astype(wide), actual.astype(wide))
    allowed = np.abs(e)
    allowed *= bound.rtol
    allowed += bound.atol
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


def form(what: str, expected: Array, actual: Array) -> Mismatch | None:
    """A mismatch of dtype or shape, if there is one."""
    if not isinstance(actual, np.ndarray):
        return Mismatch(what, "type", f"{what} is {type(actual).__name__}, expected an array")
    if actual.shape != expected.shape:
        return Mismatch(what, "shape", f"{what} has shape {list(actual.shape)}, torch's has {list(expected.shape)}")
    if actual.dtype != expected.dtype:
        return Mismatch(
            what, "dtype", f"{what} has dtype {name_of(actual.dtype)}, torch's has {name_of(expected.dtype)}"
        )
    return None


def describe(
    what: str, expected: Array, actual: Array, share: Array, bound: Bound, extra: Array | None, truth: Array | None
) -> Mismatch:
    """The sentence about elements that are too far from torch's, worst first."""
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    e, a = expected.astype(wide), actual.astype(wide)
    with np.errstate(all="ignore"):
        error = np.abs(a - e)
        allowed = bound.rtol * np.abs(e) + bound.atol + (0 if extra is None else np.where(np.isfinite(extra), extra, 0))
        bad = np.asarray(share > 1)
        rank = np.where(bad, np.where(np.isfinite(error), error / allowed, np.inf), -1)
    index = tuple(int(i) for i in np.unravel_index(int(rank.argmax()), rank.shape))
    worst, value, wanted = float(error[index]), a[index], e[index]
    relative = worst / abs(wanted) if wanted else float("inf")
    count, dtype = int(bad.sum()), expected.dtype
    place = f"worst at {list(index)}: " if expected.ndim else ""
    details: dict[str, Any] = {
        "count": count, "size": int(expected.size), "index": list(index), "actual": _plain(value),
        "expected": _plain(wanted), "absolute": worst, "relative": relative,
        "ulp": ulp(worst, abs(wanted), expected.dtype) if is_floating(expected) else worst,
        "allowed": float(allowed[index]),
    }  # fmt: skip
    both = f"{_number(value, dtype)}, torch has {_number(wanted, dtype)}"
    sentence = f"{what} differs in {count} of {expected.size} elements; {place}{both}"
    if np.isfinite(worst):
        size = f"absolute {worst:.2e}, relative {relative:.2e}, {details['ulp']:.3g} ulp"
        sentence += f" ({size}; allowed {details['allowed']:.2e})"
    if truth is not None:
        exact = np.asarray(truth)[index]
        details["truth"] = _plain(exact)
        sentence += f"; the exact answer is {_number(exact, dtype)}{_blame(value, wanted, exact)}"
    return Mismatch(what, "value", sentence, details=details)


def _blame(value: Any, wanted: Any, exact: Any) -> str:
    """Who is nearer to the truth."""
    if not np.isfinite(exact):
        return ""
    ours, theirs = abs(value - exact), abs(wanted - exact)
    if np.isnan(ours) or ours > 2 * theirs:
        return ", torch is the nearer"
    return ", torch is the farther: a finding against torch" if theirs > 2 * ours or np.isnan(theirs) else ""


def _number(value: Any, dtype: DType) -> str:
    """A number to as many digits as tell its neighbours in the dtype apart."""
    digits = 17 if dtype.itemsize > 4 and dtype != np.complex64 else 9
    return f"{value:.{digits}g}" if isinstance(value, complex) else f"{float(value.real):.{digits}g}"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, complex) else float(value)


def told(error: BaseException) -> str:
    """An exception in words, with the place it came from."""
    frames = extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {first_line(error)}{place}"


def first_line(error: BaseException) -> str:
    """The first line of an exception's message."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else ""

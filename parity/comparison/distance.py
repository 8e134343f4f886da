"""How far both sides are from the exact answer, in ulp: of a sample of the points, which tells of all of them.

The exact answer is known anyway where an answer misses its bound. Those are the hard draws, and a distribution of
them alone would slander both sides: so one point in `EVERY` is measured, whatever it answers.
"""

from collections.abc import Callable
from typing import TypeAlias
from zlib import crc32

import numpy as np

from parity.dtypes import row_of
from parity.types import Array, Gradients

EVERY = 4
# Exact answers to more numbers than these cost more than the point.
MOST = 1 << 16

Distance: TypeAlias = tuple[float, float]


def sampled(point: str) -> bool:
    """Whether the point of this id is of the sample, which is the same in every run."""
    return crc32(point.encode()) % EVERY == 0


def distance(exact: Callable[[], Gradients], ours: Gradients, reference: Gradients) -> Distance | None:
    """The largest error of an implementation and of the reference in ulp, over the output and the gradients.

    `exact` gives the answers in a wider dtype, by the same names. None if there are too many numbers, or no number
    has an exact answer.
    """
    names = [name for name in ours.keys() & reference.keys() if row_of(reference[name].dtype) is not None]
    if not names or sum(reference[name].size for name in names) > MOST:
        return None
    wide = exact()
    worst: list[Distance] = []
    with np.errstate(all="ignore"):
        for name in names:
            true, theirs, own = wide.get(name), reference[name], ours[name]
            if true is None or true.shape != theirs.shape or (own.shape, own.dtype) != (theirs.shape, theirs.dtype):
                continue
            known = np.isfinite(true.astype(theirs.dtype))
            if known.any():
                worst.append((farthest(own, true, known), farthest(theirs, true, known)))
    return (max(ours for ours, _ in worst), max(theirs for _, theirs in worst)) if worst else None


def farthest(answer: Array, exact: Array, known: Array) -> float:
    """The largest error in ulp where the exact answer is known; inf where the answer is no number."""
    largest = ulps(answer, exact)[known].max()
    return float(largest) if np.isfinite(largest) else float("inf")


def ulps(answer: Array, exact: Array) -> Array:
    """The error of each number in units in the last place of the answer's dtype at the exact one."""
    row = row_of(answer.dtype)
    assert row is not None
    size = np.abs(exact)
    exponent = np.frexp(np.maximum(size, row.tiny))[1]
    spacing = np.maximum(np.ldexp(size.dtype.type(row.eps), exponent - 1), row.smallest)
    return np.asarray(np.abs(answer.astype(exact.dtype) - exact) / spacing)

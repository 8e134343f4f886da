"""Whether the roundings of an array lean to one side, or are wider than torch's: what no element shows by itself.

A rounding has no preferred sign. So the mean of the signed errors against the exact answer, in units in the last
place, is near 0 over some thousands of elements: its own standard deviation is that of a row's mean divided by the
square root of the number of rows. Rows, and not elements, since all elements of a row share the rounding of its sum,
its largest element or its norm: a draw counts as many independent errors as its longest axis has places.

Two directions are looked at, as a factor and as a summand would lean: away from 0, and towards +inf. An error counts
by no more than a few of torch's own: where terms cancel an error of a thousand ulp means nothing, and the mean of such
errors has no standard deviation.

It is accused what leans farther than torch's own answer does by more than `LEAN` ulp and `SURE` standard deviations of
both. One rounding that all elements share (of a factor such as 1 / count) moves the mean by up to 0.72 ulp: 0.5 ulp of
a number near 1, and 1.44 times that in the ulp of elements of any size. A case that is observed for its bias has
none: it is reduced by none or by a sum. docs/allowances.md has the curves that the figures were chosen from.
"""

from dataclasses import dataclass

import numpy as np

from parity.dtypes import Row
from parity.types import Array

# How far the mean may be farther from 0 than torch's, in ulp.
LEAN = 0.5
# The same, in standard deviations of the two means.
SURE = 4.0
# Fewer independent rows show no bias of an ulp or two.
ROWS = 40
# What one error counts by at most, as a multiple of torch's typical one, or of an ulp if that is larger.
CUT = 4.0
# Nine tenths of the errors may be so many times as large as nine tenths of torch's, and so many ulp more.
WIDER, FLOOR = 4.0, 4.0
MOST = 0.9


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors of one array against the exact answer, in ulp.

    mean, own: the mean signed error of the answer and of the reference's, in the direction in which the answer leans
        the farther; `allowed` what |mean| may be.
    largest, theirs: what nine tenths of the sizes of the errors are within, of the answer and of the reference's.
    seen: the smallest relative error throughout that would have been accused.
    """

    mean: float
    own: float
    allowed: float
    largest: float
    theirs: float
    seen: float
    size: int

    @property
    def leans(self) -> bool:
        return abs(self.mean) > self.allowed

    @property
    def coarse(self) -> bool:
        """Whether it is computed less precisely than the reference's."""
        return self.largest > WIDER * self.theirs + FLOOR


@np.errstate(all="ignore")
def errors(actual: Array, expected: Array, exact: Array, row: Row) -> Errors | None:
    """The errors of the answer and of the reference's; None where there are too few, or there is no such test."""
    if actual.dtype.kind == "c" or max(actual.shape, default=0) < ROWS or exact.shape != actual.shape:
        return None
    wide = exact.dtype
    used = np.isfinite(exact) & (np.abs(exact) >= row.tiny)
    ours, theirs = actual.astype(wide), expected.astype(wide)
    used &= np.isfinite(ours) & np.isfinite(theirs)
    axis = int(np.argmax(actual.shape))
    others = tuple(other for other in range(actual.ndim) if other != axis)
    counts = used.sum(axis=others)
    if np.count_nonzero(counts) < ROWS:
        return None
    ulp = steps(np.where(used, np.abs(exact), 1), row)
    signed = [np.where(used, (answer - exact) / ulp, 0) for answer in (ours, theirs)]
    sizes = [np.abs(error[used]) for error in signed]
    largest, own = (float(np.quantile(size, MOST)) for size in sizes)
    cut = CUT * max(1.0, float(np.median(sizes[1])))
    cuts = [np.clip(error, -cut, cut) for error in signed]
    found = []
    for direction in (np.sign(exact), np.ones((), wide)):
        leaning = [_mean((error * direction).sum(axis=others), counts) for error in cuts]
        (mean, deviation), (other, others_deviation) = leaning
        allowed = abs(other) + LEAN + SURE * float(np.hypot(deviation, others_deviation))
        found.append((abs(mean) - allowed, mean, other, allowed))
    _, mean, other, allowed = max(found)
    spread = float(np.mean(np.abs(exact[used]) / ulp[used]))
    # what is away from 0 already may lean back before it is seen
    seen = (found[0][3] + abs(found[0][1])) / spread
    return Errors(mean, other, allowed, largest, own, seen, int(counts.sum()))


def steps(size: Array, row: Row) -> Array:
    """A unit in the last place at each size."""
    return np.asarray(np.ldexp(np.asarray(row.eps, size.dtype), np.frexp(size)[1] - 1))


def _mean(sums: Array, counts: Array) -> tuple[float, float]:
    """The mean over all elements, given the sums of independent rows and the counts of their elements, and its
    standard deviation."""
    total = counts.sum()
    mean = sums.sum() / total
    return float(mean), float(np.sqrt(np.square(sums - mean * counts).sum()) / total)

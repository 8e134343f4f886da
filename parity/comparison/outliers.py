"""Single elements that are farther off than their kind: too near for the table of tolerances, too few for a bias.

Of an array of thousands of elements torch's own errors against the exact answer say how far roundings go. Each element
is judged in a unit of its own: a unit in the last place (ulp), or what a rounding comes to there if that is more. That
is torch's own error at `NEIGHBOURS` neighbours of the draw, how far they move the exact answer when a rounding's size
is taken of their distance, and an eps of the array's typical number, since a small one may be what is left of a
difference. Where that is more than `EASY` ulp terms cancel: such elements are left to the allowances of their draw.

An element is accused that is more than `FLOOR` such units off, and more than `TIMES` as many as the worst of torch's.
docs/allowances.md has the curves that the figures were chosen from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from parity.comparison import truth
from parity.comparison.bias import ROWS, steps
from parity.comparison.call import Call
from parity.draws.draw import generator
from parity.dtypes import Row
from parity.types import Array

NEIGHBOURS = 4
# Relative distances of the neighbours, in turn; that of halves is larger than their step.
NEARBY, HALF_NEARBY = (1e-3, 1e-6), (0.03,)
# Up to so many ulp a rounding comes to where nothing cancels.
EASY = 8.0
FLOOR, TIMES = 8.0, 6.0


@dataclass(frozen=True, slots=True)
class Outlier:
    """The element that is off by the most of its units, and the errors in ulp there.

    `most`, `theirs` count its units, and those of the worst of the reference's; `allowed` is what `most` may be.
    `seen` is the smallest relative error of a typical element that would have been accused; inf if terms cancel in
    most of them.
    """

    index: tuple[int, ...]
    ulp: float
    most: float
    theirs: float
    allowed: float
    seen: float
    size: int

    @property
    def accused(self) -> bool:
        return self.most > self.allowed


@np.errstate(all="ignore")
def roundings(call: Call, exact: truth.Values, rows: Mapping[str, Row]) -> truth.Values:
    """What a rounding of the inputs, or torch's own, comes to at each element of each answer.

    `exact` has the exact answers, `rows` the dtype that each is judged by.
    """
    start = {**call.arguments, "grad_output": call.grad_output}
    distances = HALF_NEARBY if truth.has_half(start) else NEARBY
    found: truth.Values = {}
    for number in range(NEIGHBOURS):
        distance, rng = distances[number % len(distances)], generator(f"beside {number}")
        nearby = {name: truth.neighbour(value, rng, distance) for name, value in start.items()}
        upstream = nearby.pop("grad_output")
        theirs = truth.ask(call.function, nearby, upstream)
        wide = truth.exact(replace(call, arguments=nearby, grad_output=upstream))
        for name in rows.keys() & exact.keys() & theirs.keys() & wide.keys():
            if exact[name].shape == wide[name].shape == theirs[name].shape:
                moved = np.abs(wide[name] - exact[name]) * (rows[name].eps / distance)
                error = np.maximum(moved, np.abs(wide[name] - theirs[name].astype(wide[name].dtype)))
                found[name] = np.maximum(found.get(name, 0.0), truth.finite(error))
    return found


@np.errstate(all="ignore")
def outlier(actual: Array, expected: Array, exact: Array, rounding: Array, row: Row) -> Outlier | None:
    """The element that is the farthest off; None where too few can be judged."""
    if actual.dtype.kind == "c" or max(actual.shape, default=0) < ROWS:
        return None
    wide = exact.dtype
    ours, theirs = actual.astype(wide), expected.astype(wide)
    used = np.isfinite(exact) & np.isfinite(ours) & np.isfinite(theirs) & (np.abs(exact) >= row.tiny)
    if not used.any():
        return None
    size = np.where(used, np.abs(exact), 1)
    ulp = steps(size, row)
    unit = np.maximum(ulp, np.maximum(rounding, row.eps * np.median(size[used])))
    known = used.copy()
    used &= unit <= EASY * ulp
    if np.count_nonzero(used) < ROWS:
        return None
    errors = np.where(used, np.abs(ours - exact), 0)
    share, others = errors / unit, np.where(used, np.abs(theirs - exact) / unit, 0)
    worst = float(others.max())
    allowed = max(FLOOR, TIMES * worst)
    place = np.unravel_index(int(share.argmax()), share.shape)
    seen = float(np.median(np.where(used, allowed * unit / size, np.inf)[known]))
    index = tuple(int(i) for i in place)
    return Outlier(index, float((errors / ulp)[place]), float(share[place]), worst, allowed, seen, int(used.sum()))

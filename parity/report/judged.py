"""How the points that agree were judged: bit for bit, by the bound of their dtype, by an allowance measured there, or
by a tolerance of the case.
"""

import math
from collections.abc import Iterable
from enum import StrEnum

from parity.dtypes import FLOATING
from parity.records.record import AGREES, Record

# The absolute part of the bound, in steps between the smallest numbers.
SMALLEST = 8


class Judged(StrEnum):
    """By what a point agrees; the words can be searched for."""

    EXACT = "bit for bit"
    BOUND = "within bound"
    MEASURED = "measured"
    OWN = "own tolerance"
    ALIKE = "refused alike"


def judged(record: Record) -> Judged | None:
    """By what a point agrees, the worst of its answers and draws; None of one that does not agree."""
    if record.verdict not in AGREES:
        return None
    if record.lenient:
        return Judged.MEASURED
    if not record.worst:
        return Judged.ALIKE
    if not any(record.worst.values()):
        return Judged.EXACT
    return Judged.BOUND if (error(record) or 0.0) <= _most(record) else Judged.OWN


def error(record: Record) -> float | None:
    """The largest error among the answers of a point, in ulp; None where none was measured."""
    return max(filter(math.isfinite, record.ulp.values()), default=None)


def _most(record: Record) -> float:
    """What the bound of a dtype admits in ulp, of the widest that the point has: beyond it the case has its own."""
    rows = [row for name in (record.dtype, *record.facts) if (row := FLOATING.get(name))]
    return max((2 * row.rtol / row.eps + SMALLEST for row in rows), default=math.inf)


def bounded(records: Iterable[Record]) -> float | None:
    """The largest error in ulp of the points that the bound of their dtype admits."""
    plain = (record for record in records if judged(record) in (Judged.EXACT, Judged.BOUND))
    return max((value for record in plain if (value := error(record)) is not None), default=None)

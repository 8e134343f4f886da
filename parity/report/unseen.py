"""What could not have been seen: the size of an error, throughout or in one element, that no point would have shown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from parity.dtypes import FLOATING
from parity.records.record import Record
from parity.report.headline import compared


@dataclass(frozen=True, slots=True)
class Unseen:
    """One loss: by dtype the smallest relative error of an output or gradient that shows, in eps.

    `sizes` are of an error of one sign throughout, `alone` of one in a typical element. Of several answers the one that
    shows the least counts; a dtype in which none was looked at is not there.
    """

    implementation: str
    loss: str
    sizes: dict[str, float]
    alone: dict[str, float]


def unseen(records: Iterable[Record]) -> list[Unseen]:
    """The sizes of each loss, by implementation."""
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if compared(record) and not record.unexpected:
            found[record.implementation, record.loss].append(record)
    return [
        Unseen(
            *key,
            _least((record.dtype, record.detects) for record in some),
            _least((record.dtype, record.shows) for record in some),
        )
        for key, some in found.items()
    ]


def _least(seen: Iterable[tuple[str, Mapping[str, float]]]) -> dict[str, float]:
    """By dtype, of the answers' smallest sizes the largest, in eps."""
    dtypes: dict[str, dict[str, float]] = defaultdict(dict)
    for dtype, sizes in seen:
        for name, size in sizes.items():
            dtypes[dtype][name] = min(size, dtypes[dtype].get(name, size))
    return {dtype: max(answers.values()) / FLOATING[dtype].eps for dtype, answers in dtypes.items()}


def medians(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median over the losses, by dtype."""
    return {name: median(row[name] for row in rows if name in row) for name in FLOATING if any(name in r for r in rows)}

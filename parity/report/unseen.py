"""What could not have been seen: the size of an error of one sign throughout that no point would have shown."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from parity.dtypes import FLOATING
from parity.records.record import Record
from parity.report.headline import compared


@dataclass(frozen=True, slots=True)
class Unseen:
    """One loss: by dtype the smallest relative error throughout an output or gradient that shows, in eps.

    Of several answers the one that shows the least counts; a dtype in which none was looked at is not there.
    """

    implementation: str
    loss: str
    sizes: dict[str, float]


def unseen(records: Iterable[Record]) -> list[Unseen]:
    """The sizes of each loss, by implementation."""
    found: dict[tuple[str, str], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if compared(record) and not record.unexpected:
            answers = found[record.implementation, record.loss][record.dtype] if record.detects else {}
            for name, size in record.detects.items():
                answers[name] = min(size, answers.get(name, size))
    return [
        Unseen(*key, {name: max(answers.values()) / FLOATING[name].eps for name, answers in dtypes.items()})
        for key, dtypes in found.items()
    ]


def medians(rows: Sequence[Unseen]) -> dict[str, float]:
    """The median over the losses, by dtype."""
    return {
        name: median(row.sizes[name] for row in rows if name in row.sizes)
        for name in FLOATING if any(name in row.sizes for row in rows)
    }  # fmt: skip

"""What a picture is: drawn, with its words and its figures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from parity.dtypes import FLOATING
from parity.records.record import Record

# Implementations whose errors are the point of another picture.
LESSONS = ("textbook",)


def beside(panels: Sequence[str]) -> str:
    """The panels, as many in a row as there is room for."""
    return f'<div class="panels">{"".join(panels)}</div>'


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the report.

    `slug` is the fragment of a link to it. `svg` has an inline SVG for each panel, side by side where there is room.
    `facts` are the figures that it shows, as plain data.
    """

    slug: str
    title: str
    caption: str
    svg: str
    facts: dict[str, Any] = field(default_factory=dict)


def by_dtype(
    records: Sequence[Record], shown: Callable[[Record], bool]
) -> Iterator[tuple[str, str, dict[str, list[Record]]]]:
    """The records to be shown by loss, for each implementation and floating dtype, in the order of the run."""
    implementations = list(dict.fromkeys(record.implementation for record in records))
    for implementation in [name for name in implementations if name not in LESSONS] or implementations:
        for dtype in FLOATING:
            losses: dict[str, list[Record]] = {}
            for record in records:
                if (record.implementation, record.dtype) == (implementation, dtype) and shown(record):
                    losses.setdefault(record.loss, []).append(record)
            if losses:
                yield implementation, dtype, dict(sorted(losses.items()))

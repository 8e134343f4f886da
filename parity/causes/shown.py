"""One draw of a point for a person to look at: its arrays, and both sides beside each other."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.cases.points import Point
from parity.causes.cause import Seen, Unshrinkable
from parity.causes.shrink import Here, Live
from parity.causes.sides import Sides, number, sides
from parity.causes.sign import sign_of
from parity.dtypes import name_of
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.records.record import AGREES, Record
from parity.types import Array

# So many numbers of an array are shown.
MOST = 64


@dataclass(frozen=True)
class Shown:
    """One draw: what was observed of it is in `record`, what both sides answered in `sides`.

    `smaller` has the point made smaller, without parity and as a scenario, if it does not agree.
    """

    point: Point
    seed: int
    record: Record
    sides: Sides | None
    smaller: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the implementation agrees here."""
        return self.record.verdict in AGREES

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from str(self.record).splitlines()
        if self.sides is None:
            return
        yield f"seed {self.seed}:"
        for name, value in self.sides.arguments.items():
            yield from _array(name, value) if isinstance(value, np.ndarray) else [f"  {name} = {value!r}"]
        if self.sides.grad_output is not None:
            yield from _array("grad_output", self.sides.grad_output)
        yield from self.sides.lines()
        yield from self.smaller.splitlines()


def _array(name: str, array: Array) -> Iterator[str]:
    """An array's form, and its numbers a row a line."""
    strides = "" if array.flags.c_contiguous else f", strides {[step // array.itemsize for step in array.strides]}"
    yield f"  {name}, {name_of(array.dtype)} {list(array.shape)}{strides}:"
    rows: Any = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    few = MOST // max(rows.shape[1], 1) + 1
    for row in rows[:few]:
        more = f"  ... {len(row) - MOST:,} more" if len(row) > MOST else ""
        yield f"    {'  '.join(map(number, row[:MOST]))}{more}"
    if len(rows) > few:
        yield f"    ... {len(rows) - few:,} rows more"


def shown(point: Point, implementation: Implementation, seeds: Sequence[int]) -> Shown:
    """The first draw of these seeds that differs, or the first of all."""
    record = run_point(point, implementation, seeds)
    record.repeat = ""  # this is what repeats it
    seed = next((one.seed for one in record.mismatches if one.seed is not None), seeds[0])
    answered = None if record.verdict in ("error", "not offered") else sides(point, implementation, seed)
    return Shown(point, seed, record, answered, _smaller(point, implementation, record) if record.mismatches else "")


def _smaller(point: Point, implementation: Implementation, record: Record) -> str:
    """The smallest call that shows what is wrong, or a sentence that says why there is none."""
    live = Live(implementation, lambda: {point.id: point}, lambda: nullcontext(Here(implementation)))
    try:
        return str(live.shrunk(Seen(record, *sign_of(record))))
    except Unshrinkable as error:
        return f"no smaller example: {error}"

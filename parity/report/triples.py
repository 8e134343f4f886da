"""3-way coverage: which facts occur with which dtype under which reduction in some compared point.

Facts are those of shapes, sizes and data, of a point's specification and of its first draw; dtypes and reductions are
those that the loss has points of. A triple that no point has is one that no bug in it alone would be seen by.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.dtypes import FLOATING
from parity.facts.words import WORDS
from parity.implementations.registry import served
from parity.report.listing import facts_of

FAMILIES = ("shape", "size", "data")
FACTS = tuple(word for word, entry in WORDS.items() if entry.family in FAMILIES)
DTYPES = tuple(name for name, row in FLOATING.items() if row.numpy.kind != "c")
# '-' is that of a loss that has none.
REDUCTIONS = ("none", "mean", "sum", "batchmean", "-")


class Triple(NamedTuple):
    """One fact with one dtype of all floating arrays, under one reduction; '-' for a loss that has none."""

    fact: str
    dtype: str
    reduction: str

    def __str__(self) -> str:
        return " ".join((self.fact, self.dtype, *(() if self.reduction == "-" else (self.reduction,))))


def compared(path: Path) -> Iterator[Point]:
    """The points of a case file that are answered and compared at the default depth, without a transformation."""
    for scenario in load(path, served()):
        case = scenario.case
        if case.depth == "default" and not case.raises and not case.finding:
            yield from (point for point in expand(scenario) if not point.around)


def triples(points: Sequence[Point]) -> tuple[set[Triple], list[Triple]]:
    """Those that occur in the points, and those that do not though their parts do, in the order of the words."""
    found: set[Triple] = set()
    for point in points:
        having = frozenset(facts_of(point))
        own = [dtype for dtype in DTYPES if dtype in having]
        if len(own) == 1:
            reduction = str(point.given.get("reduction", point.defaults.get("reduction", "-")))
            if any(point.given.get(flag) is not None for flag in ("size_average", "reduce")):
                continue
            found.update(Triple(fact, own[0], reduction) for fact in FACTS if fact in having)
    facts = {triple.fact for triple in found}
    dtypes = {triple.dtype for triple in found}
    reductions = {triple.reduction for triple in found}
    known = [reduction for reduction in REDUCTIONS if reduction in reductions]
    every = product((f for f in FACTS if f in facts), (d for d in DTYPES if d in dtypes), known)
    return found, [triple for triple in map(Triple._make, every) if triple not in found]


def lacking(points: Sequence[Point]) -> Iterator[str]:
    """The triples in words: how many occur, and those that do not."""
    found, missing = triples(points)
    yield f"  {len(found)} of {len(found) + len(missing)} facts with a dtype under a reduction occur"
    yield from (f"  lacking: {triple}" for triple in missing)

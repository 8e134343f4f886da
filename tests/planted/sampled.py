"""Points that stand for all points of a loss: of each combination of facts one, or a few."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path

from parity.cases.points import Point, seeds_of
from parity.causes.cause import Cause
from parity.causes.group import causes
from parity.engine.run import run_point
from parity.facts.point import facts_of
from parity.implementations.declaration import Implementation
from parity.question import points
from parity.records.record import Record
from tests.planted import Bug

MOST, LARGE = 260, 15
# So few failing points of the sample do not tell which facts are theirs.
FEW = 5


def causes_of(bug: Bug) -> list[Cause]:
    """What the suite finds wrong in a planted bug: at the sample, or at all points, if hardly any of it is wrong."""
    implementation = Implementation("planted", bug.framework, {bug.loss: bug.function})

    def at(some: Iterable[Point]) -> list[Record]:
        return [run_point(point, implementation, seeds_of(point, None, 0, "default")) for point in some]

    records = at(sample(bug.loss, bug.cases))
    if sum(record.unexpected for record in records) < FEW:
        known = {record.id for record in records}
        records += at(point for point in points(bug.loss, implementation, bug.cases) if point.id not in known)
    return causes(records)


@cache
def sample(loss: str, cases: Path | None = None) -> list[Point]:
    """At most `MOST` points, those of unlike facts first, and some of the large ones."""
    kinds: dict[frozenset[str], list[Point]] = defaultdict(list)
    for point in points(loss, Implementation("planted", losses={loss: dict}), cases):
        facts = facts_of(point)
        if "very large" not in facts:
            kinds[facts].append(point)
    alike = [sorted(some, key=_shuffled) for some in kinds.values()]
    alike.sort(key=lambda some: ("large" in facts_of(some[0]), _shuffled(some[0])))
    chosen = [some[depth] for depth in range(3) for some in alike if len(some) > depth][:MOST]
    large = [some[0] for some in alike if "large" in facts_of(some[0])][:LARGE]
    return [*chosen, *(point for point in large if point not in chosen)]


def _shuffled(point: Point) -> bytes:
    """An order that has nothing to do with the cases'."""
    return blake2b(point.id.encode()).digest()

"""Kill data -> an order of the points of a loss: a greedy cover, by the wrong losses that each second shows first."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import chain, zip_longest

from parity.cases.order import SMOKE
from tests.kills.data import MUTANT, Seen, scenario_of

# Seconds of CPU time that the points of an order take together, if all wrong losses are seen in them.
SECONDS = 0.6
# And those of every scenario that are looked at in all ways besides.
SAMPLE = 1.0
# What a point takes at least; and one that was red wherever it was run, so that nobody knows.
LEAST, UNKNOWN = 0.002, 0.005
# Of what a point is worth as a further witness of a wrong loss, the next one is worth so much.
LESS = 0.3
# What a scenario that no point stands for yet is worth, in wrong losses: the next bug is like none before.
FRESH = 0.5


@dataclass
class Field:
    """The points of one loss: what each takes, and which wrong losses it sees. `refusals` are calls that must raise."""

    seconds: Mapping[str, float]
    kills: Mapping[str, frozenset[str]]
    refusals: Collection[str] = ()

    @property
    def subjects(self) -> set[str]:
        return set().union(*self.kills.values())

    def price(self, id: str) -> float:
        """The seconds that a point takes."""
        return max(self.seconds.get(id, UNKNOWN), LEAST)


def field(
    seen: Mapping[str, Seen], seconds: Mapping[str, float], ids: Collection[str], refusals: Collection[str]
) -> Field:
    """The field of the points that there are, by what each wrong loss of one loss shows."""
    kills: dict[str, set[str]] = {id: set() for id in ids}
    for name, one in seen.items():
        for id in one.red & kills.keys():
            kills[id].add(name)
    return Field(seconds, {id: frozenset(names) for id, names in kills.items()}, refusals)


def order(found: Field) -> list[str]:
    """The ids of the points that come first.

    They see every planted bug that any point sees, the mutants as far as there is room, and for the rest of the time
    as many scenarios, and each wrong loss again elsewhere. The first one is no refusal: whether a loss can be called at
    all shows in an answer.
    """
    subjects, seeing = found.subjects, {id for id, names in found.kills.items() if names}
    bugs = {name for name in subjects if not name.startswith(MUTANT)}
    chosen = [*_taken(found, seeing, partial(_new_alone, of=bugs), lambda ids: bugs - _seen(found, ids))]
    chosen += [*_taken(
        found, seeing - {*chosen}, _new_alone, lambda ids: subjects - _seen(found, chosen + ids), chosen
    )]  # fmt: skip
    chosen = chosen[:SMOKE]

    def room(ids: list[str]) -> bool:
        return len(chosen) + len(ids) < SMOKE and sum(map(found.price, chosen + ids)) < SECONDS

    # any other that sees nothing is like the first of its scenario
    firsts = {*{scenario_of(id): id for id in reversed(list(found.kills))}.values()}
    others = {id for id, names in found.kills.items() if names or id in firsts} - {*chosen}
    chosen += [*_taken(found, others, _worth, room, chosen)]
    return [*_taken(found, chosen, _worth, lambda ids: True)]


def sample(found: Field, ahead: Collection[str]) -> list[str]:
    """The ids of points besides those ahead: of each scenario the next, by turns, for `SAMPLE` seconds."""
    rows: dict[str, list[str]] = {}
    for id in found.kills:
        if id not in ahead:
            rows.setdefault(scenario_of(id), []).append(id)
    fresh = sorted(rows, key=lambda scenario: any(scenario_of(id) == scenario for id in ahead))
    chosen, spent = list[str](), 0.0
    for id in filter(None, chain.from_iterable(zip_longest(*(rows[scenario] for scenario in fresh)))):
        spent += found.price(id)
        if spent > SAMPLE:
            break
        chosen.append(id)
    return chosen


Worth = Callable[[Field, str, Mapping[str, int], Collection[str]], float]


def _new_alone(
    found: Field, id: str, sights: Mapping[str, int], scenarios: Collection[str], of: Collection[str] | None = None
) -> float:
    """How many wrong losses, all or `of` some, the point sees that none before has seen."""
    return sum(name not in sights and (of is None or name in of) for name in found.kills[id])


def _worth(found: Field, id: str, sights: Mapping[str, int], scenarios: Collection[str]) -> float:
    """The same, with further witnesses and a scenario's first point as parts of one."""
    if scenario_of(id) in scenarios:
        return _new_alone(found, id, sights, scenarios)
    return FRESH + sum(LESS ** sights.get(name, 0) for name in found.kills[id])


def _taken(
    found: Field, ids: Collection[str], worth: Worth, goes_on: Callable[[list[str]], object],
    before: Collection[str] = (),
) -> Iterator[str]:  # fmt: skip
    """One point after another, of most worth for its price, as long as `goes_on` says so of those that were taken."""
    taken, sights, scenarios = list[str](), dict[str, int](), set[str]()

    def take(id: str) -> None:
        scenarios.add(scenario_of(id))
        for name in found.kills[id]:
            sights[name] = sights.get(name, 0) + 1

    def place(id: str) -> tuple[float, str]:
        return -worth(found, id, sights, scenarios) / found.price(id), id

    for id in before:
        take(id)
    left = sorted(map(place, ids))
    if not before:
        left.sort(key=lambda one: one[1] in found.refusals)
        first, left = left[:1], sorted(left[1:])
    else:
        first = []
    # what a point is worth only ever falls: one that is still worth what it was, and most, is the best of all
    while (first or left) and goes_on(taken):
        was, id = first.pop() if first else heappop(left)
        now, _ = place(id)
        if now > was and left and (now, id) > left[0]:
            heappush(left, (now, id))
            continue
        taken.append(id)
        take(id)
        yield id


def _seen(found: Field, ids: Collection[str]) -> set[str]:
    return set().union(*(found.kills[id] for id in ids))

"""The orders of all losses, as they are kept; and how soon they show bugs that they were not made from."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

from parity import losses
from parity.cases.load import load
from parity.cases.order import FILE, firsts_first
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file, case_folder
from parity.implementations.registry import served
from tests.kills.data import MUTANT, Kills, Seen, loss_of
from tests.kills.greedy import Field, field, order, sample

PARTS = 3


@cache
def points_in_file(loss: str) -> list[Point]:
    """The points of a loss at the default depth, in the order of its file."""
    scenarios = [one for one in load(case_file(loss), served()) if one.case.depth == "default"]
    return [point for scenario in scenarios for point in expand(scenario)]


def field_of(kills: Kills, loss: str, seen: Mapping[str, Seen] | None = None) -> Field:
    """What is known of the points of a loss that there are, by these wrong losses, or all."""
    points = points_in_file(loss)
    tried = {id for id in kills.seconds if loss_of(id) == loss}.union(*(one.red for one in kills.of(loss).values()))
    ids = [point.id for point in points if point.id in tried or not point.scenario.case.one_call]
    refusals = {point.id for point in points if point.scenario.case.raises}
    return field(kills.of(loss) if seen is None else seen, kills.seconds, ids, refusals)


def write_orders(kills: Kills, path: Path | None = None) -> Iterator[str]:
    """Write `cases/order.json` from all that is known; a line for each loss."""
    orders: dict[str, dict[str, list[str]]] = {}
    for loss in losses.LOSSES:
        found = field_of(kills, loss)
        ids = order(found)
        parts = {"smoke": ids, "sample": sample(found, set(ids))}
        orders[loss] = {part: [id.partition("/")[2] for id in some] for part, some in parts.items()}
        time, number = sum(map(found.price, ids)), len(found.subjects)
        yield f"{loss:36} {len(ids):4} points {time:6.2f} s, of {len(found.kills)} tried; {number} wrong losses seen"
    (path or case_folder() / FILE).write_text(json.dumps(orders, indent=0) + "\n", encoding="utf-8")


def times_to_failure(kills: Kills, mutants: bool = False) -> dict[str, float]:
    """Seconds of CPU time until each planted bug, or mutant, is seen, in an order that was made without it.

    The bugs are dealt into `PARTS` parts; each part is met in the order that the others make. A point at which a bug
    was not run yet counts as one that does not see it.
    """
    times: dict[str, float] = {}
    for loss in losses.LOSSES:
        every = kills.of(loss)
        seen = {name: one for name, one in every.items() if name.startswith(MUTANT) == mutants}
        price, later = field_of(kills, loss, every).price, [point.id for point in firsts_first(points_in_file(loss))]
        for part in range(PARTS):
            others = {name: one for name, one in every.items() if _part(name) != part}
            known = field_of(kills, loss, others)
            ahead = order(known) if seen else []
            for name, one in seen.items():
                if _part(name) == part:
                    found = _time(price, [*ahead, *later], one)
                    times[name] = min(found, times.get(name, found))
    return times


def _time(price: Callable[[str], float], ids: Sequence[str], seen: Seen) -> float:
    """What the points take up to the first that sees a wrong loss; one that comes again takes nothing."""
    time, run = 0.0, set[str]()
    for id in ids:
        if id not in run:
            run.add(id)
            time += price(id)
            if id in seen.red:
                return time
    return float("inf")


def _part(name: str) -> int:
    return blake2b(name.encode(), digest_size=1).digest()[0] % PARTS

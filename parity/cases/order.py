"""The order of a loss's points: those that see most wrong losses come first, and are what depth smoke runs.

`cases/order.json` names them for each loss, by scenario and labels, and those of each scenario besides that are looked
at in all ways. It is made from kills that were recorded of planted bugs and mutants (`make kills`), and depends on no
seed. All other points come after, as the file has them, but for the first ones of each scenario, which come before: a
kind of bug that no one has met is seen by one scenario or two, which may stand at the end of a long file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from parity.cases.shipped import case_folder

if TYPE_CHECKING:
    from parity.cases.points import Point

FILE = "order.json"
# The most points of a loss that depth smoke runs.
SMOKE = 100


def ordered(points: Iterable[Point]) -> list[Point]:
    """The points of one loss in their order; as they come if it names none of them."""
    points = list(points)
    ranks = _smoke(points[0].loss) if points else {}
    known = [point for point in points if key_of(point) in ranks]
    if not known:
        return points
    known.sort(key=lambda point: ranks[key_of(point)])
    return known + firsts_first(point for point in points if key_of(point) not in ranks)


def firsts_first(points: Iterable[Point]) -> list[Point]:
    """The first of each scenario and transformation, then those with another value of its first axis, then the others.

    Those that are there for their size come last.
    """
    arounds: set[tuple[str, str]] = set()
    values: set[tuple[str, str]] = set()
    firsts: list[Point] = []
    seconds: list[Point] = []
    others: list[Point] = []
    large: list[Point] = []
    for point in points:
        around = point.scenario.name, point.around
        value = point.scenario.name, str(next(iter(point.choice.values()), ""))
        if point.scenario.case.one_call:
            large.append(point)
        elif around not in arounds:
            firsts.append(point)
        elif value not in values:
            seconds.append(point)
        else:
            others.append(point)
        arounds.add(around)
        values.add(value)
    return [*firsts, *seconds, *others, *large]


def head(points: Sequence[Point]) -> list[Point]:
    """The points that depth smoke runs, of ordered ones of one loss.

    They are those that the order has for it. Where it has few of them (the loss or the cases are a user's own, or only
    some points are meant), the first of each scenario follow, then the second of each; none that is there for its size.
    """
    ranks = _smoke(points[0].loss) if points else {}
    known = [point for point in points if key_of(point) in ranks]
    if len({key_of(point) for point in known}) * 2 >= len(ranks) > 0:
        return known[:SMOKE]
    rows: dict[str, list[Point]] = {}
    for point in points:
        if not point.scenario.case.one_call and key_of(point) not in ranks:
            rows.setdefault(point.scenario.name, []).append(point)
    others = (point for column in zip_longest(*rows.values()) for point in column if point is not None)
    return [*known, *others][:SMOKE] or list(points[:SMOKE])


def named(point: Point) -> bool:
    """Whether the order names the point, which sees what few others see."""
    return key_of(point) in _named(point.loss)


def knows(point: Point) -> bool:
    """Whether the order names some point of the point's scenario, as it does of nearly all that it was made of."""
    return point.scenario.name in _scenarios(point.loss)


def key_of(point: Point) -> str:
    """What names a point in the order: its id without the loss, and without the options of another function alone."""
    vary = point.scenario.vary
    labels = [label for axis, label in point.choice.items() if axis not in vary]
    return f"{point.scenario.name}/{'-'.join(labels)}"


@cache
def _orders() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = json.loads((case_folder() / FILE).read_text(encoding="utf-8"))
    return content


@cache
def _smoke(loss: str) -> dict[str, int]:
    """The places of the points that the order has for depth smoke, by their keys."""
    return {key: rank for rank, key in enumerate(_orders().get(loss, {}).get("smoke", ()))}


@cache
def _named(loss: str) -> set[str]:
    """The keys of all points that the order names."""
    return {*chain(*_orders().get(loss, {}).values())}


@cache
def _scenarios(loss: str) -> set[str]:
    """The names of the scenarios that the order has points of."""
    return {key.rpartition("/")[0] for key in _named(loss)}

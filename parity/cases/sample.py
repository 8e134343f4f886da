"""A part of the points of a loss, the same in each run: those that are asked for what is dear and shows anywhere.

Those that the order of points names are all in it: the order is made of what they were recorded to see, and depth smoke
runs no others.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING
from zlib import crc32

from parity.cases.order import knows, named

if TYPE_CHECKING:
    from parity.cases.points import Point

# Of a scenario with more than FEW points one in EVERY; of another all.
FEW, EVERY = 4, 3


def in_sample(point: Point) -> bool:
    """Whether the point is one of them."""
    scenario = point.scenario
    points = len(scenario.rows) or prod(map(len, scenario.across.values()))
    return points <= FEW or _turn(point) % EVERY == 0 or named(point)


def only_draw(point: Point, draws: int) -> int | None:
    """Which of so many draws is the only one that the point takes, in turn; None where it takes them all.

    It is outside of the sample, of a scenario of which is recorded which wrong losses it sees: of 48,900 times that
    a point saw a mutant of a loss, 390 were not at its first draw already.
    """
    return None if in_sample(point) or not knows(point) else _turn(point) // EVERY % draws


def _turn(point: Point) -> int:
    return crc32(point.id.encode())

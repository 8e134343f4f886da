"""Which points are asked for what is dear and shows anywhere in a scenario: a part of them, the same in each run.

Those that the order of points names are all asked: it is made of what they were recorded to see, and depth smoke runs
no others.
"""

from math import prod
from zlib import crc32

from parity.cases.order import named
from parity.cases.points import Point

# Of a scenario with more than FEW points one in EVERY; of another all.
FEW, EVERY = 4, 3


def sampled(point: Point, draws: int) -> bool:
    """Whether the point is one of the sample; with more draws than its scenario asks for, as at depth deep, each is."""
    scenario = point.scenario
    points = len(scenario.rows) or prod(map(len, scenario.across.values()))
    if points <= FEW or draws > scenario.seeds or crc32(point.id.encode()) % EVERY == 0:
        return True
    return named(point)

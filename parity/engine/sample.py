"""Which points are asked for what is dear and shows anywhere in a scenario: a part of them, the same in each run."""

from parity.cases.points import Point
from parity.cases.sample import in_sample


def sampled(point: Point, draws: int) -> bool:
    """Whether the point is one of the sample; with more draws than its scenario asks for, as at depth deep, each is."""
    return draws > point.scenario.seeds or in_sample(point)

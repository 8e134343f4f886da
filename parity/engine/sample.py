"""Which points are asked for what is dear and shows anywhere in a scenario: a part of them, the same in each run."""

from parity.cases.points import Point
from parity.cases.sample import in_sample, only_draw


def sampled(point: Point, draws: int) -> bool:
    """Whether the point is one of the sample; with more draws than its scenario asks for, as at depth deep, each is."""
    return draws > point.scenario.seeds or in_sample(point)


def repeated(point: Point, draws: int) -> bool:
    """Whether the first draw's call is made again: of a scenario of which no kill is recorded at all of its points."""
    return draws > point.scenario.seeds or only_draw(point, draws) is None

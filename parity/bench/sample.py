"""The points that are measured: of every case file, and the same for all that is compared."""

import warnings
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.cases.points import Point, expand, seeds_of
from parity.cases.shipped import case_folder
from parity.engine.run import run_point
from parity.implementations.registry import named, served


def points(ids: Collection[str] = ()) -> Iterator[Point]:
    """The default points of the shipped cases that are compared with torch; only those of `ids` if there are any."""
    for path in files(ids):
        with suppress(CaseError):
            for scenario in load(path, served()):
                if scenario.case.depth == "default" and not scenario.case.raises and not scenario.case.finding:
                    yield from (
                        point for point in expand(scenario) if not point.around and (not ids or point.id in ids)
                    )


def files(ids: Collection[str] = ()) -> list[Path]:
    """The shipped case files; only those that hold the points of `ids` if there are any."""
    losses = {id.partition("/")[0] for id in ids}
    return sorted(path for path in case_folder().glob("*.yaml") if not losses or path.stem in losses)


def sample(count: int) -> list[Point]:
    """At most `count` points, evenly over all files, that pass: a failure costs more, since its cause is sought."""
    every = list(points())
    chosen = every if len(every) <= count else [every[number * len(every) // count] for number in range(count)]
    numpy = named("numpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [point for point in chosen if run_point(point, numpy, seeds(point)[:1]).verdict == "passed"]


def seeds(point: Point) -> range:
    """The seeds that a plain run draws."""
    return seeds_of(point, None, 0, "default")

"""What there is to be compared, as lines: losses, scenarios, points or facts, each with the number of its points."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from parity.cases.errors import nearest
from parity.cases.load import load
from parity.cases.points import Point, expand, seeds_of
from parity.cases.shipped import case_file, case_folder
from parity.engine.facts import PointFacts, meant
from parity.facts import words
from parity.facts.expression import parse
from parity.implementations.registry import served

DEPTHS = ("default", "deep")


class Unlisted(ValueError):
    """What cannot be listed; the message is a sentence."""


def listed(
    what: str, losses: Sequence[str] = (), where: str | None = None, cases: Path | None = None, depth: str = "default"
) -> Iterator[str]:
    """Lines about the points of these losses, by default of all, that have the facts.

    `what` is 'losses', 'scenarios', 'points' or 'facts'. `cases` is a case file or a folder of them, by default the
    shipped one. Raises Unlisted, Misspelt, or CaseError for what means nothing.
    """
    if depth not in DEPTHS:
        raise Unlisted(f"there is no depth {depth!r}{nearest(depth, DEPTHS)}")
    if where is not None:
        parse(where)  # a word that no fact has is seen before the first line
    paths = list(_paths(losses, cases))
    counts: Counter[str] = Counter()
    for path in paths:
        points = list(_points(path, where, depth))
        if what == "points":
            yield from (point.id for point in points)
        elif what == "scenarios":
            for name, count in Counter(f"{point.loss}/{point.scenario.case.name}" for point in points).items():
                yield f"{count:7,} {name}"
        elif what == "losses":
            yield f"{len(points):7,} {points[0].loss if points else path.stem}"
        else:
            counts.update(word for point in points for word in facts_of(point))
    for word in [*words.WORDS, *sorted(counts.keys() - words.WORDS.keys())]:
        if counts[word]:
            yield f"{counts[word]:7,} {word}"


def facts_of(point: Point) -> Iterator[str]:
    """The facts of a point, those that only its first draw shows among them."""
    known = PointFacts(point, range(1))
    yield from known.specified
    yield from (word for word in words.WORDS if words.drawn(word) and word in known)


def _points(path: Path, where: str | None, depth: str) -> Iterator[Point]:
    for scenario in load(path, served()):
        if depth == "deep" or scenario.case.depth == "default":
            for point in expand(scenario):
                if where is None or meant(point, seeds_of(point, None, 0, depth), [where]):
                    yield point


def _paths(losses: Sequence[str], cases: Path | None) -> Iterator[Path]:
    """The case files of the losses."""
    if cases is not None and cases.is_file():
        yield cases
        return
    folder = case_folder() if cases is None else cases
    there = sorted(folder.glob("*.yaml"))
    if not there:
        raise Unlisted(f"{folder} holds no case file")
    for loss in losses:
        path = case_file(loss) if cases is None else folder / f"{loss}.yaml"
        if path not in there:
            raise Unlisted(f"there are no cases of {loss!r}{nearest(loss, [other.stem for other in there])}")
        yield path
    if not losses:
        yield from there

"""Subjects at the points that have not seen them yet, each in a process of its own, for so many seconds of CPU time."""

import json
import os
import signal
import time
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from parity.cases.order import head, ordered
from parity.cases.points import Point, seeds_of
from parity.comparison.experience import Experience
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.implementations.registry import named
from parity.references.answers import Answers
from parity.references.torch import FUNCTIONS
from tests.kills.data import MUTANT, Kills
from tests.kills.subjects import Subject, points_of, turns

WORKERS = 2
# Of CPU time, for one point: a mutant may never come to its end.
POINT = 20
# So many red points among those of depth smoke say where a subject is seen.
RED = 8


class Hasty(Experience):
    """Only the verdict is wanted: nothing is explained at any cost."""

    def searches(self, scenario: str) -> bool:
        return False


@dataclass(frozen=True)
class Shown:
    """What a subject has shown: ids of points that are red, and the CPU time of each that agrees.

    `problem` says why it was not run at all, or not to its end.
    """

    name: str
    red: list[str]
    green: dict[str, float]
    problem: str = ""


@dataclass(frozen=True)
class Limits:
    """When to stop: seconds of CPU time, and so many scenarios that see a subject, `scenarios` among them.

    `until` has the points beyond which the first red one is the last, and among which `RED` are enough; None for
    no such limit.
    """

    seconds: float
    enough: float
    scenarios: set[str]
    until: Collection[str] | None = None

    def reached(self, red: int, scenarios: Collection[str], next_id: str) -> bool:
        """Whether to stop before the next point, with so many red ones."""
        if len(scenarios) >= self.enough:
            return True
        return self.until is not None and red > 0 and (red >= RED or next_id not in self.until)


class Cases:
    """The points of the losses, read once each. With `soon` those that depth smoke runs come first.

    Torch's answers to these are known then, to every subject.
    """

    def __init__(self, soon: bool = False) -> None:
        self._soon = soon
        self._points: dict[str, list[Point]] = {}
        self.head: set[str] = set()
        self.answers: dict[str, Answers] = {}

    def of(self, losses: Iterable[str]) -> list[Point]:
        """The points of several losses by turns."""
        for loss in losses:
            if loss not in self._points:
                self._points[loss] = points_of(loss)
                _warm(self._points[loss][0])
                if self._soon:
                    self._begin_with_smoke(loss)
        return [*turns(self._points[loss] for loss in losses)]

    def _begin_with_smoke(self, loss: str) -> None:
        smoke = head(ordered(self._points[loss]))
        self._points[loss] = smoke + [point for point in self._points[loss] if point not in smoke]
        self.head.update(point.id for point in smoke)
        self.answers[loss] = Answers(loss, Path(os.devnull))
        for point in smoke:
            run_point(point, named("numpy"), seeds_of(point, None, 0, "default"), Hasty(self.answers[loss]))


def _warm(point: Point) -> None:
    """Run a point here with torch itself: what is only looked up once in a process costs the subjects nothing."""
    reference = point.scenario.reference
    function = FUNCTIONS[point.loss] if reference is None else reference.function()
    for _ in range(2):
        run_point(point, Implementation("torch", "torch", {point.loss: function}), [0])


def shown_by(
    subjects: Iterable[Subject], kills: Kills, seconds: float, enough: float = float("inf"), soon: bool = False
) -> Iterator[Shown]:
    """What each subject shows at the points where it was not run yet, in up to so many seconds for each.

    Once so many scenarios see it as are `enough` no more points are run; then those of scenarios come first that see
    what few others see. With `soon` it is run at the points of depth smoke, and at others until one sees it; a
    mutant first where others of its function are seen.
    """
    cases, running = Cases(soon), dict[int, tuple[Subject, Path]]()
    rare = kills.rare_sights() if enough < float("inf") else {}
    with TemporaryDirectory() as folder:
        for number, subject in enumerate(subjects):
            seen = kills.subjects.get(subject.name)
            left = [point for point in cases.of(subject.losses) if seen is None or not seen.knows(point.id)]
            if rare:  # and new ones before all others
                left.sort(key=lambda point: rare.get(point.scenario.name, float("inf")), reverse=True)
            if soon and subject.name.startswith(MUTANT):
                left = _nearest_first(left, kills.near(subject.name), cases.head)
            if left:
                file = Path(folder, f"{number}.json")
                limits = Limits(seconds, enough, kills.scenarios(subject.name), cases.head if soon else None)
                running[_begun(subject, left, limits, file, cases.answers)] = subject, file
            if len(running) == WORKERS:
                yield _ended(running)
        while running:
            yield _ended(running)


def _nearest_first(points: list[Point], near: Mapping[str, int], head: Collection[str]) -> list[Point]:
    """The points that see other mutants of the function first, of these the ones of depth smoke."""
    return sorted(points, key=lambda point: (not near.get(point.id), point.id not in head, -near.get(point.id, 0)))


def _begun(
    subject: Subject, points: list[Point], limits: Limits, file: Path, answers: Mapping[str, Answers]
) -> int:  # fmt: skip
    """Fork a process that writes what the subject shows to a file; its number."""
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            file.write_text(json.dumps(_run(subject, points, limits, answers)))
        finally:
            os._exit(0)
    return child


def _ended(running: dict[int, tuple[Subject, Path]]) -> Shown:
    child, _ = os.wait()
    subject, file = running.pop(child)
    if not file.exists():
        return Shown(subject.name, [], {}, "its process ended without a result")
    return Shown(subject.name, **json.loads(file.read_text()))


def _run(
    subject: Subject, points: list[Point], limits: Limits, answers: Mapping[str, Answers]
) -> dict[str, object]:  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        implementation = subject.make()
    if implementation is None:
        return {"red": [], "green": {}, "problem": "it cannot be imported"}
    signal.signal(signal.SIGPROF, _too_long)
    red, green = list[str](), dict[str, float]()
    experience = {loss: Hasty(answers.get(loss)) for loss in subject.losses}
    start, scenarios = time.process_time(), set(limits.scenarios)
    for point in points:
        if time.process_time() - start > limits.seconds or limits.reached(len(red), scenarios, point.id):
            break
        if point.loss not in implementation.losses:
            red.append(point.id)  # a mutant that is no longer registered
            continue
        signal.setitimer(signal.ITIMER_PROF, POINT)
        before = time.process_time()
        record = run_point(point, implementation, seeds_of(point, None, 0, "default"), experience[point.loss])
        signal.setitimer(signal.ITIMER_PROF, 0)
        if record.unexpected:
            red.append(point.id)
            scenarios.add(point.scenario.name)
        else:
            green[point.id] = time.process_time() - before
    return {"red": red, "green": green}


def _too_long(signal: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"it takes more than {POINT} s")

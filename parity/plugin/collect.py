"""Case files as pytest collects them, a point an item."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.plugin.items import BrokenFile, PointItem
from parity.plugin.run import RUN, Run
from parity.plugin.selection import keywords

if TYPE_CHECKING:
    from parity.cases.points import Point
    from parity.cases.scenario import Scenario


class CaseCollector(pytest.File):
    """A case file. One that cannot be read is one failing item, so that the other files still run."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.shown: dict[Path, str] = {}

    def collect(self) -> list[pytest.Item]:
        with _kept(self.config.stash[RUN]):
            return list(self._items())

    def _items(self) -> Iterator[pytest.Item]:
        from parity.cases.errors import CaseError
        from parity.cases.load import load
        from parity.cases.points import expand
        from parity.implementations.registry import served

        run = self.config.stash[RUN]
        try:
            scenarios = load(self.path, served(run.implementations))
        except CaseError as error:
            run.met += 1
            asked = [argument.partition("::")[2] for argument in self.config.args if self.path.name in argument]
            if not {"", BrokenFile.NAME}.issuperset(asked):
                raise self.CollectError(str(error)) from None  # the item that was asked for cannot be found
            yield BrokenFile.from_parent(self, name=BrokenFile.NAME, error=error)
            return
        run.defined.add(scenarios[0].loss)
        wanted, above = keywords(self.config), [node.name for node in self.listchain() if node.name]
        points: dict[tuple[int, ...], list[Point]] = {}
        for scenario in scenarios:
            if scenario.case.depth == "deep" and run.depth != "deep":
                continue
            scenario = replace(scenario, file=self._shown(scenario.file), path=self._shown(scenario.path))
            for one, tested in self._asked(scenario):
                points.setdefault(tested, []).extend(expand(one))
        for tested, every in points.items():
            run.met += len(tested) * len(every)
            for point in self._chosen(every):
                run.kept += len(tested)
                for number in tested:
                    implementation = run.implementations[number]
                    name = f"{point.id}@{implementation.name}" if number else point.id
                    if wanted is None or wanted([*above, name]):
                        yield PointItem.from_parent(self, name=name, point=point, implementation=implementation)

    def _chosen(self, points: list[Point]) -> list[Point]:
        """The points that the depth and `--parity-where` mean, those that see most wrong losses first."""
        from parity.cases.order import head, ordered

        chosen = [point for point in ordered(points) if self._meant(point)]
        return head(chosen) if self.config.stash[RUN].depth == "smoke" else chosen

    def _asked(self, scenario: Scenario) -> Iterator[tuple[Scenario, tuple[int, ...]]]:
        """The scenario as it is asked, and of which implementations: by their places in the run.

        Those for whom a function of their own answers are asked apart; a loss that an implementation does not have is
        not its subject.
        """
        from parity.implementations.declaration import Misdeclared

        asked: dict[int, tuple[Scenario, list[int]]] = {}
        for number, implementation in enumerate(self.config.stash[RUN].implementations):
            if scenario.loss in implementation.losses:
                try:
                    one = implementation.asked(scenario)
                except Misdeclared as error:
                    raise pytest.UsageError(str(error)) from None
                asked.setdefault(id(one), (one, []))[1].append(number)
        for one, numbers in asked.values():
            yield one, tuple(numbers)

    def _meant(self, point: Point) -> bool:
        """Whether `--parity-where` means the point."""
        run = self.config.stash[RUN]
        if run.where is None:
            return True
        from parity.cases.points import seeds_of
        from parity.engine.facts import meant

        return meant(point, seeds_of(point, run.count, run.base, run.depth), [run.where])

    def _shown(self, path: Path) -> Path:
        try:
            return path.relative_to(self.config.invocation_params.dir)
        except ValueError:
            return path


@contextmanager
def _kept(run: Run) -> Iterator[None]:
    """Hide what is made meanwhile from the garbage collector, until pytest ends.

    Thousands of points, and torch, live as long: it would go through them again and again, and find nothing.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        run.frozen = True
        if was:
            gc.enable()

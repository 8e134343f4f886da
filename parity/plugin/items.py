"""The test items: a point with an implementation, and a case file that cannot be read."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.errors import ParityError
from parity.plugin.outcome import Sentence, verdict
from parity.plugin.run import RUN

if TYPE_CHECKING:
    from parity.cases.errors import CaseError
    from parity.cases.points import Point
    from parity.implementations.declaration import Implementation
    from parity.records.record import Record


class RecordedItem(pytest.Item):
    """An item that gives a record; `record` is None until it was observed. `left` says why it will have none."""

    line: int
    record: Record | None = None
    left: str = ""
    key: tuple[str, str]

    def observe(self) -> Record:
        """What is found out about the item."""
        raise NotImplementedError

    def blank(self) -> Record:
        """The record before anything is observed."""
        raise NotImplementedError

    @property
    def earlier(self) -> Record | None:
        """Its record in the run that is resumed, if there is one."""
        run = self.config.stash[RUN]
        return run.earlier.get(self.key) if run.resumes else None

    def runtest(self) -> None:
        self.record = None  # it may be a second attempt
        self.record = record = self.earlier or self.observe()
        run = self.config.stash[RUN]
        if run.strict:
            record.strictly()
        if run.baseline is not None:
            run.baseline.judge(record)
        run.judged(record)
        verdict(record)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        # an expected failure too: to find the lines of its traceback takes longer than the point
        if isinstance(excinfo.value, ParityError | pytest.xfail.Exception):
            return Sentence(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, self.name


class PointItem(RecordedItem):
    """One point and one implementation; its seeds are looped over inside."""

    def __init__(self, *, point: Point, implementation: Implementation, **more: Any) -> None:
        super().__init__(**more)
        self.point, self.implementation = point, implementation
        self.key, self.line = (point.id, implementation.name), point.scenario.line

    @cached_property
    def ihook(self) -> Any:
        return super().ihook  # pytest looks at every conftest.py for it, six times an item

    @cached_property
    def location(self) -> tuple[str, int | None, str]:
        known, path = self.parent.shown, self.point.scenario.path  # type: ignore[union-attr]
        if path not in known:  # to find out how pytest shows a path takes it as long as many another step
            known[path] = super().location[0]
        return known[path], self.line - 1, self.name

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.point.scenario.path, self.line - 1, self.name

    @property
    def seeds(self) -> range:
        from parity.cases.points import seeds_of

        run = self.config.stash[RUN]
        return seeds_of(self.point, run.count, run.base, run.depth)

    def observe(self) -> Record:
        """Run the point: the one place where the plugin does."""
        from parity.engine.run import run_point, unasked
        from parity.engine.since import noted

        run = self.config.stash[RUN]
        gate = run.gate(self.implementation, self.point.scenario.signature)
        if gate.problem:
            return unasked(self.point, self.implementation, gate.problem)
        why = run.over(self.key)
        if why:
            self.left = why
            pytest.skip(why)
        apart = run.apart(self.implementation)
        if apart is None:
            record = run_point(self.point, self.implementation, self.seeds, gate.experience)
        else:
            record = apart.run(self.point, self.seeds)
        gate.closes(record)
        return noted(record, self.point)

    def blank(self) -> Record:
        from parity.engine.run import blank

        return blank(self.point, self.implementation, self.seeds)


class BrokenFile(RecordedItem):
    """A case file that cannot be read fails as itself."""

    NAME = "the file can be read"

    def __init__(self, *, error: CaseError, **more: Any) -> None:
        super().__init__(**more)
        self.error = error
        self.key, self.line = (f"{self.path.stem}/{self.name}", "every implementation"), error.problems[0][0].line

    def observe(self) -> Record:
        from parity.records.mismatch import Kind, Mismatch, Subject

        record = self.blank()
        record.verdict = "error"
        record.mismatches = [Mismatch(Subject.CASE, Kind.FILE, figures={"text": str(self.error)})]
        return record

    def runtest(self) -> None:
        self.record = self.observe()
        raise ParityError(str(self.error))

    def blank(self) -> Record:
        from parity.records.record import Record

        return Record(self.key[0], self.path.stem, self.name, str(self.path), self.line, "", self.key[1], {})

"""Writes the file of records, in the one process that hears of every item: xdist's controller, or pytest itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.plugin.items import BrokenFile
from parity.plugin.run import Run
from parity.records.file import Unwritable, Writer, header

if TYPE_CHECKING:
    from parity.records.record import Record


class Recorder:
    """Every planned point gets one record: its own, or, where pytest or a worker failed, one that says so.

    A record waits for the tear-down of its item, which may fail yet, and is dropped if the item is run again.
    """

    def __init__(self, config: pytest.Config, run: Run, path: Path) -> None:
        self.config, self.run, self.path = config, run, path
        self.writer: Writer | None = None
        self.waiting: dict[str, str] = {}

    def begin(self, ids: Sequence[str]) -> None:
        """Open the file for these items. Raises UsageError if it cannot be written."""
        from parity.cases.uses import with_shared

        points = [one for one in ids if is_point(one)]
        own = [self._file(one) for one in dict.fromkeys(point.partition("::")[0] for point in points)]
        files = {path for one in own for path in with_shared(one)}
        run = self.run
        first = header(run.names, run.count, run.base, run.depth, len(points), run.shard, files)
        try:
            self.writer = Writer(self.path, first, resume=run.resumes)
        except Unwritable as error:
            option = "--parity-resume" if run.resumes else "--parity-results"
            raise pytest.UsageError(f"{option}: {error}") from None

    def _file(self, name: str) -> Path:
        """The case file of a node id, which may lie outside of the root."""
        from parity.cases.shipped import case_folder

        roots = (self.config.rootpath, self.config.invocation_params.dir, case_folder(), case_folder().parent)
        return next((root / name for root in roots if (root / name).is_file()), Path(name))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.begin([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        if self.writer is None:
            self.begin(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid
        if report.outcome == "rerun":  # type: ignore[comparison-overlap]  # pytest-rerunfailures: it is run again
            self.waiting.pop(name, None)
            return
        made: str | None = getattr(report, "parity_record", None)
        if made is not None:
            self.waiting[name] = made
        lost = report.when not in ("setup", "call", "teardown")  # xdist's report of a worker that died
        if lost and is_point(name):
            self.waiting[name] = self._lost(name, str(report.longrepr)).as_json()
        if name in self.waiting and (lost or report.when == "teardown"):
            self._write(name)

    def _write(self, name: str) -> None:
        made = self.waiting.pop(name)
        if self.writer is not None:
            self.writer.write(made)

    def _lost(self, name: str, cause: str) -> Record:
        """The record of a point whose process ended before it could tell anything."""
        from parity.records.mismatch import Kind, Mismatch, Subject
        from parity.records.record import Record

        path, _, point = name.partition("::")
        first, *others = [implementation.name for implementation in self.run.implementations]
        tested = next((other for other in others if point.endswith(f"@{other}")), first)
        point = point.removesuffix(f"@{tested}") if tested in others else point
        loss, _, rest = point.partition("/")
        scenario, _, choice = rest.rpartition("/")
        dtype = choice.rpartition("-")[2]
        record = Record(point, loss, scenario, *self._place(path, scenario), dtype, tested, {}, "error")
        record.mismatches = [Mismatch(Subject.PROCESS, Kind.PYTEST, figures={"text": cause})]
        return record

    def _place(self, path: str, name: str) -> tuple[str, int]:
        """The file and the line where a scenario of a loss's own file is written, which may be a shared file."""
        from parity.cases.errors import CaseError
        from parity.cases.load import load
        from parity.implementations.registry import served

        file = self._file(path)
        try:
            found = next(one for one in load(file, served(self.run.implementations)) if one.name == name)
        except (CaseError, StopIteration):
            return path, 1
        return path if found.path == file else str(found.path), found.line

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the file: without its last line the report knows that the run was cut short."""
        if self.writer is None and not self.run.resumes:
            try:  # a run that came to nothing leaves no records of another run behind
                self.begin([])
            except pytest.UsageError:
                return
        if self.writer is None:
            return
        for name in list(self.waiting):
            self._write(name)
        self.writer.close(exitstatus)
        if self.writer.problem and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.writer is not None and self.writer.problem:
            terminalreporter.write_line(f"parity: {self.writer.problem}", red=True)


def is_point(nodeid: str) -> bool:
    """Whether a node id is that of an item with a record: xdist's controller knows of the items only their ids."""
    path, _, name = nodeid.partition("::")
    loss, *rest = name.split("/")
    return path.endswith((".yaml", ".yml")) and (name == BrokenFile.NAME or (loss.isidentifier() and len(rest) == 2))

"""Pytest's summary: one section a cause instead of one a point, and the cause in the short line of each point."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from parity.plugin.afterwards import afterwards
from parity.plugin.outcome import Sentence

if TYPE_CHECKING:
    from pathlib import Path

    from parity.cases.points import Point
    from parity.causes.cause import Cause
    from parity.causes.shrink import Live
    from parity.engine.isolation import Isolated
    from parity.implementations.declaration import Implementation
    from parity.plugin.run import Run
    from parity.records.record import Record


def passed(record: Record) -> str:
    """What causes need of a point that passes, as one text: cheap to hand from process to process."""
    nearer = record.id if record.verdict == "nearer than torch" else ""
    return "\n".join([record.loss, record.implementation, record.raises or "", nearer, *record.facts])


@dataclass(eq=False)
class Summary:
    """Hears of every point in the process that prints the summary; what it costs is paid only if points fail."""

    run: Run
    passing: list[str] = field(default_factory=list)
    failed: list[Any] = field(default_factory=list)
    reports: dict[int, tuple[Any, Record]] = field(default_factory=dict)
    causes: list[Cause] = field(default_factory=list)
    renamed: list[tuple[Any, str]] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        text: str | None = getattr(report, "parity_passed", None)
        if text is not None and report.passed:
            self.passing.append(text)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Iterator[None]:
        """Hand the terminal a report a cause in place of those of its points."""
        self.failed = terminalreporter.stats.get("failed", [])
        try:
            self._look()
            if self.reports:
                terminalreporter.stats["failed"] = self._sections(terminalreporter.config.get_verbosity() > 0)
            return (yield)
        finally:
            self._restore(terminalreporter)

    @pytest.hookimpl(specname="pytest_terminal_summary", tryfirst=True)
    def pytest_points_again(self, terminalreporter: Any) -> None:
        """Between the sections and the short summary, which names every point."""
        self._restore(terminalreporter)
        self._name_causes(terminalreporter.config.get_terminal_writer().fullwidth)
        nearer = [text.split("\n", 4)[3] for text in self.passing]
        for point in filter(None, nearer):
            terminalreporter.write_line(f"parity: {point} is nearer to the exact answer than torch")
        for line in afterwards(self, terminalreporter):
            terminalreporter.write_line(line)

    def _restore(self, terminalreporter: Any) -> None:
        if self.failed:
            terminalreporter.stats["failed"] = self.failed
        for report, nodeid in self.renamed:
            report.nodeid = nodeid
        self.renamed = []

    def _name_causes(self, width: int) -> None:
        """Put the cause into the names of points that leave no room for it: of a longer line pytest cuts all else."""
        from parity.causes.text import title

        for number, cause in enumerate(self.causes, start=1):
            word = f" - cause {number}"
            for record in cause.points:
                report = self.reports[id(record)][0]
                if len(f"FAILED {report.nodeid}{word}: ") > width:
                    self.renamed.append((report, report.nodeid))
                    report.nodeid += word
                    report.longrepr = Sentence(str(record), title(cause, self.several))

    @property
    def records(self) -> list[Record]:
        """Those of the points that failed, and of those that passed what causes need."""
        return [*(record for _, record in self.reports.values()), *map(_passed, self.passing)]

    @property
    def several(self) -> bool:
        """Whether the causes are of more than one loss."""
        return len({loss for cause in self.causes for loss in cause.losses}) > 1

    def _look(self) -> None:
        """Find the points among what failed, and their causes."""
        for report in self.failed:
            record = _record(report)
            if record is not None:
                self.reports[id(record)] = (report, record)
        if self.reports:
            from parity.causes.group import causes

            first, *rest = causes(self.records)
            self.causes = [replace(first, live=self._live(first)), *rest]

    def _live(self, cause: Cause) -> Live | None:
        """The implementation of a cause, asked where its points run; None of a live one, which only its test has."""
        from parity.causes.shrink import Here, Live

        path, colons, _ = self.reports[id(cause.example)][0].nodeid.partition("::")
        known = [one for one in self.run.implementations if one.name == cause.implementation]
        if not known or not colons or not path.endswith((".yaml", ".yml")) or self.run.debugged:
            return None
        (implementation,) = known
        apart = self.run.apart(implementation)
        place: Isolated | Here = apart or Here(implementation)
        points = partial(self._points, self.run.root / path, implementation)
        return Live(implementation, points, lambda: nullcontext(place), apart is not None)

    def _points(self, path: Path, implementation: Implementation) -> dict[str, Point]:
        """The points of a case file by their ids; the process that prints may not have collected them."""
        from parity.cases.load import load
        from parity.cases.points import expand
        from parity.implementations.registry import served

        scenarios = load(path, served(self.run.implementations))
        return {point.id: point for one in scenarios for point in expand(implementation.asked(one))}

    def _sections(self, everything: bool) -> list[Any]:
        """The failed reports with those of points replaced by one a cause."""
        from parity.causes.text import title

        points = {id(report) for report, _ in self.reports.values()}
        sections = [report for report in self.failed if id(report) not in points]
        for number, cause in enumerate(self.causes, start=1):
            line = title(cause, self.several)
            for record in cause.points:
                report = self.reports[id(record)][0]
                report.longrepr = Sentence(str(record), f"cause {number}: {line}")
            example = self.reports[id(cause.example)][0]
            name = f"cause {number} of {len(self.causes)}: {', '.join(cause.losses)}"
            sections.append(_section(cause, name, line, example, everything))
        return sections


def _section(cause: Cause, name: str, line: str, example: Any, everything: bool) -> pytest.TestReport:
    """A report that prints a cause: its sentence, its smallest example, and all of its points if they are asked for."""
    from parity.causes.text import hint, smallest

    shown = cause.points if everything else cause.points[:1]
    left = len(cause.points) - len(shown)
    texts = [f"{line}{hint(cause)}", "smallest example:" if len(cause.points) > 1 else "", *map(str, shown)]
    if left:
        texts.append(f"({left:,} more like it: -v shows each)")
    if cause.live is not None:
        texts.append(smallest(cause))
    path, lineno, _ = example.location
    text = "\n".join(filter(None, texts))
    return pytest.TestReport(
        example.nodeid, (path, lineno, name), {}, "failed", Sentence(text, line, path, lineno), "call", example.sections
    )


def _record(report: Any) -> Record | None:
    """The record of a point that fails; None of another test."""
    text = getattr(report, "parity_record", None) or getattr(report, "parity_failed", None)
    if text is None:
        return None
    from parity.records.mismatch import Kind
    from parity.records.read import record_of

    content = json.loads(text)
    content.pop("kind")
    record = record_of(content)
    unreadable = any(mismatch.kind is Kind.FILE for mismatch in record.mismatches)
    return record if record.unexpected and not unreadable else None


def _passed(text: str) -> Record:
    from parity.records.record import Record

    loss, implementation, raises, _, *facts = text.split("\n")
    return Record("", loss, "", "", 0, "", implementation, {}, raises=raises or None, facts=facts)

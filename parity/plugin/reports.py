"""Pytest's reports: ParityError as sentences, and the record of an item on its report."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from parity.errors import ParityError
from parity.plugin.items import RecordedItem
from parity.plugin.outcome import Sentence
from parity.plugin.run import RUN
from parity.plugin.summary import passed

if TYPE_CHECKING:
    from parity.records.record import Record


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tell a test of the user's which failures are known."""
    baseline = item.config.stash[RUN].baseline
    if baseline is None:
        return
    callspec = getattr(item, "callspec", None)
    judges: list[Any] | None = getattr(callspec and callspec.params.get("point"), "judges", None)
    if judges is not None:
        judges[:] = [baseline.judge]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell ParityError in sentences, in a test of the user's too, and put the record of an item on its report."""
    report = yield
    record: Record | None = None
    error = call.excinfo.value if report.failed and call.excinfo is not None else None
    if isinstance(item, RecordedItem):
        record = settled(item, call, report) if item.config.stash[RUN].results is not None else None
        if item.left:
            report.parity_left = item.left  # type: ignore[attr-defined]
    elif isinstance(error, ParityError):
        report.longrepr = Sentence(str(error))
    _for_summary(item, report, record, error.record if isinstance(error, ParityError) else None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(
    report: pytest.CollectReport | pytest.TestReport,
) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Leave out what nobody asks of a point that passed: its keywords are half of what xdist's workers send."""
    data = yield
    if data is not None and isinstance(report, pytest.TestReport) and report.passed and _is_point(report.nodeid):
        data["keywords"] = {}
    return data


def _for_summary(item: pytest.Item, report: pytest.TestReport, kept: Record | None, failed: Record | None) -> None:
    """Put on the report what the recorder keeps and what the summary needs."""
    if kept is not None:
        report.parity_record = kept.as_json()  # type: ignore[attr-defined]
    elif failed is not None:
        report.parity_failed = failed.as_json()  # type: ignore[attr-defined]
    seen = observed(item) if report.when == "call" and report.passed else None
    if seen is not None and seen.verdict in ("passed", "nearer than torch"):
        report.parity_passed = passed(seen)  # type: ignore[attr-defined]


def observed(item: pytest.Item) -> Record | None:
    """What was observed of the point that an item, or a test of the user's, is about."""
    if isinstance(item, RecordedItem):
        return item.record
    point = getattr(item, "callspec", None) and item.callspec.params.get("point")  # type: ignore[attr-defined]
    records: list[Record] | None = getattr(point, "parity_records", None)
    return records[-1] if records else None


def about_torch(stats: Mapping[str, Sequence[Any]]) -> str | None:
    """A sentence if points were run, and their cases were not made on this torch; nothing imports it for that."""
    if not are_points(stats):
        return None
    from importlib.metadata import version

    from packaging.version import Version

    from parity.references.snapshots import unknown

    return unknown(Version(str(getattr(sys.modules.get("torch"), "__version__", None) or version("torch"))))


def are_points(stats: Mapping[str, Sequence[Any]]) -> bool:
    """Whether some of the reports are of points."""
    return any(_is_point(str(getattr(report, "nodeid", ""))) for reports in stats.values() for report in reports)


def _is_point(id: str) -> bool:
    return ".yaml::" in id or ".yml::" in id


def left(stats: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """How many points were not run, and why: in this process, or in xdist's workers."""
    for why, count in Counter(getattr(report, "parity_left", "") for report in stats.get("skipped", ())).items():
        if why:
            yield f"{why}: {'1 point is' if count == 1 else f'{count:,} points are'} left"


def settled(item: RecordedItem, call: pytest.CallInfo[None], report: pytest.TestReport) -> Record | None:
    """What is to be kept of the item after this phase, if anything: pytest, or a hook, may have had its say in it."""
    if item.earlier is not None or item.left:
        return None
    parity = call.excinfo is not None and isinstance(call.excinfo.value, ParityError)
    if report.failed and not parity:
        return _failed(item, call, report)
    if report.when == "call" and item.record is not None:
        if hasattr(report, "wasxfail") and item.record.verdict == "failed":
            item.record.verdict, item.record.reason = "xfailed", str(report.wasxfail)
        return item.record
    if report.skipped:
        record = item.blank()
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        record.verdict, record.reason = "not offered", reason
        return record
    return None


def _failed(item: RecordedItem, call: pytest.CallInfo[None], report: pytest.TestReport) -> Record:
    """The record of an item that did not fail by itself: a hook, a plugin or pytest failed it."""
    from parity.records.mismatch import Kind, Mismatch, Subject

    cause = call.excinfo.exconly(tryshort=True) if call.excinfo is not None else report.longreprtext
    record = item.blank()
    record.verdict = "error"
    sentence = f"pytest failed in the {report.when} of the point: {cause}"
    record.mismatches = [Mismatch(Subject.PROCESS, Kind.PYTEST, figures={"text": sentence})]
    return record

"""The Python way in: `check` a function over the points of a loss, or a library over those of all its losses."""

import sys
import time
from typing import Unpack, overload

from parity.errors import Interrupted
from parity.implementations.declaration import Implementation, Misdeclared
from parity.question import Function, Library, Options, Question, asked, unmatched
from parity.report.found import INTERRUPTED, Report, Reports


@overload
def check(
    loss: str, function: Function | Implementation, *, budget: str | float | None = None, isolate: bool = False,
    timeout: float | None = None, **options: Unpack[Options],
) -> Report: ...  # fmt: skip


@overload
def check(
    loss: Library, function: None = None, *, budget: str | float | None = None, isolate: bool = False,
    timeout: float | None = None, **options: Unpack[Options],
) -> Reports: ...  # fmt: skip


def check(
    loss: str | Library, function: Function | Implementation | None = None, *, budget: str | float | None = None,
    isolate: bool = False, timeout: float | None = None, **options: Unpack[Options],
) -> Report | Reports:  # fmt: skip
    """Run every case of `loss` on `function`, or of all losses of an Implementation, a dict or a module, and report.

    `options` are those of `Options`: framework, name, arguments, output, lacks, expected_failures, device, only,
    exclude, cases, seeds, seed_base, depth.

    What the function takes is read from its signature, and nothing is run before its names are right. `budget` is the
    time that all may take ('30s', '5m', a number of seconds): the points are run in the order of the case file, losses
    share what is left, and the report says how many points were not run. With `isolate` the points run in a process of
    their own: one that crashes, exits or takes all memory is told as that point's failure, and so is one that takes
    longer than `timeout` seconds, which implies `isolate` (60 without one). Without, a crash ends this process too;
    `parity.unfinished()` then tells which point it was, and what was known.

    Raises ValueError with a sentence if `loss` or an option means nothing, CaseError if the case file cannot be used;
    what the function does wrong never raises, it is in the report. After Ctrl-C the report so far is printed, and
    Interrupted, a KeyboardInterrupt, has it.
    """
    from parity.engine.budget import Budget

    questions = asked(loss, function, options)
    try:
        clock = Budget(budget)
    except ValueError as error:
        raise Misdeclared(str(error)) from None
    reports = Reports(questions[0].implementation.name if questions else "yours")
    single = isinstance(loss, str)
    apart = isolate or timeout is not None
    try:
        for number, question in enumerate(questions):
            report = Report(question.loss, question.implementation.name)
            reports.reports.append(report)
            _run(question, report, clock.end(len(questions) - number), timeout if apart else None, apart)
            report.stop = clock.words if report.planned > len(report.records) and not report.problem else ""
    except KeyboardInterrupt:
        reports.reports[-1].stop = INTERRUPTED
        raise _interrupted(reports.reports[-1] if single else reports) from None
    if questions and questions[0].only is not None and not reports.planned:
        raise Misdeclared(f"no point of {reports.loss} is called {' or '.join(map(repr, questions[0].only))}")
    missing = unmatched(questions)
    if single:
        reports.reports[0].unmatched = missing
        return reports.reports[0]
    reports.unmatched = missing
    return reports


def _run(question: Question, report: Report, end: float, timeout: float | None, apart: bool) -> None:
    """Run the points of one loss until `end`, by `time.monotonic`, and keep their records."""
    from parity.engine.gate import Gate
    from parity.engine.isolation import TIMEOUT, Isolated
    from parity.engine.journal import Journaled
    from parity.report.progress import Bar

    implementation, gate = question.implementation, Gate()
    contract = question.contract
    report.note, report.problem = contract.note, contract.problem
    report.planned = len(question.points)
    if report.problem:
        return
    bar = Bar(f"{question.loss} of {implementation.name}", report.planned)
    limit = TIMEOUT if timeout is None else timeout
    with Isolated(implementation, limit) if apart else Journaled(question.loss, implementation) as place, bar:
        for point in question.points:
            if time.monotonic() >= end:
                return
            record = place.run(point, question.seeds_of(point))
            if gate.closes(record):
                report.records, report.problem = [], f"nothing was run: {gate.problem}"
                return
            report.records.append(record)
            bar.step()


def _interrupted(report: Report | Reports) -> Interrupted:
    """The exception that carries a report, which is printed: nobody may catch it."""
    print(report, file=sys.stderr)
    return Interrupted(report)

"""The Python way in: `check` a function over the points of a loss, or a library; `show` one draw of a point."""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, overload

from parity.cases.errors import nearest
from parity.causes.known import Baseline, read_baseline
from parity.errors import Interrupted
from parity.implementations.declaration import Implementation, Misdeclared
from parity.question import Function, Library, Options, Question, asked, unmatched
from parity.records.record import Record
from parity.report.findings import gone
from parity.report.found import FAILED, INTERRUPTED, SMOKE, Report, Reports

if TYPE_CHECKING:
    from parity.causes.shown import Shown
    from parity.causes.shrink import Live
    from parity.engine.isolation import Isolated
    from parity.engine.journal import Journaled


@overload
def check(
    loss: str, function: Function | Implementation, *, budget: str | float | None = None, isolate: bool = False,
    timeout: float | None = None, baseline: Path | str | None = None, cache: bool = True, until_failure: bool = False,
    **options: Unpack[Options],
) -> Report: ...  # fmt: skip


@overload
def check(
    loss: Library, function: None = None, *, budget: str | float | None = None, isolate: bool = False,
    timeout: float | None = None, baseline: Path | str | None = None, cache: bool = True, until_failure: bool = False,
    **options: Unpack[Options],
) -> Reports: ...  # fmt: skip


def check(
    loss: str | Library, function: Function | Implementation | None = None, *, budget: str | float | None = None,
    isolate: bool = False, timeout: float | None = None, baseline: Path | str | None = None, cache: bool = True,
    until_failure: bool = False, **options: Unpack[Options],
) -> Report | Reports:  # fmt: skip
    """Run every case of `loss` on `function`, or of all losses of an Implementation, a dict or a module, and report.

    `options` are those of `Options`: framework, name, arguments, output, lacks, differs, tolerance, equivalents,
    expected_failures, device, only, exclude, cases, reference, promises, vary, seeds, seed_base, depth, strict.

    What the function takes is read from its signature, and nothing is run before its names are right. `budget` is the
    time that all may take ('30s', '5m', a number of seconds): the points that see most wrong losses are run first,
    losses share what is left, and the report says how many points were not run. With `until_failure` a loss is left at
    its first point that fails unexpectedly. With `isolate` the points run in a process of their own: one that crashes,
    exits or takes all memory is told as that point's failure, and so is one that takes longer than `timeout` seconds,
    which implies `isolate` (60 without one). Without, a crash ends this process too; `parity.unfinished()` then tells
    which point it was, and what was known. `baseline` is a file of known failures, as `report.write_baseline(file)`
    writes it, each with its reason: those are expected, and whatever comes besides, comes no more or comes in another
    way is a failure. Torch's answers are kept on disk for later runs, in the user's folder of caches, unless `cache` is
    False.

    Raises ValueError with a sentence if `loss`, an option or the baseline means nothing, CaseError if the case file
    cannot be used; what the function does wrong never raises, it is in the report. After Ctrl-C the report so far is
    printed, and Interrupted, a KeyboardInterrupt, has it.
    """
    from parity.engine.budget import Budget

    questions = asked(loss, function, options)
    known = Baseline() if baseline is None else read_baseline(Path(baseline))
    try:
        clock = Budget(budget)
    except ValueError as error:
        raise Misdeclared(str(error)) from None
    reports = Reports(questions[0].implementation.name)
    reports.reports = [Report(question.loss, reports.implementation) for question in questions]
    found = reports.reports[0] if isinstance(loss, str) else reports
    number = 0

    def judged(record: Record) -> bool:
        known.judge(record)
        return until_failure and record.unexpected

    try:
        for number, (question, report) in enumerate(zip(questions, reports.reports, strict=True)):
            report.live = _live(question, isolate, timeout)
            until = partial(clock.end, len(questions) - number)
            stop = _run(question, report, _place(question, isolate, timeout, cache), until, judged)
            report.stop = (stop or clock.words) if report.planned > len(report.records) and not report.problem else ""
    except KeyboardInterrupt:
        for report in reports.reports[number:]:
            report.stop = INTERRUPTED
        print(found, file=sys.stderr)  # nobody may catch what carries it
        raise Interrupted(found) from None
    only, exclude = questions[0].only, questions[0].exclude
    if only is not None and not reports.planned:
        but = f" and not {' or '.join(map(repr, exclude))}" if exclude else ""
        raise Misdeclared(f"no point of {reports.loss} is called {' or '.join(map(repr, only))}{but}")
    found.unmatched = [*unmatched(questions), *gone(known, found)]
    return found


def show(
    id: str, function: Function | Implementation, *, seed: int | None = None, **options: Unpack[Options]
) -> "Shown":  # fmt: skip
    """One draw of the point of that id, to be printed: its arrays, both answers, the exact answer, the error in ulp.

    A point that does not agree is made smaller as well: `smaller` is a program without parity, and a scenario. `seed`
    is that of the draw, by default of the first that differs. `options` are those of `check`. The function is called in
    this process. Raises ValueError with a sentence if there is no such point.
    """
    from parity.causes.shown import shown

    (question,) = asked(id.partition("/")[0], function, options)
    points = {point.id: point for point in question.every}
    if id not in points:
        like = nearest(id, points) or f"; `parity list points {question.loss}` lists them"
        raise Misdeclared(f"there is no point {id!r}{like}")
    if seed is not None and (isinstance(seed, bool) or seed < 0):
        raise Misdeclared(f"seed is {seed!r}, expected a whole number >= 0")
    point = points[id]
    return shown(point, question.implementation, question.seeds_of(point) if seed is None else range(seed, seed + 1))


def _place(question: Question, isolate: bool, timeout: float | None, cache: bool = False) -> "Isolated | Journaled":
    """Where the points of a loss run: in this process, or apart from it."""
    from parity.engine.isolation import TIMEOUT, Isolated
    from parity.engine.journal import Journaled

    if isolate or timeout is not None:
        return Isolated(question.implementation, TIMEOUT if timeout is None else timeout, cache=cache)
    return Journaled(question.loss, question.implementation, cache)


def _live(question: Question, isolate: bool, timeout: float | None) -> "Live":
    """The implementation as its points can be asked of it again, where they were."""
    from parity.causes.shrink import Live

    return Live(
        question.implementation, lambda: {point.id: point for point in question.every},
        partial(_place, question, isolate, timeout), apart=isolate or timeout is not None,
    )  # fmt: skip


def _run(
    question: Question, report: Report, place: "Isolated | Journaled", until: Callable[[], float],
    ends: Callable[[Record], bool],
) -> str:  # fmt: skip
    """Run the points of one loss `until` a time, by `time.monotonic`, or a record that `ends` it; keep the records.

    Returns what else ended the run before all points: the first failure, or depth smoke.
    """
    from parity.engine.gate import Gate
    from parity.engine.lasting import lasting
    from parity.engine.since import noted
    from parity.report.progress import Bar

    contract, gate = question.contract, Gate()
    report.note, report.problem, report.planned = contract.note, contract.problem, len(question.wanted)
    report.part = question.only is not None or bool(question.exclude)
    if report.problem:
        return ""
    points = question.points
    end = until()
    with lasting(), place, Bar(f"{question.loss} of {report.implementation}", len(points)) as bar:
        for point in points:
            if time.monotonic() >= end:
                return ""
            record = noted(place.run(point, question.seeds_of(point)), point)
            if question.strict:
                record.strictly()
            if gate.closes(record):
                report.records, report.problem = [], f"nothing was run: {gate.problem}"
                return ""
            report.records.append(record)
            if ends(record):
                return FAILED
            bar.step()
    decided = question.loss in question.implementation.reference and question.only is None
    compared = [record for record in report.records if record.compared]
    if decided and compared and all(record.raises for record in compared):
        report.problem = f"{compared[0].reference} refuses every call: no answer was compared"
    return SMOKE if question.depth == "smoke" else ""

"""`parity.fuzz`: a loss held against the reference at calls that no case file has, for some minutes."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from parity.api import _place
from parity.causes.shrink import Live
from parity.causes.text import hint, smallest, title
from parity.engine.lasting import lasting
from parity.errors import Interrupted
from parity.implementations.declaration import Implementation, Misdeclared
from parity.implementations.registry import numpy_losses
from parity.question import Function, Options, Question, asked
from parity.records.mismatch import Kind, Subject
from parity.report.found import INTERRUPTED, Report
from parity.wording import plural

if TYPE_CHECKING:
    from parity.cases.points import Point
    from parity.fuzzing.asking import Asker, Drawn
    from parity.fuzzing.known import Known
    from parity.records.record import Record

DATABASE = Path(".parity", "fuzz")
LACKING = "fuzzing needs Hypothesis, which is not installed: pip install 'torch-parity[fuzz]'"
# What says of a drawn call that it was none, and nothing of the loss.
_NO_CALL = (Kind.REFERENCE, Kind.DRAW, Kind.MEMORY)
# So many expected failures of a loss are looked at, to know them again.
LEARNT = 60


@dataclass(slots=True, repr=False)
class Fuzzed(Report):
    """What the fuzzer found of one loss: a report whose points no case file has.

    `pairs` is how many pairs of facts were seen together, `before` the sentences of causes that earlier runs told and
    that are still there: their points count as expected failures.
    """

    pairs: int = 0
    before: list[str] = field(default_factory=list)

    @property
    def told(self) -> list[str]:
        """Each cause with its smallest example: a snippet without parity, and a case."""
        lines = []
        for number, cause in enumerate(self.causes, start=1):
            lines += [f"{number}. {title(cause, False)}{hint(cause)}", smallest(cause)]
        return lines

    @property
    def notes(self) -> list[str]:
        drawn = f"{plural(len(self.records), 'call')} drawn, {plural(self.pairs, 'pair')} of facts seen together"
        again = [f"told before, and still there: {sentence}" for sentence in self.before]
        return [drawn, *again, *filter(None, [self.note])]


def fuzz(
    loss: str, function: Function | Implementation | None = None, *, minutes: float = 5.0, calls: int | None = None,
    save: Path | str | None = None, database: Path | str | None = DATABASE, isolate: bool = False,
    timeout: float | None = None,
    **options: Unpack[Options],
) -> Fuzzed:  # fmt: skip
    """Draw calls of `loss` over all that the specifications span for some `minutes`, and report what disagrees.

    Without a function our own NumPy loss is asked. What torch refuses must be refused. The report has the causes, each
    with the facts that tell it, a smallest call as a program without parity, and the same as a case: `save` appends
    those to a case file, which is made if it is not there. `database` is a folder that keeps the examples of causes
    that were told, which are not told again as long as they are there (None: no memory); expected failures of the case
    files and of the implementation are no news either. `isolate`, `timeout` and `options` are those of `check`;
    `seed_base` gives other calls, `calls` is how many are run at most, so that a run may be repeated.

    Raises ValueError with a sentence if an option means nothing or Hypothesis, the extra `fuzz`, is not installed.
    After Ctrl-C what was found is in Interrupted, a KeyboardInterrupt.
    """
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < math.inf:
        raise Misdeclared(f"minutes is {minutes!r}, expected a number above 0")
    if calls is not None and (isinstance(calls, bool) or not isinstance(calls, int) or calls < 1):
        raise Misdeclared(f"calls is {calls!r}, expected a whole number >= 1")
    try:
        import hypothesis  # noqa: F401
    except ImportError:
        raise Misdeclared(LACKING) from None
    (question,) = asked(loss, numpy_losses() if function is None else function, options)
    until = time.monotonic() + 60 * minutes
    found = Fuzzed(question.loss, question.implementation.name)
    _Fuzzing(question, found, None if database is None else Path(database), isolate, timeout).run(until, calls)
    if save is not None:
        from parity.fuzzing.saving import saved

        found.note = saved(found, Path(save), question)
    return found


class _Fuzzing:
    """One run: the points drawn by their id, and what is known of them."""

    def __init__(
        self, question: Question, report: Fuzzed, database: Path | None, isolate: bool, timeout: float | None
    ) -> None:  # fmt: skip
        from parity.fuzzing.asking import asker_of
        from parity.fuzzing.known import Memory

        self.question, self.report = question, report
        self.isolate, self.timeout = isolate, timeout
        own = question.implementation
        self.asker: Asker = asker_of(question)
        self.memory: Memory = Memory(database, f"{question.loss} of {own.name}")
        self.drawn: dict[str, Drawn] = {}
        self.known: list[Known] = []
        points = {point.id: point for point in question.every}
        report.live = Live(
            own, lambda: points | {id: one.point for id, one in self.drawn.items()},
            lambda: _place(question, isolate, timeout), apart=isolate or timeout is not None,
        )  # fmt: skip

    def run(self, until: float, calls: int | None) -> None:
        """Draw until a time, or so many calls, and keep what is new in the memory."""
        from parity.fuzzing.search import search
        from parity.fuzzing.vocabulary import vocabulary

        contract = self.question.contract
        if contract.problem:
            self.report.problem = contract.problem
            return
        with lasting(), _place(self.question, self.isolate, self.timeout) as place:
            self.place = place
            try:
                self.known = [*self._expected(), *self._told()]
                rarity = search(
                    vocabulary(self.question.scenarios), self.asker, self.ask, until, self.question.seed_base, calls
                )
                self.report.pairs = len(rarity.counts)
            except KeyboardInterrupt:
                self.report.stop = INTERRUPTED
                raise Interrupted(self.report) from None
            finally:
                self.report.planned = len(self.report.records)
        for cause in self.report.causes:
            self.memory.keep(cause, dict(self.drawn[cause.example.id].case))

    def ask(self, drawn: "Drawn") -> None:
        """Run a drawn call, and keep its record unless it was no call."""
        record = self.place.run(drawn.point, drawn.seeds)
        if record.mismatches and all(one.subject is Subject.CASE and one.kind in _NO_CALL for one in record.mismatches):
            return
        record.repeat = ""
        if self.question.strict:
            record.strictly()
        if record.unexpected:
            self.drawn[record.id] = drawn
            known = next((one for one in self.known if one.covers(record)), None)
            if known is not None:
                record.verdict, record.reason = "xfailed", known.reason
        self.report.records.append(record)

    def _expected(self) -> "Iterator[Known]":
        """The failures that the case files expect, and what differs where torch has no defined answer."""
        from parity.engine.facts import PointFacts
        from parity.fuzzing.known import of_case

        learnt = 0
        for point in self.question.every:
            case, seeds = point.scenario.case, self.question.seeds_of(point)[:1]
            if learnt >= LEARNT or not (case.finding or case.xfail):
                continue
            if case.finding:
                reason, record = case.finding.torch, self._without_finding(point)
            else:
                reason = self.question.contract.expected_failure(point, PointFacts(point, seeds)) or ""
                record = self.place.run(point, seeds) if reason else None
            learnt += record is not None
            if record is not None and record.mismatches:
                yield of_case(record, reason)

    def _without_finding(self, point: "Point") -> "Record | None":
        """The record of a call to which torch has no defined answer, as if it had one."""
        from parity.fuzzing.vocabulary import call_of

        sketch = self.asker.sketch(call_of(point))
        drawn = self.asker.ask(sketch) if sketch else None
        return self.place.run(drawn.point, drawn.seeds) if drawn else None

    def _told(self) -> "Iterator[Known]":
        """The causes that earlier runs told and that are still there; one that is mended may be told anew."""
        for known, case in self.memory.entries():
            point = self.asker.point(case)
            record = None if point is None else self.place.run(point, range(case["seeds"]))
            if record is not None and record.unexpected and known.covers(record):
                self.report.before.append(known.reason)
                yield replace(known, reason=f"told before: {known.reason}")
            else:
                self.memory.forget(case)

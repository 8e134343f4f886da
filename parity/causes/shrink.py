"""The smallest example of a cause: a failing point, reduced while the same is observed of it."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Protocol

from parity.cases.points import Point
from parity.causes.cause import Seen, Unshrinkable
from parity.causes.example import Example
from parity.causes.forked import last_of
from parity.causes.literal import Literal, literal
from parity.causes.sides import sides
from parity.causes.sign import Family, Sign, sign_of
from parity.causes.smaller import PASSES, column, excerpts
from parity.engine.budget import seconds_of
from parity.engine.run import run_point
from parity.engine.state import known_state
from parity.frameworks.adapters import HOMES
from parity.implementations.declaration import Implementation
from parity.records.mismatch import Subject
from parity.records.record import Record
from parity.wording import in_words

# So many names are tried of a call of which a part is asked for, which hangs on its name.
NAMES = 8
# Seconds until the process of a function that runs apart has started, and has crashed a few times.
GRACE = 30.0
# Seconds that the first call, a large one perhaps, and the last may take besides.
CALLS = 3.0
# Of these torch reads memory that is not theirs where lengths are wrong.
UNCHECKED = ("ctc_loss",)
BEFORE = "it takes the calls before it"
SECONDS = 0.9  # the last call may take a little longer


class Place(Protocol):
    """Where points run: in this process, or apart from it."""

    def run(self, point: Point, seeds: range) -> Record:
        """The record of a point."""


@dataclass(frozen=True, slots=True)
class Here:
    """Points run in this process."""

    implementation: Implementation

    def run(self, point: Point, seeds: range) -> Record:
        """The record of a point."""
        return run_point(point, self.implementation, seeds)


@dataclass(frozen=True, eq=False)
class Live:
    """What points of one loss are asked of: the implementation itself, which no file of records holds.

    `points` are those that were asked by their id, `place` opens where they run: an implementation that runs `apart`
    is asked apart here too, and nowhere else.
    """

    implementation: Implementation
    points: Callable[[], Mapping[str, Point]]
    place: Callable[[], AbstractContextManager[Place]]
    apart: bool = False
    found: dict[Any, Example | str] = field(default_factory=dict)

    def shrunk(self, seen: Seen, budget: str | float | None = None) -> Example:
        """The smallest call that shows the same as a failing point; found once for each budget.

        Raises Unshrinkable with a sentence if there is none, ValueError for a budget that is no time.
        """
        seconds = SECONDS if budget is None else seconds_of(budget)
        key = seen.record.id, seen.sign.key, seconds
        if key not in self.found:
            try:
                self.found[key] = self._shrunk(seen.record, seen.sign, seconds)
            except Unshrinkable as error:
                self.found[key] = str(error)
            except Exception as error:  # a help to read a report must not cost the report
                self.found[key] = f"the example cannot be made smaller: {in_words(error)}"
        known = self.found[key]
        if isinstance(known, str):
            raise Unshrinkable(known)
        return known

    def _shrunk(self, record: Record, sign: Sign, seconds: float) -> Example:
        point = self.points().get(record.id)
        if point is None:
            raise Unshrinkable(f"{record.id} is no point of this run")
        if self.implementation.alone(point.loss):
            raise Unshrinkable("what two calls owe to each other is not shown by one, and no reference is asked")
        seed = next((one.seed for one in record.mismatches if one.seed is not None), None)
        if seed is None:
            raise Unshrinkable(f"what is wrong with {record.id} is about the whole point, and no call of it alone")
        start = written(point, self.implementation, seed)
        crashes = sign.family is Family.CRASHED
        alone = nullcontext(Here(self.implementation)) if self._forks and not crashes else self.place()

        def work(hand: Callable[[Any], None]) -> None:
            with alone as place:
                search = _Search(
                    place, point, self.implementation, sign, lambda found: hand((found.call, found.record))
                )
                names = range(1, NAMES if sign.asked else 2)
                starts = (replace(call, number=number) for number in names for call in (start, column(start)))
                parts = () if point.loss in UNCHECKED else excerpts(start)
                first = next(filter(None, map(search.shown, chain(parts, starts))), None)
                if first is None:
                    hand(search.problem or BEFORE)
                    return
                search.deadline = time.monotonic() + seconds  # a process apart has started by now
                # of a call that torch leaves undefined the case alone says what is right, and of no other call
                found = first if point.scenario.case.finding else search.smallest(first)
            if self._forks and not crashes:
                results = tuple(sides(found.point, self.implementation, 0).lines())
                hand((found.call, found.record, results))

        last = self._last(work, point, seconds + (GRACE if crashes or self.apart else CALLS))
        if last is None or isinstance(last, str):
            why = last or "it crashes, or takes too long"
            raise Unshrinkable(f"the call of {record.id} at seed {seed} does not show it when made alone: {why}")
        call, shown, *results = last
        if self._forks and not crashes and self._passes(call.point(point)):
            raise Unshrinkable(f"the call of {record.id} at seed {seed} does not show it when made first: {BEFORE}")
        return Example(point, self.implementation, call, call.point(point), shown, *results)

    def _passes(self, point: Point) -> bool:
        """Whether a point agrees when it is the first that is asked: the search has called the function before."""
        again = last_of(lambda hand: hand(run_point(point, self.implementation, range(1))), CALLS)
        return again is not None and not again.mismatches

    @property
    def _forks(self) -> bool:
        """Whether a copy of this process can be asked, so that no crash costs the report."""
        own = self.implementation
        return sys.platform == "linux" and own.device == "cpu" and own.adapter.name in HOMES

    def _last(self, work: Callable[[Callable[[Any], None]], None], point: Point, seconds: float) -> Any:
        if self._forks:
            return last_of(work, seconds)
        if point.loss in UNCHECKED:
            raise Unshrinkable(f"{point.loss} of torch does not check its lengths: it is made smaller on Linux alone")
        handed: list[Any] = []
        work(handed.append)
        return handed[-1] if handed else None


def written(point: Point, implementation: Implementation, seed: int) -> Literal:
    """One draw of a point as a literal call."""
    contract = implementation.contract(point.scenario.signature)
    reference = implementation.reference_of(point)
    return literal(point, contract.terms(point), reference, seed)


def _of_output(record: Record) -> bool:
    """Whether the output differs."""
    return any(one.subject is Subject.OUTPUT for one in record.mismatches)


class _Over(Exception):
    """No time is left."""


class _Search:
    """Asks calls for whether they still show what is wrong, until a deadline."""

    def __init__(
        self, place: Place, point: Point, implementation: Implementation, sign: Sign, keep: Callable[[Example], None]
    ) -> None:  # fmt: skip
        self.keep = keep
        self.place, self.origin, self.implementation, self.sign = place, point, implementation, sign
        self.reference = implementation.reference_of(point)
        self.deadline = float("inf")
        self.asked: set[Any] = set()
        self.problem = ""
        self.of_output = False

    def shown(self, call: Literal) -> Example | None:
        """The call, made to fit, as an example of what is wrong; None if it does not show it."""
        if time.monotonic() >= self.deadline:
            raise _Over
        try:
            call = self._fitted(call)
            if call.key in self.asked:
                return None
            self.asked.add(call.key)
            point = call.point(self.origin)
            record = self.place.run(point, range(1))
        except Exception as error:  # nothing that can be drawn, or called
            self.problem = in_words(error)
            return None
        alike = bool(record.mismatches) and sign_of(record)[0].alike(self.sign)
        if not alike or (self.of_output and not _of_output(record)):
            return None
        found = Example(self.origin, self.implementation, call, point, record)
        self.keep(found)
        return found

    def _fitted(self, call: Literal) -> Literal:
        """The call with an upstream gradient that fits the output."""
        if "grad_output" not in call.arrays:
            return call
        with known_state():
            return call.fitted(self.reference(**call.arguments(self.origin))[0].shape)

    def smallest(self, best: Example) -> Example:
        """The smallest example that is found in time."""
        signature = self.origin.scenario.signature
        self.of_output = _of_output(best.record)  # an output says more to a person than a gradient alone
        try:
            before = None
            while before is not best:
                before = best
                for smaller in PASSES:
                    while (found := self._first(smaller(best.call, signature))) is not None:
                        best = found
        except _Over:
            pass
        return best

    def _first(self, calls: Iterator[Literal]) -> Example | None:
        return next((shown for call in calls if (shown := self.shown(call)) is not None), None)

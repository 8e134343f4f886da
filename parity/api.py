"""The Python way in: `check` a function, or `parametrize` a test over the points of a loss."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote
from typing import Any

from parity import losses
from parity.cases.errors import nearest
from parity.cases.load import load
from parity.cases.points import Point, expand, seeds_of
from parity.cases.shipped import case_file
from parity.errors import ParityError
from parity.frameworks.adapters import Adapter
from parity.implementations.declaration import Implementation, Misdeclared
from parity.implementations.registry import served
from parity.records.record import Record

SHOWN = 5


@dataclass(slots=True)
class Report:
    """What `check` found: `ok`, `failures` as sentences, and the records they come from."""

    loss: str
    implementation: str
    records: list[Record] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every point that is offered agrees, and at least one was compared."""
        return not self.failures and any(record.verdict in ("passed", "xfailed") for record in self.records)

    @property
    def failures(self) -> list[str]:
        """A text for each point that fails unexpectedly, and for each expected failure that matches nothing."""
        return [str(record) for record in self.records if record.unexpected] + self.unmatched

    def __bool__(self) -> bool:
        return self.ok

    def count(self, verdict: str) -> int:
        return sum(record.verdict == verdict for record in self.records)

    def raise_for_failures(self) -> None:
        """Raise ParityError, an AssertionError, unless `ok`."""
        if not self.ok:
            raise ParityError(str(self))

    def _told(self) -> list[str]:
        """What is told beside the verdict: of the whole run, and of its points."""
        compiled = [record.compiled for record in self.records if record.compiled is not None]
        told = [f"{sum(compiled)} of {len(compiled)} points ran compiled code"] if compiled else []
        return [*self.notes, *told, *dict.fromkeys(note for record in self.records for note in record.notes)]

    def __str__(self) -> str:
        counts = {word: self.count(word) for word in ("passed", "failed", "xpassed", "error", "xfailed", "not offered")}
        told = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "no point compared"
        failures = self.failures
        head = "does not agree" if failures else "agrees" if self.ok else "was not compared"
        lines = [f"{self.loss} of {self.implementation} {head} with torch: {told}."]
        missing = sorted({record.reason or "" for record in self.records if record.verdict == "not offered"})
        missing += sorted({f"{what}, where it was compared" for record in self.records for what in record.not_offered})
        lines += [f"  not offered: {reason}" for reason in missing]
        lines += [f"  note: {note}" for note in self._told()]
        more = [f"... and {len(failures) - SHOWN} more: all of them are in `failures`"] if len(failures) > SHOWN else []
        return "\n".join([*lines, *failures[:SHOWN], *more])


def check(
    loss: str, function: Callable[..., Any], *, framework: str | Adapter = "numpy", name: str = "yours",
    expected_failures: Mapping[str, str] | None = None, lacks: Collection[str] = (), device: str = "cpu",
    cases: Path | str | None = None, only: str | None = None, seeds: int | None = None, seed_base: int = 0,
    depth: str = "default", isolate: bool = False, timeout: float | None = None,
) -> Report:  # fmt: skip
    """Run every case of `loss` on `function` and report.

    `framework` is 'numpy' (a function that returns ``(output, vjp)``, or the output alone) or 'torch' (a
    callable of tensors, a module class or a module). `lacks` and `expected_failures` are those of
    `Implementation`. `cases` is a case file of your own instead of the shipped one; `only` a point id, or a
    pattern of ids.

    With `isolate` the points run in a process of their own: one that crashes, exits or takes all memory is told as that
    point's failure, and so is one that takes longer than `timeout` seconds, which implies `isolate` (60 without one).
    Without, a crash ends this process too; `parity.unfinished()` then tells which point it was, and what was known.

    Raises ValueError with a sentence if `loss`, `framework` or a declaration means nothing, CaseError if
    the case file cannot be used; what the function does wrong never raises, it is in the report.
    """
    implementation = declared(loss, function, framework, name, expected_failures, lacks, device)
    _check_seeds(seeds, seed_base)
    from parity.engine.isolation import TIMEOUT, Isolated
    from parity.engine.journal import Journaled
    from parity.references.proof import is_reference

    report = Report(loss, name)
    if is_reference(loss, function):
        report.notes.append(f"{name} is torch's own {loss}: it is compared with itself")
    apart = isolate or timeout is not None
    limit = TIMEOUT if timeout is None else timeout
    with Isolated(implementation, limit) if apart else Journaled(loss, implementation) as place:
        for point in points(loss, implementation, cases, only, depth):
            report.records.append(place.run(point, seeds_of(point, seeds, seed_base, depth)))
    if only is not None and not report.records:
        raise Misdeclared(f"no point of {loss} is called {only!r}")
    if implementation.expected_failures:
        known = (record.id for record in report.records)
        if only is not None:
            known = (point.id for point in points(loss, implementation, cases, None, depth))
        report.unmatched = unmatched(implementation, known)
    return report


def _check_seeds(seeds: object, seed_base: object) -> None:
    """Raise Misdeclared for seeds that draw nothing, or that are no numbers of draws."""
    for word, value, least in (("seeds", seeds, 1), ("seed_base", seed_base, 0)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (value is None and word == "seeds") and not (whole and int(str(value)) >= least):
            raise Misdeclared(f"{word} is {value!r}, expected a whole number >= {least}")


def declared(
    loss: str, function: Callable[..., Any], framework: str | Adapter, name: str,
    expected_failures: Mapping[str, str] | None, lacks: Collection[str], device: str,
) -> Implementation:  # fmt: skip
    """An implementation of one loss."""
    if loss not in losses.LOSSES:
        raise Misdeclared(f"there is no loss {loss!r}{nearest(loss, losses.LOSSES)}")
    return Implementation(name, framework, {loss: function}, expected_failures or {}, lacks, device)


def points(
    loss: str, implementation: Implementation, cases: Path | str | None, only: str | None, depth: str
) -> Iterator[Point]:
    """The points of a loss's case file, or those that `only` names."""
    if depth not in ("default", "deep"):
        raise Misdeclared(f"there is no depth {depth!r}{nearest(depth, ('default', 'deep'))}")
    path = case_file(loss) if cases is None else Path(cases)
    for scenario in load(path, served([implementation])):
        if scenario.loss == loss and (depth == "deep" or scenario.case.depth == "default"):
            for point in expand(scenario):
                if only is None or point.id == only or fnmatchcase(point.id, only):
                    yield point


def unmatched(implementation: Implementation, ids: Iterable[str]) -> list[str]:
    """A sentence for each expected failure whose pattern matches no point."""
    known = list(ids)
    return [
        f"the expected failure {pattern!r} of {implementation.name} matches no point{nearest(pattern, known[:2000])}"
        for pattern in implementation.expected_failures
        if pattern not in known and not any(fnmatchcase(one, pattern) for one in known)
    ]


@dataclass(frozen=True, slots=True)
class BoundPoint:
    """A point tied to an implementation: what a parametrized test gets."""

    point: Point
    implementation: Implementation
    seeds: range

    @property
    def id(self) -> str:
        return self.point.id

    def run(self) -> Record:
        """The record of this point."""
        from parity.engine.run import run_point

        return run_point(self.point, self.implementation, self.seeds)

    def check(self) -> None:
        """Raise ParityError if the point leaves parity; skip or expect failure under pytest as declared."""
        from parity.plugin.outcome import verdict

        __tracebackhide__ = True
        record, test = self.run(), os.environ.get("PYTEST_CURRENT_TEST")
        if record.repeat and test:
            record.repeat = f"pytest {quote(test.rpartition(' (')[0])}"
        verdict(record)


def parametrize(
    loss: str, function: Callable[..., Any], *, framework: str | Adapter = "numpy", name: str = "yours",
    expected_failures: Mapping[str, str] | None = None, lacks: Collection[str] = (), device: str = "cpu",
    cases: Path | str | None = None, seeds: int | None = None, seed_base: int = 0, depth: str = "default",
) -> Callable[[Callable[..., None]], Callable[..., None]]:  # fmt: skip
    """Parametrize a test over the points of `loss`; its argument `point` has `check()`.

    The arguments are those of `check`. An expected failure that matches no point raises Misdeclared at once.
    """
    from parity.plugin.outcome import parametrize_points

    implementation = declared(loss, function, framework, name, expected_failures, lacks, device)
    _check_seeds(seeds, seed_base)
    bound = [
        BoundPoint(point, implementation, seeds_of(point, seeds, seed_base, depth))
        for point in points(loss, implementation, cases, None, depth)
    ]  # fmt: skip
    for sentence in unmatched(implementation, (point.id for point in bound)):
        raise Misdeclared(sentence)
    return parametrize_points(bound)

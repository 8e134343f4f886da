"""The Python way in: `check` a function over the points of a loss."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypedDict, Unpack

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
DEPTHS = ("default", "deep")
VERDICTS = ("passed", "failed", "xpassed", "error", "xfailed", "not offered", "not in torch", "finding")


@dataclass(slots=True)
class Report:
    """What `check` found: `ok`, `failures` as sentences, and the records they come from."""

    loss: str
    implementation: str
    records: list[Record] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

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
        from parity.references.versions import unknown

        compiled = [record.compiled for record in self.records if record.compiled is not None]
        told = [f"{sum(compiled)} of {len(compiled)} points ran compiled code"] if compiled else []
        told += filter(None, [unknown()])
        return [*told, *dict.fromkeys(note for record in self.records for note in record.notes)]

    def _of_torch(self) -> list[str]:
        """What this torch lacks, or answers otherwise than those that the cases were made on, with its points."""
        verdicts = ("not in torch", "finding")
        found = Counter(record.reason or "" for record in self.records if record.verdict in verdicts)
        return [f"{reason} ({count} points)" for reason, count in sorted(found.items())]

    def __str__(self) -> str:
        counts = {word: self.count(word) for word in VERDICTS}
        told = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "no point compared"
        failures = self.failures
        head = "does not agree" if failures else "agrees" if self.ok else "was not compared"
        lines = [f"{self.loss} of {self.implementation} {head} with torch: {told}."]
        missing = sorted({record.reason or "" for record in self.records if record.verdict == "not offered"})
        missing += sorted({f"{what}, where it was compared" for record in self.records for what in record.not_offered})
        lines += [f"  not offered: {reason}" for reason in missing]
        lines += [f"  {reason}" for reason in self._of_torch()]
        lines += [f"  note: {note}" for note in self._told()]
        more = [f"... and {len(failures) - SHOWN} more: all of them are in `failures`"] if len(failures) > SHOWN else []
        return "\n".join([*lines, *failures[:SHOWN], *more])


class Options(TypedDict, total=False):
    """What `check` and `parametrize` may be told besides the loss and the function.

    `framework` is 'numpy' (a function that returns ``(output, vjp)``, or the output alone; the default), 'torch' (a
    callable of tensors, a module class or a module), or an Adapter of your own. `name` is what sentences call the
    function ("yours"). `lacks`, `expected_failures` and `device` are those of `Implementation`. `cases` is a case file
    of your own instead of the shipped one. `seeds` is how many draws each point takes (by default the case's own
    number, 3), from `seed_base` (0) on. `depth` is 'default' or 'deep'.
    """

    framework: str | Adapter
    name: str
    expected_failures: Mapping[str, str]
    lacks: Collection[str]
    device: str
    cases: Path | str | None
    seeds: int | None
    seed_base: int
    depth: str


@dataclass(frozen=True, slots=True)
class Question:
    """A loss, the implementation that is asked for it, and the draws: what `Options` come to."""

    loss: str
    implementation: Implementation
    cases: Path
    seeds: int | None
    seed_base: int
    depth: str

    def points(self, only: str | None = None) -> Iterator[Point]:
        """The points of the case file, or those that `only` names."""
        return points(self.loss, self.implementation, self.cases, only, self.depth)

    def seeds_of(self, point: Point) -> range:
        """The seeds of a point's draws."""
        return seeds_of(point, self.seeds, self.seed_base, self.depth)


def asked(loss: str, function: Callable[..., Any], options: Mapping[str, Any]) -> Question:
    """What the options come to. Raises Misdeclared with a sentence for those that mean nothing."""
    known = Options.__annotations__
    for word in options.keys() - known.keys():
        raise Misdeclared(f"there is no option {word!r}{nearest(word, known)}")
    if loss not in losses.LOSSES:
        raise Misdeclared(f"there is no loss {loss!r}{nearest(loss, losses.LOSSES)}")
    declared = {word: options[word] for word in ("framework", "lacks", "device") if word in options}
    failures = options.get("expected_failures") or {}
    name = options.get("name", "yours")
    implementation = Implementation(name, losses={loss: function}, expected_failures=failures, **declared)
    seeds, base, depth = options.get("seeds"), options.get("seed_base", 0), options.get("depth", "default")
    for word, value, least in (("seeds", seeds, 1), ("seed_base", base, 0)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (value is None and word == "seeds") and not (whole and int(value or 0) >= least):
            raise Misdeclared(f"{word} is {value!r}, expected a whole number >= {least}")
    if depth not in DEPTHS:
        raise Misdeclared(f"there is no depth {depth!r}{nearest(depth, DEPTHS)}")
    cases = options.get("cases")
    return Question(loss, implementation, case_file(loss) if cases is None else Path(cases), seeds, base, depth)


def check(
    loss: str, function: Callable[..., Any], *, only: str | None = None, isolate: bool = False,
    timeout: float | None = None, **options: Unpack[Options],
) -> Report:  # fmt: skip
    """Run every case of `loss` on `function` and report.

    `options` are those of `Options`: framework, name, lacks, expected_failures, device, cases, seeds, seed_base, depth.
    `only` is a point id, or a pattern of ids.

    With `isolate` the points run in a process of their own: one that crashes, exits or takes all memory is told as that
    point's failure, and so is one that takes longer than `timeout` seconds, which implies `isolate` (60 without one).
    Without, a crash ends this process too; `parity.unfinished()` then tells which point it was, and what was known.

    Raises ValueError with a sentence if `loss` or an option means nothing, CaseError if the case file cannot be used;
    what the function does wrong never raises, it is in the report.
    """
    from parity.engine.isolation import TIMEOUT, Isolated
    from parity.engine.journal import Journaled

    question = asked(loss, function, options)
    implementation = question.implementation
    report = Report(loss, implementation.name)
    apart = isolate or timeout is not None
    limit = TIMEOUT if timeout is None else timeout
    with Isolated(implementation, limit) if apart else Journaled(loss, implementation) as place:
        for point in question.points(only):
            report.records.append(place.run(point, question.seeds_of(point)))
    if only is not None and not report.records:
        raise Misdeclared(f"no point of {loss} is called {only!r}")
    if implementation.expected_failures:
        report.unmatched = unmatched(implementation, (point.id for point in question.points()))
    return report


def points(
    loss: str, implementation: Implementation, cases: Path | None = None, only: str | None = None,
    depth: str = "default",
) -> Iterator[Point]:  # fmt: skip
    """The points of a loss's case file, by default the shipped one, or those that `only` names."""
    for scenario in load(cases or case_file(loss), served([implementation])):
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

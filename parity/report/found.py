"""What `check` found: the report of one loss, and the report of several."""

import json
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity.errors import ParityError
from parity.implementations.lacks import ABSENT, ALIKE
from parity.records.record import Record
from parity.report.remarks import granted
from parity.report.text import percent, plural
from parity.report.write import filled

SHOWN = 5
VERDICTS = ("passed", "failed", "xpassed", "error", "xfailed", "not offered")
FORMS = (".json", ".html", ".md", ".txt")
INTERRUPTED = "interrupted"


class Findings(ABC):
    """What the report of one loss and that of several have in common."""

    implementation: str

    @property
    @abstractmethod
    def ok(self) -> bool:
        """Whether every point that was run and is offered agrees, and at least one of each loss was compared."""

    @property
    @abstractmethod
    def failures(self) -> list[str]:
        """A text for each thing that is wrong."""

    @property
    @abstractmethod
    def head(self) -> str:
        """The verdict in a sentence."""

    @property
    @abstractmethod
    def notes(self) -> list[str]:
        """What is said beside the verdict, a line each."""

    @property
    @abstractmethod
    def planned(self) -> int:
        """The number of points that were to be run."""

    @property
    @abstractmethod
    def left(self) -> int:
        """The number of points that were not run."""

    @property
    @abstractmethod
    def reports(self) -> "list[Report]":
        """The reports of single losses."""

    @property
    def share(self) -> str:
        """How much was run, as a part of the sentence; '' for all."""
        if not self.left:
            return ""
        run = self.planned - self.left
        return f" in the {run:,} of {self.planned:,} points that were run ({percent(run, self.planned)})"

    @property
    def counts(self) -> dict[str, int]:
        """The number of points by verdict, without those that no point has."""
        found = {verdict: self.count(verdict) for verdict in VERDICTS}
        return {verdict: number for verdict, number in found.items() if number}

    def count(self, verdict: str) -> int:
        """The number of points with that verdict."""
        return sum(record.verdict == verdict for report in self.reports for record in report.records)

    def raise_for_failures(self) -> None:
        """Raise ParityError, an AssertionError, unless `ok`."""
        if not self.ok:
            raise ParityError(str(self))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, which JSON can hold."""
        return {
            "ok": self.ok, "head": self.head, "implementation": self.implementation, "counts": self.counts,
            "planned": self.planned, "left": self.left, "notes": self.notes, "failures": self.failures,
        }  # fmt: skip

    def save(self, path: Path | str) -> Path:
        """Write the report to a file, by the ending of its name: .json, .html, .md or .txt; returns its path.

        Raises ValueError with a sentence for another ending, OSError if the file cannot be written.
        """
        path = Path(path)
        if path.suffix not in FORMS:
            raise ValueError(f"{path.name} ends in {path.suffix or 'nothing'!r}, expected one of {', '.join(FORMS)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        elif path.suffix == ".txt":
            text = self._text(most=None)
        else:
            text = filled(f"found{path.suffix}", report=self, most=None)
        path.write_text(text + "\n", encoding="utf-8", errors="replace")
        return path

    def _repr_html_(self) -> str:
        return filled("found.html", report=self, most=SHOWN, part=True)

    def _text(self, most: int | None = SHOWN) -> str:
        failures = self.failures
        lines = [self.head, *(f"  {note}" for note in self.notes), *failures[:most]]
        if most is not None and len(failures) > most:
            lines.append(f"... and {len(failures) - most} more: all of them are in `failures`")
        return "\n".join(lines)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self._text()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.head}>"


@dataclass(slots=True, repr=False)
class Report(Findings):
    """What `check` found of one loss.

    `records` are those of the points that were run. `unmatched` are sentences about expected failures that match no
    point, `problem` says why nothing could be run at all, `note` is said once of the whole. `planned` is the number of
    points that were to be run; `stop` says what ended the run before its last point ('the budget of 30 s', or
    'interrupted').
    """

    loss: str
    implementation: str
    records: list[Record] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    problem: str = ""
    note: str = ""
    planned: int = 0
    stop: str = ""

    @property
    def ok(self) -> bool:
        return self._agrees and self.stop != INTERRUPTED

    @property
    def _agrees(self) -> bool:
        return not self.failures and any(record.verdict in ("passed", "xfailed") for record in self.records)

    @property
    def failures(self) -> list[str]:
        """A text for each point that fails unexpectedly, and for each expected failure that matches nothing."""
        problem = [self.problem] if self.problem else []
        return problem + [str(record) for record in self.records if record.unexpected] + self.unmatched

    @property
    def left(self) -> int:
        return max(self.planned - len(self.records), 0) if self.stop else 0

    @property
    def reports(self) -> "list[Report]":
        return [self]

    @property
    def head(self) -> str:
        counts = ", ".join(f"{number} {word}" for word, number in self.counts.items()) or "no point compared"
        wrong = self.failures and not self.problem
        verdict = "does not agree" if wrong else "agrees" if self._agrees else "was not compared"
        ended = ", interrupted," if self.stop == INTERRUPTED else ""
        reference = next((record.reference for record in self.records), "torch")
        return f"{self.loss} of {self.implementation}{ended} {verdict} with {reference}{self.share}: {counts}."

    @property
    def notes(self) -> list[str]:
        return [*self._stopped(), *filter(None, [self.note]), *self._missing(), *self._granted(), *self._remarks()]

    def _stopped(self) -> Iterator[str]:
        if self.left:
            how = "interrupted" if self.stop == INTERRUPTED else f"{self.stop} is over"
            yield f"{how}: {plural(self.left, 'point')} {'is' if self.left == 1 else 'are'} left"

    def _missing(self) -> Iterator[str]:
        reasons = _reasons([record.reason or "" for record in self.records if record.verdict == "not offered"])
        parts = {f"{what}, where it was compared" for record in self.records for what in record.not_offered}
        yield from (f"not offered: {reason}" for reason in [*sorted(reasons), *sorted(parts)])
        left = Counter(option for record in self.records for option in record.left_out)
        yield from (
            f"left out of the call on both sides: {option}, at {plural(n, 'point')}" for option, n in left.items()
        )

    def _granted(self) -> Iterator[str]:
        for row in granted(self.records):
            if row.needed:
                yield f"differs by design, at {row.needed:,} of {plural(row.points, 'point')}: {row.what}"
            else:
                yield f"declared to differ, yet no point needs it: {row.what}"

    def _remarks(self) -> Iterator[str]:
        compiled = [record.compiled for record in self.records if record.compiled is not None]
        if compiled:
            yield f"note: {sum(compiled)} of {len(compiled)} points ran compiled code"
        refused = Counter(one.reference for one in self.records if one.raises and one.reference != "torch")
        yield from (f"note: {name} refuses {plural(n, 'call')}, which must be refused" for name, n in refused.items())
        yield from (f"note: {note}" for note in dict.fromkeys(note for record in self.records for note in record.notes))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, which JSON can hold."""
        records = [_plain(record.as_data()) for record in self.records]
        more = {"loss": self.loss, "problem": self.problem, "stop": self.stop, "records": records}
        return {**Findings.to_dict(self), **more}


def _reasons(reasons: list[str]) -> set[str]:
    """Why points were not offered: what the signature says is left out, and calls that are made already are counted."""
    alike = sum(reason.endswith(ALIKE) for reason in reasons)
    others = {reason for reason in reasons if not reason.endswith((ALIKE, ABSENT))}
    return others | (
        {f"{plural(alike, 'point')}: without what is lacking another makes the same call"} if alike else set()
    )


def _plain(value: Any) -> Any:
    """Data without what JSON has no number for: those are texts, 'inf' and 'nan'."""
    if isinstance(value, dict):
        return {name: _plain(inside) for name, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inside) for inside in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(slots=True, repr=False)
class Reports(Findings):
    """What `check` found of several losses: the report of each is in `reports`, and by its name, `report["kl_div"]`."""

    implementation: str
    reports: list[Report] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

    def __getitem__(self, loss: str) -> Report:
        return {report.loss: report for report in self.reports}[loss]

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    @property
    def loss(self) -> str:
        return ", ".join(report.loss for report in self.reports)

    @property
    def records(self) -> list[Record]:
        return [record for report in self.reports for record in report.records]

    @property
    def ok(self) -> bool:
        return bool(self.reports) and not self.unmatched and all(report.ok for report in self.reports)

    @property
    def failures(self) -> list[str]:
        """A text for each thing that is wrong, loss after loss."""
        return [failure for report in self.reports for failure in report.failures] + self.unmatched

    @property
    def planned(self) -> int:
        return sum(report.planned for report in self.reports)

    @property
    def left(self) -> int:
        return sum(report.left for report in self.reports)

    @property
    def head(self) -> str:
        counts = ", ".join(f"{number} {word}" for word, number in self.counts.items()) or "no point compared"
        agreeing = sum(report.ok for report in self.reports)
        verdict = "agrees" if self.ok else "does not agree" if self.failures else "was not compared in all"
        scope = plural(len(self.reports), "loss", "losses")
        if not self.ok:
            scope = f"{agreeing} of {scope} agree"
        return f"{self.implementation} {verdict} with torch{self.share}: {scope}, {counts}."

    @property
    def notes(self) -> list[str]:
        return [line for report in self.reports for line in (report.head, *(f"  {note}" for note in report.notes))]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, which JSON can hold."""
        return {**Findings.to_dict(self), "reports": [report.to_dict() for report in self.reports]}

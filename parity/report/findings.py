"""What the report of one loss and that of several have in common: the counts, the causes, the forms it is saved in."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.causes.cause import Cause
from parity.causes.group import causes as causes_of
from parity.causes.known import Baseline, Unusable, write_baseline
from parity.causes.text import told
from parity.errors import ParityError
from parity.records.record import AGREES, Record
from parity.report.text import percent
from parity.report.write import filled, render

if TYPE_CHECKING:
    from parity.causes.shrink import Live
    from parity.report.found import Report

VERDICTS = (*AGREES, "failed", "xpassed", "error", "xfailed", "not offered", "not in torch", "finding")
FORMS = (".json", ".html", ".md", ".txt")


class Findings(ABC):
    """What the report of one loss and that of several have in common."""

    implementation: str
    unmatched: list[str]

    @property
    @abstractmethod
    def records(self) -> list[Record]:
        """Those of the points that were run."""

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
    def reports(self) -> "Sequence[Report]":
        """The report of each loss."""

    @property
    @abstractmethod
    def part(self) -> bool:
        """Whether only some of the points there are were asked for."""

    @property
    @abstractmethod
    def several(self) -> bool:
        """Whether losses are named in the sentences of causes."""

    @property
    @abstractmethod
    def others(self) -> list[str]:
        """What is wrong without being a point: nothing could be run, an expected failure matches no point."""

    @property
    def causes(self) -> list[Cause]:
        """What is wrong, each cause once: its sentence, facts, points, smallest example and exceptions."""
        return [replace(cause, live=self._live(cause)) for cause in causes_of(self.records)]

    @abstractmethod
    def _live(self, cause: Cause) -> "Live | None":
        """What the points of a cause can be asked of again, if that is here."""

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
        return sum(record.verdict == verdict for record in self.records)

    def raise_for_failures(self) -> None:
        """Raise ParityError, an AssertionError, unless `ok`."""
        if not self.ok:
            raise ParityError(str(self))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, which JSON can hold."""
        return {
            "ok": self.ok, "head": self.head, "implementation": self.implementation, "counts": self.counts,
            "planned": self.planned, "left": self.left, "notes": self.notes, "failures": self.failures,
            "causes": [cause.as_data() for cause in self.causes],
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
            text = "\n".join([str(self), *self.failures])
        else:
            text = self._page() if path.suffix == ".html" else filled("found.md", report=self)
        path.write_text(text + "\n", encoding="utf-8", errors="replace")
        return path

    def _page(self) -> str:
        """The page of a run of pytest, with this verdict and these causes."""
        from parity.records.header import header
        from parity.records.read import Results
        from parity.report.again import asked_again
        from parity.report.headline import Headline
        from parity.report.tables import tables

        run = header([self.implementation], None, 0, "default", self.planned, None)
        causes = self.causes
        state = "agrees" if self.ok else "leaves" if self.failures else "unsure"
        found = replace(
            tables(Results(run, self.records, None, [])), headline=Headline(state, self.head, self.others),
            said=self.notes, causes=causes, smaller=asked_again(causes, {}),
        )  # fmt: skip
        return render("parity.html", found)

    def write_baseline(self, path: Path | str) -> str:
        """Write what fails to a file of known failures, its reasons to be filled in; returns a sentence.

        Raises Unusable, a ValueError, with a sentence if the file cannot be written or not all points were run.
        """
        if self.part or self.left:
            raise Unusable("a baseline says what all points of a loss do, and only some of them were run")
        return write_baseline(Path(path), self.records)

    def _repr_html_(self) -> str:
        return filled("found.html", report=self)

    @property
    def told(self) -> list[str]:
        """The causes in words, a line or more each."""
        return told(self.causes, self.several)

    @property
    def lines(self) -> list[str]:
        """What a person reads first: the verdict, what is said beside it, and the causes."""
        notes = [f"  {note}" for note in self.notes]
        return [self.head, *notes, *self.others, *self.told]

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.head}>"


def gone(known: Baseline, found: Findings) -> list[str]:
    """A sentence for each known failure at points that there are no more, if all points were run."""
    if found.part or found.left:
        return []
    there = {(report.implementation, report.loss): {record.id for record in report.records}
             for report in found.reports if not report.problem}  # fmt: skip
    return list(known.gone(there))

"""What `check` found: the report of one loss, and the report of several."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.causes.cause import Cause
from parity.causes.group import MANY, causes
from parity.implementations.lacks import ABSENT, ALIKE
from parity.records.record import AGREES, Record
from parity.report.findings import Findings
from parity.report.remarks import granted
from parity.report.text import plural

if TYPE_CHECKING:
    from parity.causes.shrink import Live

OFFERS = " does not offer "
# What ends a run before its last point, besides a budget.
INTERRUPTED, FAILED, SMOKE = "interrupted", "stopped at the first failure", "depth smoke"


@dataclass(slots=True, repr=False)
class Report(Findings):
    """What `check` found of one loss.

    `records` are those of the points that were run. `unmatched` are sentences about expected failures that match no
    point, `problem` says why nothing could be run at all, `note` is said once of the whole. `planned` is the number of
    points that were to be run; `stop` says what ended the run before its last point ('the budget of 30 s', or
    'interrupted', 'stopped at the first failure', 'depth smoke').
    """

    loss: str
    implementation: str
    records: list[Record] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    problem: str = ""
    note: str = ""
    planned: int = 0
    stop: str = ""
    part: bool = False
    live: "Live | None" = field(default=None, compare=False)

    def _live(self, cause: Cause) -> "Live | None":
        return self.live

    @property
    def ok(self) -> bool:
        return self._agrees and self.stop != INTERRUPTED

    @property
    def _agrees(self) -> bool:
        return not self.failures and any(record.verdict in (*AGREES, "xfailed") for record in self.records)

    @property
    def failures(self) -> list[str]:
        """A text for each point that fails unexpectedly, and for each expected failure that matches nothing."""
        return [str(record) for record in self.records if record.unexpected] + self.others

    @property
    def left(self) -> int:
        return max(self.planned - len(self.records), 0) if self.stop else 0

    @property
    def reports(self) -> "list[Report]":
        """Itself, as that of several losses has theirs."""
        return [self]

    @property
    def several(self) -> bool:
        return False

    @property
    def others(self) -> list[str]:
        return [*filter(None, [self.problem]), *self.unmatched]

    @property
    def head(self) -> str:
        counts = ", ".join(f"{number} {word}" for word, number in self.counts.items()) or "no point compared"
        everywhere = self.everywhere  # asked once: it groups all that fails
        wrong = self.failures and not self.problem and not everywhere
        verdict = "does not agree" if wrong else "agrees" if self._agrees else "was not compared"
        ended = ", interrupted," if self.stop == INTERRUPTED else ""
        reference = next((record.reference for record in self.records), "torch")
        because = ": nearly every point fails in one way, so look at the set-up first" * everywhere
        return f"{self.loss} of {self.implementation}{ended} {verdict} with {reference}{self.share}{because}: {counts}."

    @property
    def everywhere(self) -> bool:
        """Whether hardly a point gets past the same exception."""
        return self.count("failed") >= MANY and any(cause.everywhere for cause in causes(self.records))

    @property
    def notes(self) -> list[str]:
        return [
            *self._stopped(), *filter(None, [self.note]), *self._missing(), *self._of_torch(), *self._granted(),
            *self._remarks(),
        ]  # fmt: skip

    def _stopped(self) -> Iterator[str]:
        if self.left:
            how = self.stop if self.stop in (INTERRUPTED, FAILED, SMOKE) else f"{self.stop} is over"
            yield f"{how}: {plural(self.left, 'point')} {'is' if self.left == 1 else 'are'} left"

    def _missing(self) -> Iterator[str]:
        reasons = _reasons([record.reason or "" for record in self.records if record.verdict == "not offered"])
        parts = Counter(
            what for one in self.records if one.verdict != "not offered" for what in dict.fromkeys(one.not_offered)
        )
        yield from (f"not offered: {reason}" for reason in sorted(reasons))
        yield from (
            f"not offered: {what}, of {plural(n, 'point')} compared in the rest" for what, n in sorted(parts.items())
        )
        left = Counter(option for record in self.records for option in record.left_out)
        yield from (
            f"left out of the call on both sides: {option}, at {plural(n, 'point')}" for option, n in left.items()
        )

    def _of_torch(self) -> Iterator[str]:
        """What this torch lacks, or answers otherwise than those that the cases were made on, with its points."""
        verdicts = ("not in torch", "finding")
        found = Counter(record.reason or "" for record in self.records if record.verdict in verdicts)
        yield from (f"{reason} ({plural(count, 'point')})" for reason, count in sorted(found.items()))

    def _granted(self) -> Iterator[str]:
        for row in granted(self.records):
            if row.needed:
                yield f"differs by design, at {row.needed:,} of {plural(row.points, 'point')}: {row.what}"
            else:
                yield f"declared to differ, yet no point needs it: {row.what}"

    def _remarks(self) -> Iterator[str]:
        from parity.references.versions import unknown

        other = unknown() if self.records else None
        if other:
            yield f"note: {other}"
        compiled = [record.compiled for record in self.records if record.compiled is not None]
        if compiled:
            yield f"note: {sum(compiled)} of {len(compiled)} points ran compiled code"
        refused = Counter(one.reference for one in self.records if one.raises and one.reference != "torch")
        yield from (f"note: {name} refuses {plural(n, 'call')}, which must be refused" for name, n in refused.items())
        noted = Counter(note for record in self.records for note in dict.fromkeys(record.notes))
        yield from (f"note: {note} (at {plural(count, 'point')})" for note, count in noted.items())

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, which JSON can hold."""
        records = [_plain(record.as_data()) for record in self.records]
        more = {"loss": self.loss, "problem": self.problem, "stop": self.stop, "records": records}
        return {**Findings.to_dict(self), **more}


def _reasons(reasons: list[str]) -> set[str]:
    """Why points were not offered: what the signature says is left out, and calls that are made already are counted."""
    alike = sum(reason.endswith(ALIKE) for reason in reasons)
    alike_why: dict[tuple[str, str], list[str]] = {}
    for reason in sorted({reason for reason in reasons if not reason.endswith((ALIKE, ABSENT))}):
        what, _, why = reason.partition(": ")
        who, _, word = what.rpartition(OFFERS)
        alike_why.setdefault((who, why), []).append(word)
    others = {
        f"{who}{OFFERS if who else ''}{', '.join(words)}{f': {why}' if why else ''}"
        for (who, why), words in alike_why.items()
    }
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

    def _live(self, cause: Cause) -> "Live | None":
        return self[cause.example.loss].live

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
    def several(self) -> bool:
        return True

    @property
    def others(self) -> list[str]:
        losses: dict[str, list[str]] = {}
        for report in self.reports:
            for text in report.others:
                losses.setdefault(text, []).append(report.loss)
        return [f"{', '.join(of)}: {text}" for text, of in losses.items()] + self.unmatched

    @property
    def part(self) -> bool:
        return any(report.part for report in self.reports)

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

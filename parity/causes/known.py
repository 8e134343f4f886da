"""A baseline: the failures of a library that are known, by cause, facts and points, each with its reason. Strict both
ways: what is known must come, with the same signs and at the same points, and nothing else may.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationError

from parity.cases.errors import CaseError
from parity.cases.reader import BYTES, Problem, read
from parity.cases.sentences import sentences
from parity.cases.specs import Strict
from parity.causes.cause import Cause
from parity.causes.group import causes
from parity.causes.sign import Sign, sign_of
from parity.plain import visible
from parity.records.mismatch import Kind, Mismatch, Subject
from parity.records.record import AGREES, Record
from parity.wording import plural

_HEAD = """\
# Known failures. Each needs its reason, and must come at exactly these points: one more is a failure, and one less.
# `parity check ... --baseline FILE` and `pytest --parity-baseline FILE` honour them.
"""


class Unusable(ValueError):
    """A baseline that cannot be read or written; the message is a sentence a line."""


class Known(Strict):
    """A cause that is known: what is observed, where, and at which points; `points` maps scenarios to their choices."""

    cause: str
    where: str = ""
    implementation: str
    reason: str
    signs: list[str] = Field(min_length=1)
    points: dict[str, list[str]] = Field(min_length=1)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of its points."""
        return frozenset(f"{scenario}/{choice}" for scenario, choices in self.points.items() for choice in choices)

    @property
    def losses(self) -> frozenset[str]:
        return frozenset(scenario.partition("/")[0] for scenario in self.points)

    @property
    def title(self) -> str:
        """The cause with its facts, as a person knows it."""
        return f"{self.cause} with {self.where}" if self.where else self.cause


class File(Strict):
    """The file."""

    known: list[Known]


@dataclass
class Baseline:
    """What is known of some implementations. `judge` holds each record against it."""

    known: list[Known] = field(default_factory=list)

    @cached_property
    def _at(self) -> Mapping[tuple[str, str], list[Known]]:
        at: dict[tuple[str, str], list[Known]] = defaultdict(list)
        for one in self.known:
            for id in one.ids:
                at[one.implementation, id].append(one)
        return at

    def judge(self, record: Record) -> None:
        """Give the record the verdict that it has beside what is known: a known failure is an expected one."""
        entries = self._at.get((record.implementation, record.id), [])
        failed = bool(record.mismatches) and record.verdict in ("failed", "error", "xfailed")
        if failed:
            text = _text(sign_of(record)[0])
            entry = next((one for one in entries if text in one.signs), None)
            if entry is not None:
                record.verdict, record.reason = "xfailed", entry.reason
            elif entries:
                record.notes.append(f"known to fail in another way: {entries[0].title}")
            else:
                elsewhere = next((one for one in self.known if _alike(one, record, text)), None)
                record.notes += [f"a known failure, at another point: {elsewhere.title}"] if elsewhere else []
        elif entries and record.verdict in AGREES:
            record.verdict, record.reason = "xpassed", f"{entries[0].title} ({entries[0].reason})"
        elif entries and record.verdict == "not offered":
            said = f"the known failure does not come, as the point is not offered ({record.reason}): {entries[0].title}"
            record.verdict = "error"
            record.mismatches = [Mismatch(Subject.CASE, Kind.FILE, figures={"text": said})]

    def gone(self, there: Mapping[tuple[str, str], Collection[str]]) -> Iterator[str]:
        """A sentence for each known failure at points that no run has any more.

        `there` has the ids of all points there are, by implementation and loss; others were not asked for.
        """
        for one in self.known:
            of_loss = {loss: there.get((one.implementation, loss)) for loss in one.losses}
            missing = [id for id in sorted(one.ids) if (ids := of_loss[id.partition("/")[0]]) and id not in ids]
            if missing:
                more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
                yield f"the known failure {one.title!r} of {one.implementation} is at a point that is gone: " \
                      f"{missing[0]}{more}; write the baseline anew"  # fmt: skip


def read_baseline(path: Path) -> Baseline:
    """What the file says. Raises Unusable with sentences if it is no baseline, or a reason is not filled in."""
    if not path.exists():
        raise Unusable(f"{visible(str(path))} is not there; --write-baseline writes it, its reasons to be filled in")
    try:
        document = read(path)
        try:
            file = File.model_validate(document.data)
        except ValidationError as error:
            raise document.error(sentences(error, document.data)) from None
        empty = [
            Problem(("known", number, "reason"), f"the reason is empty: say why this is known ({one.title})")
            for number, one in enumerate(file.known) if not one.reason.strip()
        ]  # fmt: skip
        if empty:
            raise document.error(empty)
    except CaseError as error:
        raise Unusable(str(error)) from None
    return Baseline(file.known)


def write_baseline(path: Path, records: Iterable[Record]) -> str:
    """Write down the causes of the records that fail; returns a sentence. Raises Unusable if that cannot be.

    Reasons that the file has already are kept, of causes that are observed alike. An expected failure that passes is
    none of them: it is declared, and taken back there.
    """
    reasons = _reasons(path)
    entries = []
    for cause in causes(record for record in records if record.verdict != "xpassed"):
        signs = sorted({_text(one.sign) for one in cause.seen})
        entry = Known(
            cause=visible(cause.observed), where=cause.where, implementation=cause.implementation, reason="",
            signs=signs, points=_by_scenario(cause),
        )  # fmt: skip
        kept = next((one.reason for one in reasons if _same(one, entry)), "")
        entries.append(entry.model_copy(update={"reason": kept}))
    text = _HEAD + ("known:\n" + "".join(map(_written, entries)) if entries else "known: []\n")
    if len(text.encode()) > BYTES:
        raise Unusable(
            f"the known failures take {len(text):,} bytes, expected at most {BYTES:,}: write those of fewer losses"
        )
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Unusable(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from None
    empty = sum(not entry.reason for entry in entries)
    fill = f": fill in the reason of {'each' if empty == len(entries) else f'{empty:,} of them'}" if empty else ""
    return f"wrote {plural(len(entries), 'known failure')} to {path}{fill}"


def _reasons(path: Path) -> list[Known]:
    """The entries of the file that is to be written anew, with the reasons of people."""
    if not path.exists():
        return []
    try:
        return File.model_validate(read(path).data).known
    except (CaseError, ValidationError):
        raise Unusable(f"{visible(str(path))} is there and is no baseline: name another file") from None


def _same(one: Known, other: Known) -> bool:
    alike = one.implementation == other.implementation and one.losses == other.losses
    return alike and not set(one.signs).isdisjoint(other.signs) and (one.where == other.where or one.ids == other.ids)


def _alike(entry: Known, record: Record, text: str) -> bool:
    return entry.implementation == record.implementation and record.loss in entry.losses and text in entry.signs


def _text(sign: Sign) -> str:
    """A sign as the file has it."""
    return visible(f"{sign.family.name.lower().replace('_', ' ')}: {sign.key}")


def _by_scenario(cause: Cause) -> dict[str, list[str]]:
    points: dict[str, list[str]] = defaultdict(list)
    for id in sorted(record.id for record in cause.points):
        scenario, _, choice = id.rpartition("/")
        points[scenario].append(choice)
    return dict(points)


def _written(entry: Known) -> str:
    """An entry as YAML; a text in JSON's quotes is one in YAML's."""
    words = ("cause", "where", "implementation", "reason", "signs")
    lines = [*(f"{word}: {_quoted(getattr(entry, word))}" for word in words), "points:"]
    lines += [f"  {_quoted(scenario)}: {_quoted(choices)}" for scenario, choices in entry.points.items()]
    return "  - " + "\n    ".join(lines) + "\n"


def _quoted(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Records -> the tables about single kinds of points: examples, expected failures, findings, closeness."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from parity.records.mismatch import Nearer
from parity.records.record import Record
from parity.records.sentences import sentence
from parity.report.headline import compared, seeds_run

# Upper ends of the classes of error, as shares of the allowance; beyond the last one a value leaves parity.
CLASSES = (0.0, 0.01, 0.1, 0.5, 1.0)


@dataclass(slots=True)
class Example:
    """A worked example: the article's figure, torch's answer, and each implementation's."""

    source: str
    loss: str
    scenario: str
    point: str
    published: Any
    torch: Any
    note: str | None
    answers: dict[str, Any] = field(default_factory=dict)
    agrees: bool = True


@dataclass(frozen=True, slots=True)
class ExpectedFailures:
    """Points of one loss that fail for one reason; `sentence` tells the first mismatch."""

    implementation: str
    loss: str
    reason: str
    points: int
    scenarios: list[str]
    sentence: str


@dataclass(frozen=True, slots=True)
class NotOffered:
    """What an implementation does not offer: whole points, or a part of points that were compared otherwise."""

    implementation: str
    what: str
    whole: bool
    points: int
    losses: list[str]


@dataclass(frozen=True, slots=True)
class Granted:
    """What an implementation does otherwise by design: `needed` at so many of the `points` compared."""

    implementation: str
    what: str
    needed: int
    points: int
    losses: list[str]


@dataclass(frozen=True, slots=True)
class Declared:
    """A finding that a case declares: torch has no defined answer; `held` of `points` return the case's own."""

    loss: str
    scenario: str
    torch: str
    output: Any
    implementation: str
    held: int
    points: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A mismatch in which torch is the farther from the exact answer."""

    loss: str
    scenario: str
    what: str
    points: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Note:
    """A fact told beside the verdict: of how many points, and of which first."""

    implementation: str
    note: str
    points: int
    first: str


@dataclass(frozen=True, slots=True)
class Closeness:
    """The errors of an implementation in one dtype: how many answers by class, how many draws needed leniency."""

    implementation: str
    dtype: str
    draws: int
    lenient: int
    answers: list[int]


def examples(records: Iterable[Record]) -> list[Example]:
    """The points with a published figure, all implementations in one row."""
    rows: dict[tuple[str, str], Example] = {}
    for record in records:
        shown = record.published
        if shown is None:
            continue
        row = rows.setdefault(
            (record.path, record.id),
            Example(
                record.source or "", record.loss, record.scenario, record.id.rpartition("/")[2],
                shown.get("figure"), shown.get("torch"), shown.get("note"),
            ),
        )  # fmt: skip
        row.answers[record.implementation] = shown.get("ours")
        row.agrees &= not record.mismatches
    return sorted(rows.values(), key=lambda row: row.source)


def expected_failures(records: Iterable[Record]) -> list[ExpectedFailures]:
    """The expected failures by implementation, loss and reason."""
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.verdict == "xfailed":
            groups[record.implementation, record.loss, record.reason or ""].append(record)
    return [
        ExpectedFailures(
            *key, len(some), list(dict.fromkeys(record.scenario for record in some)),
            next((sentence(mismatch, record.reference) for record in some for mismatch in record.mismatches), ""),
        )
        for key, some in sorted(groups.items())
    ]  # fmt: skip


def not_offered(records: Iterable[Record]) -> list[NotOffered]:
    """What is not offered, whole points first."""
    points: Counter[tuple[str, bool, str]] = Counter()
    losses: dict[tuple[str, bool, str], dict[str, None]] = defaultdict(dict)
    for record in records:
        found = [(True, record.reason or "")] if record.verdict == "not offered" else []
        found += [(False, what) for what in dict.fromkeys(record.not_offered)]
        found += [(False, f"{option}, left out of the call on both sides") for option in record.left_out]
        for whole, what in found:
            key = (record.implementation, not whole, what)
            points[key] += 1
            losses[key][record.loss] = None
    return [
        NotOffered(implementation, what, not part, count, list(losses[implementation, part, what]))
        for (implementation, part, what), count in sorted(points.items())
    ]


def granted(records: Iterable[Record]) -> list[Granted]:
    """What differs by design, and how often that was needed."""
    points: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in filter(compared, records):
        for what in record.granted:
            points[record.implementation, what].append(record)
    rows = []
    for (implementation, what), some in sorted(points.items()):
        needing = [record for record in some if record.granted[what]]
        losses = list(dict.fromkeys(record.loss for record in needing))
        rows.append(Granted(implementation, what, len(needing), len(some), losses))
    return rows


def declared(records: Iterable[Record]) -> list[Declared]:
    """The findings against torch that cases declare."""
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.finding is not None and record.verdict != "not offered":
            groups[record.loss, record.scenario, record.implementation].append(record)
    return [
        Declared(
            loss, scenario, str((some[0].finding or {}).get("torch")), (some[0].finding or {}).get("output"),
            implementation, sum(not record.mismatches for record in some), len(some),
        )
        for (loss, scenario, implementation), some in groups.items()
    ]  # fmt: skip


def seen(records: Iterable[Record]) -> list[Seen]:
    """The mismatches that blame torch, one row for each answer of a scenario, with the first sentence."""
    points: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], str] = {}
    for record in records:
        told = {mismatch.what: mismatch for mismatch in record.mismatches if mismatch.nearer is Nearer.OURS}
        for what, mismatch in told.items():
            key = (record.loss, record.scenario, what)
            points[key] += 1
            first.setdefault(key, f"{sentence(mismatch, record.reference)} ({record.implementation})")
    return [Seen(*key, count, first[key]) for key, count in points.items()]


def notes(records: Iterable[Record]) -> list[Note]:
    """The facts beside the verdicts, and how many points ran compiled."""
    points: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        ran = [] if record.compiled is None else ["ran compiled" if record.compiled else "did not run compiled"]
        for note in dict.fromkeys([*ran, *record.notes]):
            points[record.implementation, note].append(record.id)
    return [Note(*key, len(ids), ids[0]) for key, ids in sorted(points.items())]


def closeness(records: Iterable[Record], dtypes: Sequence[str]) -> list[Closeness]:
    """The distribution of the worst errors, and the draws that needed their own allowance, by dtype."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if compared(record) and record.raises is None:
            groups[record.implementation, record.dtype].append(record)
    rank = {dtype: position for position, dtype in enumerate(dtypes)}
    order = list(dict.fromkeys(implementation for implementation, _ in groups))
    rows = []
    for implementation, dtype in sorted(groups, key=lambda key: (order.index(key[0]), rank.get(key[1], len(rank)))):
        some = groups[implementation, dtype]
        answers = [0] * (len(CLASSES) + 1)
        for record in some:
            for share in record.worst.values():
                answers[bisect_left(CLASSES, share)] += 1
        draws = sum(len(seeds_run(record)) for record in some)
        rows.append(Closeness(implementation, dtype, draws, sum(record.lenient for record in some), answers))
    return rows

"""Records -> the report's tables as plain data: pure functions, no markup, no files.

Every number of the report is counted here, by one rule: a point is compared unless it is not offered, not in
this torch, or torch has no defined answer to it (a finding); it passes if its verdict is one of `AGREES`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from parity.causes.cause import Cause
from parity.causes.example import Example
from parity.causes.group import causes
from parity.dtypes import NAMES
from parity.facts.words import WORDS, listable
from parity.records.read import Results
from parity.records.record import AGREES, Record
from parity.report import remarks
from parity.report.coverage import Coverage
from parity.report.differences import Differences
from parity.report.headline import Headline, compared, headline, part_run
from parity.report.judged import Judged, bounded, judged
from parity.report.unseen import Unseen, medians, unseen

Key = TypeVar("Key", bound=Hashable)
NEAREST = 10


@dataclass(frozen=True, slots=True)
class Tally:
    """How many points pass of those compared, and how these were judged.

    `ulp` is the largest error of those that the bound of their dtype admits, in units in the last place.
    """

    passed: int
    compared: int
    expected: int
    unexpected: int
    ulp: float | None
    judged: dict[Judged, int]

    @property
    def state(self) -> str:
        return "leaves" if self.unexpected else "expected" if self.expected else "agrees" if self.compared else "none"


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A loss of one implementation; `cells` holds a tally by dtype, `first` whether the loss's rows start here."""

    loss: str
    implementation: str
    total: Tally
    cells: dict[str, Tally]
    rows: int


@dataclass(frozen=True, slots=True)
class Error:
    """The worst error of an output or gradient: as a share of its allowance, and in units in the last place."""

    share: float
    ulp: float | None
    point: str


@dataclass(frozen=True, slots=True)
class LossDetails:
    """One loss: the worst error of each answer by dtype, and its scenarios."""

    loss: str
    dtypes: list[str]
    implementations: list[str]
    answers: list[tuple[str, str, dict[str, Error]]]
    scenarios: list[tuple[str, str, dict[str, Tally]]]


@dataclass(frozen=True, slots=True)
class Since:
    """What has changed since an earlier run; `run` says in words which one that is."""

    found: Differences
    run: str


@dataclass(frozen=True, slots=True)
class Tables:
    """All that the report shows, in its order.

    `smaller` has the smallest example of a cause by its place, or a sentence that says how to get it, `pictures` what
    parity.report.pictures draws, `said` what is said beside the verdict.
    """

    headline: Headline
    dtypes: list[str]
    implementations: list[str]
    causes: list[Cause]
    matrix: list[MatrixRow]
    mismatches: dict[str, list[Record]]
    examples: list[remarks.Example]
    articles: list[tuple[str, int, dict[str, Tally]]]
    notes: list[remarks.Note]
    refusals: list[tuple[str, dict[str, Tally]]]
    facts: list[tuple[str, dict[str, Tally]]]
    expected: list[remarks.ExpectedFailures]
    not_offered: list[remarks.NotOffered]
    granted: list[remarks.Granted]
    not_in_torch: list[remarks.OfTorch]
    otherwise: list[remarks.OfTorch]
    declared: list[remarks.Declared]
    seen: list[remarks.Seen]
    closeness: list[remarks.Closeness]
    nearest: list[tuple[Record, str, Error]]
    unseen: list[Unseen]
    medians: dict[str, float]
    medians_alone: dict[str, float]
    losses: list[LossDetails]
    environment: dict[str, Any]
    records: list[Record]
    coverage: Sequence[Coverage] = field(default=())
    smaller: Mapping[int, Example | str] = field(default_factory=dict)
    since: Since | None = None
    pictures: Sequence[Any] = field(default=())
    said: Sequence[str] = field(default=())


def tables(results: Results, coverage: Sequence[Coverage] = ()) -> Tables:
    """Every table of the report."""
    named = results.header.get("implementations")
    implementations = ordered((r.implementation for r in results.records), named if isinstance(named, list) else ())
    rank = {name: position for position, name in enumerate(implementations)}
    records = sorted(results.records, key=lambda r: (r.loss, r.path, r.line, r.id, rank[r.implementation]))
    least = unseen(records)
    return Tables(
        headline=headline(records, results.exitstatus, results.problems),
        dtypes=ordered((r.dtype for r in records), NAMES),
        implementations=implementations,
        causes=causes(records),
        matrix=matrix(records),
        mismatches=grouped((r for r in records if r.unexpected), lambda r: r.loss),
        examples=remarks.examples(records),
        articles=[
            (source, len({r.scenario for r in some}), by_implementation(some))
            for source, some in grouped((r for r in records if r.source), lambda r: str(r.source)).items()
        ],
        notes=remarks.notes(records),
        refusals=[
            (kind, by_implementation(some))
            for kind, some in sorted(grouped((r for r in records if r.raises), lambda r: str(r.raises)).items())
        ],
        facts=by_fact(records),
        expected=remarks.expected_failures(records),
        not_offered=remarks.not_offered(records),
        granted=remarks.granted(records),
        not_in_torch=remarks.of_torch(records, "not in torch"),
        otherwise=remarks.of_torch(records, "finding"),
        declared=remarks.declared(records),
        seen=remarks.seen(records),
        closeness=remarks.closeness(records, NAMES),
        nearest=nearest(records),
        unseen=least,
        medians=medians([row.sizes for row in least]),
        medians_alone=medians([row.alone for row in least]),
        losses=[details(loss, some) for loss, some in grouped(records, lambda r: r.loss).items()],
        environment=results.header,
        said=part_run(results.header),
        records=records,
        coverage=coverage,
    )


def ordered(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """The names once each: those known in their order, then the others as they come."""
    found = list(dict.fromkeys(names))
    return [name for name in known if name in found] + [name for name in found if name not in known]


def grouped(records: Iterable[Record], key: Callable[[Record], Key]) -> dict[Key, list[Record]]:
    """The records by a key, in the order in which the keys come first."""
    groups: dict[Key, list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return dict(groups)


def tally(records: Iterable[Record]) -> Tally:
    """Count some records."""
    checked = [record for record in records if compared(record)]
    verdicts = [record.verdict for record in checked]
    return Tally(
        sum(verdict in AGREES for verdict in verdicts), len(checked), verdicts.count("xfailed"),
        sum(record.unexpected for record in checked), bounded(checked),
        dict(Counter(filter(None, map(judged, checked)))),
    )  # fmt: skip


def by_implementation(records: Iterable[Record]) -> dict[str, Tally]:
    return {name: tally(some) for name, some in grouped(records, lambda r: r.implementation).items()}


def by_fact(records: Sequence[Record]) -> list[tuple[str, dict[str, Tally]]]:
    """Each documented fact, and each option that is used, with the points that have it."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        for word in record.facts:
            groups[word].append(record)
    options = sorted(word for word in groups.keys() - WORDS.keys() if listable(word))
    return [(word, by_implementation(groups[word])) for word in [*WORDS, *options] if word in groups]


def matrix(records: Sequence[Record]) -> list[MatrixRow]:
    """A row for each loss and implementation, the implementations of a loss below one another."""
    rows = []
    for loss, of_loss in grouped(records, lambda r: r.loss).items():
        groups = grouped(of_loss, lambda r: r.implementation)
        for position, (implementation, some) in enumerate(groups.items()):
            cells = {dtype: tally(few) for dtype, few in grouped(some, lambda r: r.dtype).items()}
            rows.append(MatrixRow(loss, implementation, tally(some), cells, 0 if position else len(groups)))
    return rows


def details(loss: str, records: Sequence[Record]) -> LossDetails:
    """What the matrix's cells link to."""
    worst: dict[tuple[str, str], dict[str, Error]] = defaultdict(dict)
    for record in filter(compared, records):
        for answer, share in record.worst.items():
            cells = worst[record.implementation, answer]
            if record.dtype not in cells or share > cells[record.dtype].share:
                cells[record.dtype] = Error(share, record.ulp.get(answer), record.id)
    rank = {name: position for position, name in enumerate(ordered((r.implementation for r in records), ()))}
    rows = sorted(worst.items(), key=lambda row: (rank[row[0][0]], row[0][1] != "output"))
    scenarios = grouped(records, lambda r: (r.scenario, f"{r.path}:{r.line}"))
    return LossDetails(
        loss,
        ordered((dtype for _, cells in rows for dtype in cells), NAMES),
        list(rank),
        [(implementation, answer, cells) for (implementation, answer), cells in rows],
        [(name, place, by_implementation(some)) for (name, place), some in scenarios.items()],
    )


def nearest(records: Iterable[Record]) -> list[tuple[Record, str, Error]]:
    """The points that pass with the least to spare, at most one for each loss and implementation."""
    found: dict[tuple[str, str], tuple[Record, str, Error]] = {}
    for record in records:
        if record.verdict == "passed" and record.worst:
            answer, share = max(record.worst.items(), key=lambda item: item[1])
            key = (record.loss, record.implementation)
            if key not in found or share > found[key][2].share:
                found[key] = (record, answer, Error(share, record.ulp.get(answer), record.id))
    return sorted(found.values(), key=lambda row: -row[2].share)[:NEAREST]

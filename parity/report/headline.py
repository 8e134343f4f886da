"""Records -> the first line of the report: whether everything agrees, and how much was compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parity.cases.order import SMOKE
from parity.records.record import AGREES, Record
from parity.report.text import plural

# Exit statuses of pytest. The second is that of a run that was resumed when all points had their records.
INTERRUPTED, NOTHING_LEFT = 2, 5
TOLD = 3


@dataclass(frozen=True, slots=True)
class Headline:
    """`state` is 'agrees', 'leaves' (a mismatch is unexpected) or 'unsure' (something is missing).

    `missing` has a sentence for each thing that is missing; the headline's own sentence has the first ones.
    """

    state: str
    sentence: str
    missing: list[str] = field(default_factory=list)


def compared(record: Record) -> bool:
    """Whether the record's point was held against torch: what either side does not have never counts as agreement."""
    return record.verdict not in ("not offered", "not in torch", "finding") and record.finding is None


def seeds_run(record: Record) -> list[int]:
    """The seeds that were drawn: a point stops at the first one that leaves parity."""
    if record.verdict in AGREES or not record.mismatches or record.mismatches[0].seed not in record.seeds:
        return record.seeds
    return record.seeds[: record.seeds.index(record.mismatches[0].seed) + 1]


def headline(records: Sequence[Record], exitstatus: int | None, problems: Sequence[str] = ()) -> Headline:
    """The sentence that says whether everything agrees.

    `exitstatus` is pytest's, None if the run never came to its end; `problems` says what the file of records lacks.
    """
    checked = [record for record in records if compared(record)]
    points = {_point(record) for record in checked}
    scope = ", ".join([
        plural(len({(*_point(record), seed) for record in checked for seed in seeds_run(record)}), "draw"),
        plural(len({record.loss for record in checked}), "loss", "losses"),
        plural(len({record.implementation for record in checked}), "implementation"),
    ])  # fmt: skip
    scope += f"; {plural(sum(record.verdict == 'xfailed' for record in records), 'expected failure')}"
    nearer = sum(record.verdict == "nearer than torch" for record in records)
    scope += f"; {plural(nearer, 'point')} nearer to the exact answer than torch" if nearer else ""
    lacking = len({_point(record) for record in records if record.verdict == "not in torch"})
    scope += f"; {plural(lacking, 'point')} not in this torch" if lacking else ""
    others = len({_point(record) for record in records if record.verdict == "finding"})
    scope += f"; {plural(others, 'finding')} where this torch answers otherwise." if others else "."
    unexpected = any(record.unexpected for record in records)
    missing = list(filter(None, [*problems, _ending(exitstatus, unexpected)]))
    told = " ".join(missing[:TOLD]) + (f" And {len(missing) - TOLD} more, below." if len(missing) > TOLD else "")
    if unexpected:
        return Headline("leaves", f"{_leaving(records, len(points))}: {scope} {told}".rstrip(), missing)
    if not checked:
        return Headline("unsure", f"Nothing was compared with torch. {told}".rstrip(), missing)
    if missing:
        return Headline("unsure", f"{told} What was run agrees: {plural(len(points), 'point')}, {scope}", missing)
    return Headline("agrees", f"Everything agrees: {plural(len(points), 'point')}, {scope}")


def part_run(header: Mapping[str, Any]) -> list[str]:
    """A sentence for each thing by which only a part of the points was asked for, by the first line of the records."""
    smoke = header.get("depth") == "smoke"
    found = [f"Depth smoke: at most {SMOKE} points of each loss were asked for, those that see most wrong losses."]
    shard = header.get("shard")
    return found * smoke + [f"This is the part {shard} of the points."] * isinstance(shard, str)


def _point(record: Record) -> tuple[str, str]:
    return record.path, record.id


def _leaving(records: Sequence[Record], run: int) -> str:
    passing = {_point(record) for record in records if record.verdict == "xpassed"}
    leaving = {_point(record) for record in records if record.unexpected} - passing
    parts = []
    if leaving:
        of = f"{len(leaving):,} of " * (len(leaving) <= run)
        verb = "leaves" if len(leaving) == 1 else "leave"
        parts.append(f"{of}{plural(max(run, len(leaving)), 'point')} {verb} parity")
    if passing:
        how = "passes though it is" if len(passing) == 1 else "pass though they are"
        parts.append(f"{plural(len(passing), 'point')} {how} expected to fail")
    return " and ".join(parts)


def _ending(exitstatus: int | None, unexpected: bool) -> str:
    """A sentence if the run was interrupted, or something failed that is no point."""
    if exitstatus == INTERRUPTED:
        return "The run was interrupted before its end."
    if exitstatus in (None, 0, NOTHING_LEFT) or (unexpected and exitstatus == 1):
        return ""
    such = f"such as a case file that cannot be read (pytest's exit status {exitstatus})"
    return f"Something besides the points failed, {such}."

"""Records -> the first line of the report: whether everything agrees, and how much was compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from parity.records.record import Record
from parity.report.text import plural

INTERRUPTED = 2


@dataclass(frozen=True, slots=True)
class Headline:
    """`state` is 'agrees', 'leaves' (a mismatch is unexpected) or 'unsure' (not everything was run)."""

    state: str
    sentence: str


def compared(record: Record) -> bool:
    """Whether the record's point was held against torch: what is not offered never counts as agreement."""
    return record.verdict != "not offered" and record.finding is None


def seeds_run(record: Record) -> list[int]:
    """The seeds that were drawn: a point stops at the first one that leaves parity."""
    if not record.mismatches or record.mismatches[0].seed not in record.seeds:
        return record.seeds
    return record.seeds[: record.seeds.index(record.mismatches[0].seed) + 1]


def headline(records: Sequence[Record], exitstatus: int | None) -> Headline:
    """The sentence that says whether everything agrees; `exitstatus` is pytest's, None if the run was killed."""
    checked = [record for record in records if compared(record)]
    scope = ", ".join([
        plural(len({_point(record) for record in checked}), "point"),
        plural(len({(*_point(record), seed) for record in checked for seed in seeds_run(record)}), "draw"),
        plural(len({record.loss for record in checked}), "loss", "losses"),
        plural(len({record.implementation for record in checked}), "implementation"),
    ])  # fmt: skip
    scope += f"; {plural(sum(record.verdict == 'xfailed' for record in records), 'expected failure')}."
    ending = _ending(exitstatus, any(record.unexpected for record in records))
    if any(record.unexpected for record in records):
        return Headline("leaves", " ".join(filter(None, [f"{_leaving(records)}: {scope}", ending])))
    if not checked:
        return Headline("unsure", " ".join(filter(None, ["Nothing was compared with torch.", ending])))
    if ending:
        return Headline("unsure", f"{ending} What was run agrees: {scope}")
    return Headline("agrees", f"Everything agrees: {scope}")


def _point(record: Record) -> tuple[str, str]:
    return record.path, record.id


def _leaving(records: Sequence[Record]) -> str:
    passing = {_point(record) for record in records if record.verdict == "xpassed"}
    leaving = {_point(record) for record in records if record.unexpected} - passing
    said = []
    if leaving:
        said.append(f"{plural(len(leaving), 'point')} {'leaves' if len(leaving) == 1 else 'leave'} parity")
    if passing:
        how = "passes though it is" if len(passing) == 1 else "pass though they are"
        said.append(f"{plural(len(passing), 'point')} {how} expected to fail")
    return " and ".join(said)


def _ending(exitstatus: int | None, unexpected: bool) -> str:
    """A sentence if the run did not come to its end, or something failed that is no point."""
    if exitstatus is None:
        return "The run was cut short before its end."
    if exitstatus == INTERRUPTED:
        return "The run was interrupted before its end."
    if exitstatus and not (unexpected and exitstatus == 1):
        such = f"such as a case file that cannot be read (pytest's exit status {exitstatus})"
        return f"Something besides the points failed, {such}."
    return ""

"""Reads a file of records back, whatever became of it: what is whole is kept, what is missing is told."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from parity.plain import visible
from parity.records.header import Header
from parity.records.lines import Damaged, unsealed
from parity.records.record import Record


@dataclass(frozen=True, slots=True)
class End:
    """The shape of the last line: pytest's exit status, and how many points came to each verdict."""

    exitstatus: int
    counts: dict[str, int]


class Results(NamedTuple):
    """What a file of records holds, and in `problems` a sentence for each thing that it should hold and does not.

    `header` is empty if the first line is not there, `end` None if the run never came to its end. Without
    problems every planned point has one record, and each record says what it is.
    """

    header: dict[str, Any]
    records: list[Record]
    end: dict[str, Any] | None
    problems: list[str]

    @property
    def exitstatus(self) -> int | None:
        return None if self.end is None else self.end["exitstatus"]


def read_records(path: Path) -> Results:
    """The contents of a file of records. Never raises: what cannot be read is told in `problems`."""
    name = visible(str(path))
    try:
        if path.exists() and not path.is_file():
            return Results({}, [], None, [f"{name} is no regular file."])
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        return Results({}, [], None, [f"{name} cannot be read: {error.strerror}."])
    except ValueError as error:  # a NUL or a lone surrogate in the path
        return Results({}, [], None, [f"{name} cannot be read: {visible(str(error))}."])
    reading = _Reading(name)
    for number, line in enumerate(lines, start=1):
        if line:
            reading.take(number, line)
    return Results(reading.header, list(reading.records.values()), reading.end, list(reading.problems()))


def done(results: Results) -> dict[tuple[str, str], Record]:
    """The records by (id, implementation): `--parity-resume` runs the points that have none."""
    return {(record.id, record.implementation): record for record in results.records}


@cache
def _schema(shape: type) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


@dataclass(slots=True)
class _Reading:
    """The lines of one file as they come, and what is wrong with them."""

    name: str
    header: dict[str, Any] = field(default_factory=dict)
    records: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    end: dict[str, Any] | None = None
    first: str = ""
    lines: int = 0
    resumed: bool = False
    damaged: list[str] = field(default_factory=list)
    foreign: list[int] = field(default_factory=list)
    repeated: list[Record] = field(default_factory=list)
    after_end: list[int] = field(default_factory=list)

    def take(self, number: int, line: bytes) -> None:
        self.lines += 1
        try:
            content = unsealed(line)
            kind = content.get("kind")
            if kind == "run":
                self._begin(number, content)
            elif content.get("run") != (self.header or content).get("run"):
                self.foreign.append(number)
            elif kind == "point":
                self._keep(number, record_of(content))
            elif kind == "resume":
                # what was damaged or missing until here is run again
                self.resumed, self.end, self.damaged, self.after_end = True, None, [], []
            elif kind == "end":
                end = asdict(_schema(End).validate_python(content))
                if self.end is not None:
                    self.after_end.append(number)
                self.end = end
            else:
                raise Damaged(f"is of no known kind ({str(kind)[:40]!r})")
        except Damaged as error:
            self.damaged.append(f"line {number} {error}")
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in wrong["loc"])
            self.damaged.append(f"line {number} is no record of parity's: {place}: {wrong['msg']}")

    def _begin(self, number: int, content: dict[str, Any]) -> None:
        header = asdict(_schema(Header).validate_python(content))
        if self.header:
            self.foreign.append(number)
        elif self.lines > 1:
            self.first = f"The line about the run is line {number} of {self.name}, not its first."
        self.header = self.header or header

    def _keep(self, number: int, record: Record) -> None:
        if self.end is not None:
            self.after_end.append(number)
        key = (record.path, record.id, record.implementation)
        if key in self.records:
            self.repeated.append(record)
        if key not in self.records or record.unexpected:
            self.records[key] = record

    def problems(self) -> Iterable[str]:
        """A sentence for each thing that makes it unsure whether the file tells all of its run."""
        records = list(self.records.values())
        if not self.lines:
            yield f"{self.name} is empty."
            return
        if not self.header:
            yield f"{self.name} does not begin with the line about its run: how many points it should hold is unknown."
        elif self.first:
            yield self.first
        if self.end is None:
            yield "The run was cut short before its end."
        if self.damaged:
            was = "1 line is damaged" if len(self.damaged) == 1 else f"{len(self.damaged)} lines are damaged, the first"
            yield visible(f"{was}: {self.damaged[0]}.")
        if self.foreign:
            yield f"{_lines(self.foreign)} of another run."
        if self.after_end:
            yield f"{_lines(self.after_end)} written after the run's end."
        yield from self._planned(len(records))
        yield from _told(self.repeated, "is recorded twice", "are recorded twice")
        yield from _doubtful(records)
        yield from self._contradictions(records)

    def _planned(self, held: int) -> Iterable[str]:
        planned = self.header.get("planned")
        if planned is None:
            if self.header:
                yield "The run did not say how many points it planned."
        elif held < planned:
            yield f"{planned - held:,} of {planned:,} planned points have no record."
        elif held > planned:
            yield f"There are records of {held:,} points, though {planned:,} were planned."

    def _contradictions(self, records: list[Record]) -> Iterable[str]:
        if self.end is None:
            return
        counted, found = self.end["counts"], dict(Counter(record.verdict for record in records))
        if {verdict: count for verdict, count in counted.items() if count} != found:
            yield visible(f"The last line counts {_counts(counted)}; there are records of {_counts(found)}.")
        unexpected = [record for record in records if record.unexpected]
        if unexpected and self.end["exitstatus"] == 0 and not self.resumed:
            yield "The last line says that all went well, and the records do not."


def _doubtful(records: list[Record]) -> Iterable[str]:
    """Records whose verdict does not follow from the rest of them."""
    good = [record for record in records if record.verdict in ("passed", "xfailed")]
    passed = [record for record in good if record.verdict == "passed"]
    mismatched = [record for record in passed if record.mismatches]
    yield from _told(mismatched, "is recorded as passed and names a mismatch", "are recorded as passed and name one")
    excused = [record for record in good if record.verdict == "xfailed" and not record.mismatches]
    yield from _told(excused, "is recorded as an expected failure and names no mismatch", "are so and name none")
    undrawn = [record for record in good if not record.seeds]
    yield from _told(undrawn, "is recorded without a draw", "are recorded without a draw")
    uncompared = [record for record in passed if record.seeds and record.compared < 1 and record.finding is None]
    yield from _told(uncompared, "passed and nothing of it was compared", "passed and nothing of them was compared")


def _told(records: list[Record], one: str, many: str) -> Iterable[str]:
    """A sentence about some records that names the first."""
    if records:
        first = visible(f"{records[0].id} ({records[0].implementation})")
        what = f"1 point {one}" if len(records) == 1 else f"{len(records):,} points {many}, the first"
        yield f"{what}: {first}."


def _lines(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"Line {numbers[0]} is"
    return f"{len(numbers):,} lines, the first of them line {numbers[0]}, are"


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(counts.items()) if count) or "none"


def record_of(content: dict[str, Any]) -> Record:
    """The record that its plain data describe. Raises ValidationError or Damaged, which are ValueErrors, if none.

    A mismatch whose figures are not those that its sentence needs is damage too.
    """
    record: Record = _schema(Record).validate_python(content)
    try:
        str(record)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(f"has a mismatch that cannot be put into words ({type(error).__name__})") from None
    return record

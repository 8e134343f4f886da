"""What was observed of one point, and the file of records: JSON lines, written as points finish."""

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import TypeAdapter, ValidationError

from parity.records.mismatch import Mismatch
from parity.records.sentences import sentence

Verdict: TypeAlias = Literal["passed", "failed", "xfailed", "xpassed", "not offered", "error"]
UNEXPECTED = ("failed", "xpassed", "error")


@dataclass(slots=True)
class Record:
    """One point, one implementation, all its seeds.

    `worst` maps 'output' and each gradient's argument to the largest error as a share of its allowance, `ulp`
    the same error in steps of the dtype. `lenient` counts the draws that needed an allowance of their own,
    `compared` the answers that were held against the reference's. `compiled` says whether torch.compile's code ran,
    `notes` are told beside the verdict. `not_offered` names what was not compared because the implementation does
    not offer it.
    """

    id: str
    loss: str
    scenario: str
    path: str
    line: int
    dtype: str
    implementation: str
    choice: dict[str, str]
    verdict: Verdict = "passed"
    reason: str | None = None
    seeds: list[int] = field(default_factory=list)
    worst: dict[str, float] = field(default_factory=dict)
    ulp: dict[str, float] = field(default_factory=dict)
    lenient: int = 0
    compared: int = 0
    compiled: bool | None = None
    notes: list[str] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    raises: str | None = None
    source: str | None = None
    published: dict[str, Any] | None = None
    finding: dict[str, Any] | None = None
    repeat: str = ""

    @property
    def unexpected(self) -> bool:
        return self.verdict in UNEXPECTED

    def note(self, what: str, share: float, ulps: float) -> None:
        """Keep the worst error seen of an output or a gradient."""
        if share >= self.worst.get(what, 0.0):
            self.worst[what] = share
            self.ulp[what] = ulps

    def __str__(self) -> str:
        """The verdict as a person reads it."""
        head = f"{self.id} ({self.implementation})"
        if self.verdict == "xpassed":
            return f"{head} passes, though it is expected to fail: {self.reason}"
        lines = [f"{head} leaves parity:" if self.mismatches else f"{head}: {self.verdict}"]
        if self.verdict in ("xfailed", "not offered") and self.reason:
            lines.append(f"  {self.verdict}: {self.reason}")
        for mismatch in self.mismatches:
            seed = f" (seed {mismatch.seed})" if mismatch.seed is not None else ""
            lines.append(f"  - {sentence(mismatch)}{seed}")
        if self.mismatches:
            lines.append(f"  {self.path}:{self.line}")
            if self.repeat:
                lines.append(f"  repeat: {self.repeat}")
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def as_json(self) -> str:
        return json.dumps({"kind": "point", **asdict(self)})


@cache
def _schema() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


def append(path: Path, line: str) -> None:
    """Append one line in a single write, so that several processes may share the file."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode() + b"\n")
    finally:
        os.close(handle)


def environment(implementations: list[str], seeds: int | None, seed_base: int, depth: str) -> str:
    """The first line of a file of records: what ran, and on what. `seeds` is None for the cases' own."""
    return json.dumps({
        "kind": "environment", "torch": version("torch"), "numpy": version("numpy"),
        "python": platform.python_version(), "cpu": _processor(),
        "seeds": seeds or "3 a point unless a case says otherwise", "seed_base": seed_base,
        "depth": depth, "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "implementations": implementations,
    })  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


class Results(NamedTuple):
    """What a file of records holds; `exitstatus` is pytest's own, None if the run never came to its end."""

    environment: dict[str, Any]
    records: list[Record]
    exitstatus: int | None


def read_records(path: Path) -> Results:
    """The contents of a file of records; a last line that was cut off is left out.

    Raises ValueError with a sentence if the file is not one of records, OSError if it cannot be read.
    """
    environment: dict[str, Any] = {}
    records: list[Record] = []
    exitstatus: int | None = None
    for number, data in _lines(path):
        match data:
            case {"kind": "environment"}:
                environment = {name: value for name, value in data.items() if name != "kind"}
            case {"kind": "end", "exitstatus": int(status)}:
                exitstatus = status
            case {"kind": "point"}:
                try:
                    records.append(_schema().validate_python(data))
                except ValidationError as error:
                    first = error.errors()[0]
                    place = ".".join(str(part) for part in first["loc"])
                    raise ValueError(f"{path}:{number}: this is no parity record: {place}: {first['msg']}") from None
            case _:
                raise ValueError(f"{path}:{number}: this is no parity record")
    return Results(environment, records, exitstatus)


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: this is no file of parity records: it is not UTF-8 text") from None
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines) > 1:
                return
            raise ValueError(f"{path}:{number}: this line is no JSON") from None
        yield number, data

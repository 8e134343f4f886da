"""The file of records: a first line about the run, a line a point as points finish, a last line with the counts.

One process writes it. Trouble after the start is told in `Writer.problem`, and never costs the run its verdicts.
"""

import json
import os
import stat
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parity.plain import visible
from parity.records.header import differing, header
from parity.records.lines import sealed
from parity.records.read import Results, done, read_records
from parity.records.record import Record

__all__ = ["Results", "Unwritable", "Writer", "done", "header", "read_records"]


class Unwritable(OSError):
    """A file of records that cannot be written; the message is one sentence."""


class Writer:
    """Writes a file of records. Raises Unwritable if it cannot be opened for writing.

    `header` comes from the function of that name. With `resume` the file is gone on with under the run that began
    it: Unwritable if there is none, or if it was made from other cases, versions, seeds or points.
    """

    def __init__(self, path: Path, header: dict[str, Any], *, resume: bool = False) -> None:
        self.path, self.run = path, str(header["run"])
        self._counts: Counter[str] = Counter()
        self._problem: str | None = None
        self._lost, self._size, self._torn, self._closed = 0, 0, False, False
        if resume:
            self._counts, self.run = _begun(path, header)
        self._handle = _opened(path, resume)
        self._size = os.fstat(self._handle).st_size
        if not resume:
            self._line(header)
        else:
            self._torn = self._size > 0  # begins a line of its own, whatever the last one was cut off at
            self._line({"kind": "resume", "date": datetime.now(UTC).isoformat(timespec="seconds")})

    @property
    def problem(self) -> str | None:
        """What could not be written, in one sentence; None if all was."""
        if self._problem is None or self._lost < 2:
            return self._problem
        return f"{self._problem} ({self._lost} lines are lost)"

    def write(self, record: Record | str) -> None:
        """Write the record of a point, or its JSON as `Record.as_json` gives it. Never raises."""
        try:
            content = json.loads(record) if isinstance(record, str) else record.as_data()
            verdict = str(content["verdict"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            self._lose(f"a record could not be written to {self._name}: {type(error).__name__}: {error}")
        else:
            self._line(content)
            self._counts[verdict] += 1  # after it: a Ctrl-C before leaves neither the line nor its count

    def close(self, exitstatus: int) -> None:
        """Write the last line; `exitstatus` is pytest's, or 0 and 1 of other runs. Never raises."""
        if self._closed:
            return
        self._line({"kind": "end", "exitstatus": int(exitstatus), "counts": dict(self._counts)})
        self._closed = True
        try:
            opened = os.fstat(self._handle)
            os.close(self._handle)
            there = os.stat(self.path)
        except FileNotFoundError:
            self._problem = f"{self._name} was deleted while the run wrote it: its records are lost"
        except OSError as error:
            self._problem = self._problem or f"{self._name} could not be closed: {error.strerror}"
        else:
            if (there.st_ino, there.st_dev) != (opened.st_ino, opened.st_dev):
                self._problem = f"{self._name} was replaced while the run wrote it: its records are lost"
            elif there.st_size != self._size:
                self._problem = self._problem or f"{self._name} was changed by another while the run wrote it"

    @property
    def _name(self) -> str:
        return visible(str(self.path))

    def _line(self, content: dict[str, Any]) -> None:
        """Append a line; after one that was not written whole, begin a new one."""
        if self._closed:
            self._lose(f"a record came after {self._name} was closed")
            return
        try:
            data = sealed({**content, "run": self.run}).encode() + b"\n"
            if self._torn:
                data = b"\n" + data
            while data:
                self._torn = True
                written = os.write(self._handle, data)
                self._size += written
                data = data[written:]
                if not written:
                    raise OSError(0, "nothing more can be written")
            self._torn = False
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._lose(f"{self._name} could not be written: {reason}")

    def _lose(self, sentence: str) -> None:
        self._lost += 1
        self._problem = self._problem or visible(sentence)


def _opened(path: Path, resume: bool) -> int:
    """A handle of a regular file, empty unless `resume`. Raises Unwritable, and waits for nothing."""
    name = visible(str(path))
    # a FIFO would wait for its reader, and a device may do anything
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_dir():
            raise Unwritable(f"{name} is a folder: the records need a file")
        if path.exists() and not path.is_file():
            raise Unwritable(f"{name} is no regular file: the records need one")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, flags, 0o644)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Unwritable(f"{name} is no regular file: the records need one")
        if not resume:
            os.ftruncate(handle, 0)
    except Unwritable:
        raise
    except OSError as error:
        raise Unwritable(f"{name} cannot be written: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the path
        raise Unwritable(f"{name} cannot be written: {error}") from None
    return handle


def _begun(path: Path, header: dict[str, Any]) -> tuple[Counter[str], str]:
    """The counts and the id of the run in a file to be resumed. Raises Unwritable if this run is another."""
    name = visible(str(path))
    results = read_records(path)
    if not results.header:
        raise Unwritable(f"{name} cannot be resumed: {results.problems[0].rstrip('.')}")
    differ = differing(results.header, header)
    for fact in ("planned", "shard"):
        if header.get(fact) is not None and results.header.get(fact) != header[fact]:
            what = "the number of planned points" if fact == "planned" else "the shard"
            differ.append(f"{what} ({results.header.get(fact)} and {header[fact]})")
    if differ:
        raise Unwritable(visible(f"{name} cannot be resumed: its run and this one differ in {', '.join(differ)}"))
    return Counter(record.verdict for record in results.records), str(results.header["run"])

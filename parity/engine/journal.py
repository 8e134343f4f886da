"""What a run in this very process leaves behind if it dies: its records so far, and where it was.

The journal of a run is two files in a folder of the user's own: records as JSON lines, and crumbs. It is locked while
the run lives and removed at its end, so one that is there and not locked is of a run that died.
"""

import contextlib
import getpass
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO

from parity.cases.points import Point
from parity.comparison.experience import Experience
from parity.engine import crumbs
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.records.read import record_of
from parity.records.record import Record
from parity.references.answers import Answers

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # without locks nothing tells a run that died from one that lives: no journal is kept
    fcntl = None

_KEPT = 7 * 24 * 3600  # seconds that the journal of a dead run is kept


class Journaled:
    """Runs points of one implementation in this process, and keeps a journal of it: a context manager.

    Where the journal cannot be kept (no room, no permission) the run goes on without. With `cache` torch's answers are
    kept for later runs.
    """

    def __init__(self, loss: str, implementation: Implementation, cache: bool = False) -> None:
        self.loss, self.implementation = loss, implementation
        self._file: IO[str] | None = None
        self._open = contextlib.ExitStack()
        self._pid = os.getpid()
        self._experience = Experience(Answers(loss) if cache else None)

    def __enter__(self) -> "Journaled":
        with contextlib.suppress(OSError):
            _tell()
            self._begin()
        return self

    def _begin(self) -> None:
        folder = _folder(make=True)
        if fcntl is None or folder is None:
            return
        path = folder / f"{self.loss}-{os.getpid()}-{time.monotonic_ns()}.jsonl"
        new = path.with_suffix(".new")  # until it is locked, it has no name by which it could be taken for a dead one
        file = new.open("x", encoding="utf-8")
        self._open.callback(path.unlink, missing_ok=True)
        self._open.callback(file.close)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(path)
        trail = _trail(path)
        self._open.callback(trail.unlink, missing_ok=True)
        self._open.enter_context(crumbs.followed(trail))
        self._file = file
        self._write(json.dumps({"kind": "check", "loss": self.loss, "implementation": self.implementation.name}))

    def __exit__(self, *_: object) -> None:
        if self._experience.answers is not None and os.getpid() == self._pid:
            self._experience.answers.save()
        self._file = None
        with contextlib.suppress(OSError):
            self._open.close()

    def run(self, point: Point, seeds: range) -> Record:
        """The record of a point."""
        record = run_point(point, self.implementation, seeds, self._experience)
        if os.getpid() != self._pid:  # the loss has forked, and its child came back as well
            os._exit(0)
        if self._file is not None:
            self._write(record.as_json())
        return record

    def _write(self, line: str) -> None:
        if self._file is not None:
            try:
                self._file.write(line + "\n")
                self._file.flush()
            except (OSError, ValueError):
                self._file = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A check that died on its way: `culprit` says where, `records` hold the points before that one."""

    loss: str
    implementation: str
    culprit: str
    path: Path
    records: list[Record] = field(repr=False)

    def discard(self) -> None:
        """Remove what it left behind."""
        for path in (self.path, _trail(self.path), _mark(self.path)):
            path.unlink(missing_ok=True)


def unfinished() -> list[Unfinished]:
    """The checks of this user that died in the last seven days, oldest first, each with its records."""
    with contextlib.suppress(OSError):
        return [_read(path) for path in _dead()]
    return []


def _tell() -> None:
    """One line on stderr for each check that has died since the last one."""
    for path in _dead():
        if _mark(path).exists():
            continue
        _mark(path).touch()
        found = _read(path)
        told = f"parity: an earlier check of {found.loss} of {found.implementation} died {found.culprit}"
        print(f"{told}; its {len(found.records)} records are in {path} (parity.unfinished())", file=sys.stderr)


def _dead() -> Iterator[Path]:
    """The journals of runs that died; those that are too old are removed."""
    folder = _folder(make=False)
    if fcntl is None or folder is None:
        return
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                continue  # it lives
        if not path.exists():
            continue  # it ended just now
        if time.time() - path.stat().st_mtime > _KEPT:
            Unfinished("", "", "", path, []).discard()
        else:
            yield path


def _read(path: Path) -> Unfinished:
    loss = implementation = "?"
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):  # the last line may be a half
            match json.loads(line):
                case {"kind": "check", "loss": str(loss), "implementation": str(implementation)}:
                    pass
                case {"kind": "point"} as data:
                    records.append(record_of(data))
    culprit = "before its first point"
    with contextlib.suppress(OSError):
        crumb = crumbs.read(_trail(path))
        if crumb.point:
            stage = f" {crumb.stage} (seed {crumb.seed})" if crumb.stage else ""
            culprit = f"at {crumb.point}{stage}"
    return Unfinished(loss, implementation, culprit, path, records)


def _folder(make: bool) -> Path | None:
    """The user's folder; None if it is not there, or not the user's alone."""
    try:
        user = getpass.getuser()
    except (KeyError, ImportError, OSError):  # a user without a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    path = Path(tempfile.gettempdir()) / f"parity-{user}"
    if make:
        path.mkdir(mode=0o700, exist_ok=True)
    if not path.is_dir() or path.is_symlink():
        return None
    return path if not hasattr(os, "getuid") or path.stat().st_uid == os.getuid() else None


def _trail(path: Path) -> Path:
    return path.with_suffix(".crumbs")


def _mark(path: Path) -> Path:
    return path.with_suffix(".told")

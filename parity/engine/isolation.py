"""The near side of the seam: points run in a process of their own, so that one that crashes, hangs or takes all memory
costs itself alone.

One worker runs point after point. Where it dies, the point is run again in a fresh worker before it is told: only what
dies alone as well is the point's own failure. Processes come from the standard library rather than from a pool: a pool
of one hides how a worker ended.
"""

import contextlib
import multiprocessing
import os
import pickle
import re
import signal
import tempfile
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path, PurePath
from typing import Any

from parity.cases.points import Point
from parity.cases.scenario import Scenario
from parity.engine import crumbs
from parity.engine.run import blank, broken, settled
from parity.engine.starting import nameless_main, way_of
from parity.engine.worker import Setting, Stream, serve
from parity.implementations.declaration import Implementation, Misdeclared
from parity.records.mismatch import Kind, Mismatch, Subject
from parity.records.record import Record
from parity.records.sentences import sentence
from parity.wording import OUT_OF_MEMORY

TIMEOUT = 60.0  # seconds a point
MEMORY = 4096  # megabytes a worker may take beyond what it starts with
_START = 300.0  # seconds to import what the implementation needs
_LOOK = 0.25  # seconds between two looks at a worker whose children hold its pipes
_MOST = 5  # earlier points that are named
_FRAME = re.compile(r'File "(.*)", line (\d+)')


@dataclass(frozen=True, slots=True)
class Death:
    """Why there is no record: how the worker ended ('crashes with SIGSEGV'), and at which stage of which draw."""

    kind: Kind
    how: str
    seed: int | None = None


class Isolated:
    """Runs points of one implementation in a worker process, with a limit of time and memory.

    `timeout` is in seconds a point, `memory` in megabytes beyond what the process starts with (where the system keeps
    account of it: Linux); None is no limit. An implementation named by ``module:NAME`` is imported in the worker. A
    live one is there by fork where that is safe (Linux, on the CPU), else by cloudpickle. Use it as a context
    manager, or close it.

    Raises Misdeclared if a limit means nothing, or if there is no way to bring the implementation over.
    """

    def __init__(
        self, implementation: Implementation, timeout: float | None = TIMEOUT, memory: int | None = MEMORY,
        cache: bool = False,
    ) -> None:  # fmt: skip
        for name, limit, sort, unit in (
            ("timeout", timeout, int | float, "seconds"),
            ("memory", memory, int, "megabytes"),
        ):
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, sort) or not limit > 0):
                raise Misdeclared(f"{name} is {limit!r}, expected {unit} above 0, or None for no limit")
        self.implementation, self.timeout, self.memory, self.cache = implementation, timeout, memory, cache
        self._method, self._source = way_of(implementation)
        self._folder = tempfile.TemporaryDirectory(prefix="parity-", ignore_cleanup_errors=True)
        self._crumbs, self._stack = Path(self._folder.name, "crumbs"), Path(self._folder.name, "stack")
        self._process: Any = None
        self._pipe: Connection | None = None
        self._ran: list[str] = []
        self._known: dict[Scenario, int] = {}
        self._failures = 0
        self._unable: Death | None = None

    def __enter__(self) -> "Isolated":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker."""
        self._stop()
        self._folder.cleanup()

    def begin(self) -> None:
        """Start the worker now, so that no point waits for what it imports; what is wrong is told by the points."""
        if self._process is None and self._unable is None:
            self._start()

    def run(self, point: Point, seeds: range) -> Record:
        """The record of a point, whatever the implementation does. Raises nothing but KeyboardInterrupt."""
        try:
            ran, count = self._ran, len(self._ran)
            answer = self._attempt(point, seeds)
            note = ""
            if count and _lost(answer):
                self._stop()
                note, answer = self._noted(answer, ran[:count]), self._attempt(point, seeds)
            record = self._recorded(answer, point, seeds)
            if note and not _lost(answer):
                record.notes.append(note)
            return record
        except Exception as error:
            self._stop()
            return broken(blank(point, self.implementation, seeds), error)
        except BaseException:
            self._stop()
            raise

    def _attempt(self, point: Point, seeds: range) -> Record | Death:
        """What the worker says of a point, or how it died of it."""
        if self._process is None:
            problem = self._unable or self._start()
            if problem:
                return problem
        assert self._pipe is not None
        scenario = point.scenario
        new = scenario not in self._known
        number = self._known.setdefault(scenario, len(self._known))
        # a scenario travels without what it has worked out so far
        message = (number, replace(scenario) if new else None, point.id, seeds)
        reply = self._exchange(message, self.timeout, point.id)
        if isinstance(reply, Death):
            return reply
        if isinstance(reply, str):
            self._stop()
            return Death(Kind.CRASH, f"fails: {reply}")
        answer, megabytes, untouched = reply
        self._ran.append(point.id)
        if isinstance(answer, str):
            self._stop()
            return Death(Kind.BROKEN, answer)
        record: Record = pickle.loads(answer)
        crowded = self.memory is not None and megabytes > self.memory / 2
        if crowded or not untouched or _lost(record):
            self._stop()
        return record

    def _exchange(self, message: Any, limit: float | None, point: str) -> Any:
        """Send a message and wait for its answer; Death if none comes."""
        assert self._pipe is not None
        try:
            if message is not None:
                self._pipe.send(message)
            if not self._answers(limit):
                return self._overdue(limit, point)
            return self._pipe.recv()
        except Exception:  # the pipe is closed, or what came through it is no answer
            return self._died(point)

    def _answers(self, limit: float | None) -> bool:
        """Wait until there is an answer, or the worker has died. False if the time is over."""
        pipe = self._pipe
        assert pipe is not None
        end = None if limit is None else time.monotonic() + limit
        while True:
            left = _LOOK if end is None else min(_LOOK, end - time.monotonic())
            if left <= 0:
                return False
            if wait([pipe, self._process.sentinel], left) or not self._process.is_alive():
                if not pipe.poll():
                    raise EOFError
                return True

    def _died(self, point: str) -> Death:
        """How the worker ended."""
        self._process.join(5.0)
        code = self._process.exitcode
        if code is None:
            how = "sends no answer that can be read"
        elif code >= 0:
            how = f"ends with exit code {code}"
        else:
            name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
            how = f"crashes with {name}"
            if name == "SIGKILL":
                how += " (if not by itself, by the system for want of memory)"
        return self._dead(Kind.CRASH, how, " ", point, self._crumb())

    def _overdue(self, limit: float | None, point: str) -> Death:
        crumb = self._crumb()  # before the signal, which may end a system call
        with contextlib.suppress(OSError, AttributeError):
            os.kill(self._process.pid, signal.SIGUSR1)  # it writes down where it is, even from within C
            time.sleep(0.1)
        return self._dead(Kind.TIMEOUT, f"does not finish within {limit:g} s", ", ", point, crumb)

    def _crumb(self) -> crumbs.Crumb:
        """What the worker noted last."""
        try:
            return crumbs.read(self._crumbs)
        except OSError:
            return crumbs.Crumb("", "", 0)

    def _dead(self, kind: Kind, how: str, link: str, point: str, crumb: crumbs.Crumb) -> Death:
        """Clear the worker away and say where it was."""
        frame = None
        with contextlib.suppress(OSError):
            frame = _FRAME.search(self._stack.read_text(errors="replace"))
        self._stop()
        place = f" ({PurePath(frame[1]).name}:{frame[2]})" if frame else ""
        if not crumb.stage or not point.startswith(crumb.point):
            return Death(kind, f"{how}{place}")
        return Death(kind, f"{how}{link}{crumb.stage}{place}", crumb.seed)

    def _start(self) -> Death | None:
        """Start a worker; what is wrong if that fails, which the next points are not made to wait for again."""
        context = multiprocessing.get_context(self._method)
        ours, theirs = context.Pipe()
        self._crumbs.unlink(missing_ok=True)
        try:
            folder: str | None = os.getcwd()
        except OSError:
            folder = None
        # a server that forks workers has streams of its own
        streams = [Stream(number) for number in (1, 2)] if self._method == "forkserver" else []
        setting = Setting(self._crumbs, self._stack, self.memory, folder, dict(os.environ), streams, self.cache)
        arguments = (theirs, self._source, setting, ours if self._method == "fork" else None)
        with nameless_main():
            self._process = context.Process(target=serve, args=arguments, daemon=True)  # type: ignore[attr-defined]
            self._process.start()
        theirs.close()
        self._pipe = ours
        reply = self._exchange(None, _START, "")
        if reply is None:
            self._failures = 0
            return None
        how = f"it {reply.how}" if isinstance(reply, Death) else reply
        self._stop()
        self._failures += 1
        death = Death(Kind.START, f"no process can be started for {self.implementation.name}: {how}")
        if self._failures > 1:
            self._unable = death
        return death

    def _stop(self) -> None:
        """End the worker with all that it has started."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self._ran, self._known = [], {}
        if pipe is not None:
            pipe.close()
        if process is None or process.pid is None:  # interrupted before it began
            return
        with contextlib.suppress(OSError, AttributeError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join(5.0)
        with contextlib.suppress(ValueError):
            process.close()

    def _recorded(self, answer: Record | Death, point: Point, seeds: range) -> Record:
        if isinstance(answer, Record):
            for mismatch in answer.mismatches if self.memory is not None else ():
                if OUT_OF_MEMORY.search(sentence(mismatch)):
                    mismatch.hint += f"; a process may take {self.memory} MB here (the limit of memory)"
            return answer
        record = blank(point, self.implementation, seeds)
        figures = {"how": answer.how}
        record.mismatches.append(Mismatch(Subject.PROCESS, answer.kind, figures=figures, seed=answer.seed))
        return settled(record, point, self.implementation)

    def _noted(self, answer: Record | Death, earlier: list[str]) -> str:
        """What happened in a process that had run other points, one of which may have spoilt it."""
        if isinstance(answer, Death):
            how = answer.how
        else:
            limit = "" if self.memory is None else f" of {self.memory} MB"
            how = f"runs out of its memory{limit}"
        named = ", ".join(reversed(earlier[-_MOST:]))
        more = f" and {len(earlier) - _MOST} more" if len(earlier) > _MOST else ""
        return f"after other points in one process it {how}, alone it does not; the points before it: {named}{more}"


def _lost(answer: Record | Death) -> bool:
    """Whether the process, rather than the point, may be what failed."""
    if isinstance(answer, Death):
        return answer.kind is not Kind.START
    return any(OUT_OF_MEMORY.search(sentence(mismatch)) for mismatch in answer.mismatches)

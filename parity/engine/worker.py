"""The far side of the seam: a process that runs the points it is sent, one after the other."""

import contextlib
import faulthandler
import gc
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import current_process, reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from parity.cases.points import Point, expand
from parity.cases.scenario import Scenario
from parity.comparison.experience import Experience
from parity.engine import crumbs
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.implementations.registry import named
from parity.references.answers import MANY, Answers
from parity.wording import in_words

BROKEN = 70  # the exit code where the worker itself cannot go on (EX_SOFTWARE)
MEGABYTE = 1 << 20


class Stream:
    """A standard stream of the starter's, which comes out in the worker as a descriptor, or None if it is closed."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        try:
            os.fstat(self.number)
        except OSError:
            return _detached, (None,)
        return _detached, (reduction.DupFd(self.number),)


def _detached(passed: Any) -> int | None:
    return None if passed is None else passed.detach()


@dataclass(frozen=True, slots=True)
class Setting:
    """What the worker takes over from its starter. `memory` is in megabytes, beyond what it starts with."""

    crumbs: Path
    stack: Path
    memory: int | None
    folder: str | None
    environment: dict[str, str]
    streams: Sequence[Any]  # stdout and stderr, where they are not inherited
    cache: bool = False  # whether torch's answers are kept for later runs


def serve(pipe: Connection, source: str | bytes | Implementation, setting: Setting, other: Connection | None) -> None:
    """Answer each point with its record until the pipe is closed. Never returns."""
    own = os.getpid()
    try:
        if other is not None:  # a fork has the starter's end too, and would never see it closed
            other.close()
        stack = setting.stack.open("w")
        _settle(setting, stack)
        with crumbs.followed(setting.crumbs):
            implementation = _loaded(source)
            gc.freeze()  # torch and what else lives to the end
            before = _limit(setting.memory)
            pipe.send(None)
            streams = _streams()
            points: dict[int, dict[str, Point]] = {}
            experiences: dict[str, Experience] = {}
            while True:
                number, scenario, point, seeds = pipe.recv()
                if scenario is not None:
                    points[number] = _points(scenario)
                one = points[number][point]
                if one.loss not in experiences:
                    experiences[one.loss] = Experience(Answers(one.loss) if setting.cache else None)
                reply = _record(one, implementation, seeds, experiences[one.loss])
                if os.getpid() != own:  # the loss has forked, and its child came back as well
                    os._exit(0)
                _flush()
                pipe.send((reply, (_data() - before) // MEGABYTE, streams == _streams()))
    except (EOFError, BrokenPipeError):
        os._exit(0)
    except BaseException as error:
        if os.getpid() == own:
            with contextlib.suppress(BaseException):
                pipe.send(in_words(error))
        os._exit(BROKEN)


def _record(point: Point, implementation: Implementation, seeds: range, experience: Experience) -> bytes | str:
    """The record, pickled here so that a failure to do so is told; or why there is none."""
    try:
        record = run_point(point, implementation, seeds, experience)
        if experience.answers is not None:
            experience.answers.save(MANY)  # nobody knows when the process is ended
        return pickle.dumps(record)
    except BaseException as error:  # a KeyboardInterrupt of the loss's own: no Ctrl-C comes here
        return f"the loss raises {in_words(error)}"


def _settle(setting: Setting, stack: Any) -> None:
    """The starter's folder, environment and streams; a session of its own, so that Ctrl-C is not for it."""
    if hasattr(os, "setsid"):
        os.setsid()
    current_process().daemon = False  # a loss may start processes
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(setting.environment)
    for name in os.environ.keys() - setting.environment.keys():
        del os.environ[name]
    if setting.folder is not None:
        os.chdir(setting.folder)
    for number, stream in enumerate(setting.streams, start=1):
        if stream is not None:
            os.dup2(stream, number)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    faulthandler.enable(stack, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, stack, all_threads=False)


def _loaded(source: str | bytes | Implementation) -> Implementation:
    """The implementation that a name, a pickle or the fork itself brings."""
    if isinstance(source, str):
        return named(source)
    if isinstance(source, bytes):
        loaded: Implementation = pickle.loads(source)
        return loaded
    return source


def _points(scenario: Scenario) -> dict[str, Point]:
    return {point.id: point for point in expand(scenario)}


def _limit(memory: int | None) -> int:
    """Let the process take that many megabytes more than the bytes it holds now, which are returned."""
    held = _data()
    if memory is not None and held:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (held + memory * MEGABYTE, resource.RLIM_INFINITY))
    return held


def _data() -> int:
    """The bytes of private memory that the process holds; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _streams() -> list[tuple[int, int] | None]:
    """What stdout and stderr are: a loss may have closed or replaced them."""
    found: list[tuple[int, int] | None] = []
    for number in (1, 2):
        try:
            status = os.fstat(number)
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(None)
    return found


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()

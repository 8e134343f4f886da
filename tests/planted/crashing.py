"""A mse_loss that crashes, hangs or leaks in many ways: the first number of the input chooses one."""

import collections
import contextlib
import ctypes
import faulthandler
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from parity import Implementation, losses
from parity.types import Array, Gradients, Result

CODE = 100.0  # the number of the first way
LEAKED: list[Any] = []
SPOILT: list[bool] = []
KEPT: list[Array] = []


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


class Rude(BaseException):
    """No Exception, and with a message of a gigabyte in other hands."""

    def __str__(self) -> str:
        return "rude " * 1000


class Shy(type):
    """A metaclass that hides what its classes are called, and what they are of."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")

    @property
    def __mro__(cls) -> Any:
        raise RuntimeError("no bases")


class Nameless(Exception, metaclass=Shy):
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class")


@dataclass(frozen=True)
class Way:
    """How it goes wrong, where, and a part of the sentence that must tell it; None if its own point may pass."""

    name: str
    does: Callable[[], Any]
    says: str | None
    stage: str = "forward"
    raises: bool = False  # it only raises, so that a process survives it


def _raise(error: BaseException) -> Callable[[], Any]:
    def does() -> None:
        raise error

    return does


def _kill(number: int) -> Callable[[], Any]:
    return lambda: os.kill(os.getpid(), number)


def _bomb() -> None:
    while True:
        LEAKED.append(np.empty(1 << 24))


def _bomb_in_torch() -> None:
    import torch

    while True:
        LEAKED.append(torch.empty(1 << 25))


def _close_streams() -> None:
    for number in (1, 2):
        with contextlib.suppress(OSError):  # the second time
            os.close(number)


def _fork_and_stay() -> None:
    if os.fork() == 0:
        time.sleep(1000)


def _fork_and_return() -> None:
    if not LEAKED:
        LEAKED.append(True)
        os.fork()


def _deadlock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def _keep_much() -> None:
    if not KEPT:
        KEPT.append(np.empty(120 << 17))


def _spoil() -> None:
    """This point is right, and any other one that comes later in the process crashes."""
    SPOILT.append(True)


WAYS = [
    # the hanging ones in a row: each has a fresh process then, and is run once
    Way("sleeps in C and holds the lock", lambda: ctypes.PyDLL(None).sleep(1000), "does not finish within"),
    Way("loops in C", lambda: collections.deque(itertools.repeat(0), maxlen=0), "does not finish within"),
    Way("loops", lambda: all(not zero for zero in iter(int, 1)), "in the backward (crashing.py", "backward"),
    Way("waits for a lock of its own", _deadlock, "does not finish within"),
    Way("segfaults in the forward", lambda: ctypes.string_at(0), "crashes with SIGSEGV in the forward (__init__.py"),
    Way("segfaults in the backward", lambda: ctypes.string_at(0), "SIGSEGV in the backward", "backward"),
    Way("segfaults in the second call", lambda: ctypes.string_at(0), "SIGSEGV in the second call", "second call"),
    Way("aborts", os.abort, "crashes with SIGABRT in the forward (crashing.py"),
    Way("kills itself", _kill(signal.SIGKILL), "crashes with SIGKILL (if not by itself, by the system"),
    Way("divides by zero", _kill(signal.SIGFPE), "crashes with SIGFPE"),
    Way("interrupts itself", _kill(signal.SIGINT), "crashes with SIGINT"),
    Way("overflows the stack", lambda: faulthandler._stack_overflow(), "crashes with SIGSEGV"),  # type: ignore[attr-defined]
    Way("exits as if all were well", lambda: os._exit(0), "ends with exit code 0 in the forward"),
    Way("exits with 3", lambda: os._exit(3), "ends with exit code 3"),
    Way("takes all memory", _bomb, "the limit of memory"),
    Way("takes all memory in torch", _bomb_in_torch, "the limit of memory"),
    Way("calls sys.exit", lambda: sys.exit(4), "the forward raises SystemExit: 4", raises=True),
    Way("calls sys.exit backward", sys.exit, "the backward raises SystemExit", "backward", raises=True),
    Way("exits a second time", sys.exit, "a second time raises SystemExit", "second call", raises=True),
    Way("raises no Exception", _raise(Rude()), "the forward raises Rude: rude rude", raises=True),
    Way("cannot be told", _raise(Unspeakable()), "Unspeakable: its message cannot be read", raises=True),
    Way("has no name", _raise(Nameless("x")), "the forward raises Nameless: x", raises=True),
    Way("skips itself", lambda: pytest.skip("today"), "the forward raises Skipped: today", raises=True),
    Way("fails itself", lambda: pytest.fail("no"), "the backward raises Failed: no", "backward", raises=True),
    Way("ends pytest", lambda: pytest.exit("enough"), "the forward raises Exit: enough", raises=True),
    Way("closes stdout and stderr", _close_streams, None),
    Way("leaves a thread", lambda: threading.Thread(target=time.sleep, args=[1000]).start(), None),
    Way("leaves a child", _fork_and_stay, None),
    Way("comes back twice", _fork_and_return, None),
    Way("leaks", lambda: LEAKED.append(np.empty(5 << 17)), None),
    Way("leaks still", lambda: LEAKED.append(np.empty(5 << 17)), None),
    Way("leaks again", lambda: LEAKED.append(np.empty(5 << 17)), None),
    Way("keeps much", _keep_much, None),
    Way("needs much for a while", lambda: np.empty(300 << 17), None),
    Way("spoils what comes after", _spoil, None),
]

_calls: collections.Counter[bytes] = collections.Counter()


def crashing(input: Array, target: Array, **options: Any) -> Result:
    """Right, but for the way that the input asks for."""
    number = int(float(input.flat[0]) - CODE)
    way = WAYS[number] if 0 <= number < len(WAYS) else None
    if SPOILT and (way is None or way.does is not _spoil):
        ctypes.string_at(0)
    output, vjp = losses.mse_loss(input, target, **options)
    _calls[input.tobytes() + target.tobytes()] += 1
    again = _calls[input.tobytes() + target.tobytes()] > 1
    if way is None:
        return output, vjp
    if way.stage == "forward" or (way.stage == "second call" and again):
        way.does()

    def backward(grad_output: Array) -> Gradients:
        if way.stage == "backward":
            way.does()
        return vjp(grad_output)

    return output, backward


IMPLEMENTATION = Implementation("crashing", losses={"mse_loss": crashing})


def case_file() -> str:
    """A case for each way, with an innocent one after it."""
    cases = []
    for number, way in enumerate(WAYS):
        given = "target: {normal: [1, 2]}"
        cases.append(f"  - name: {way.name}\n    given: {{input: [[{CODE + number}, 1.0]], {given}}}")
        # after the ways that hang there is none: what comes next finds a fresh process anyhow
        if number > 3:
            cases.append(f"  - name: innocent after {way.name}\n    given: {{input: {{normal: [1, 2]}}, {given}}}")
    return "loss: mse_loss\ndefaults: {seeds: 2}\ncases:\n" + "\n".join(cases) + "\n"

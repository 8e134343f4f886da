"""The state of the process that every draw runs in, given back to the caller afterwards, and who leaves it changed.

Torch's answer depends on switches of the process: without gradients it has none, and a detached loss would agree.
"""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from parity.engine import default_device, mersenne

# A subnormal number, which processors set to flush them take for 0.
_SUBNORMAL = 5e-324
_QUIET = ("ignore", None, Warning, None, 0)


@dataclass(frozen=True, slots=True)
class Setting:
    """A switch of the process: how it reads, how it is set, and what it is while a draw runs."""

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], Any]
    known: Any


def _determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _autocast(device: str) -> Setting:
    return Setting(
        f"torch's autocast on {device}", lambda: torch.is_autocast_enabled(device),
        lambda on: torch.set_autocast_enabled(device, on), False,
    )  # fmt: skip


SETTINGS = (
    Setting("torch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled, True),
    Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads, 1),
    Setting("torch's deterministic mode", _determinism,
            lambda mode: torch.use_deterministic_algorithms(mode[0], warn_only=mode[1]), (False, False)),
    Setting("torch's anomaly mode", torch.is_anomaly_enabled, torch.set_anomaly_enabled, False),
    Setting("torch's float32 matmul precision", torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision, "highest"),
    Setting("the flushing of subnormal numbers", lambda: _SUBNORMAL * 1.0 == 0.0, torch.set_flush_denormal, False),
    _autocast("cpu"),
    _autocast("cuda"),
    Setting("NumPy's error state", np.geterr, lambda found: np.seterr(**found), dict.fromkeys(np.geterr(), "ignore")),
    Setting("NumPy's buffer size", np.getbufsize, np.setbufsize, 8192),
)  # fmt: skip

# Asked several times a draw.
_GET, _KNOWN = [setting.get for setting in SETTINGS], [setting.known for setting in SETTINGS]


def _found() -> list[Any]:
    return [get() for get in _GET]


def _put(wanted: list[Any], found: list[Any]) -> None:
    """Give each setting the value that is wanted, where another was found."""
    if wanted != found:
        for setting, value, other in zip(SETTINGS, wanted, found, strict=True):
            if value != other:
                setting.put(value)


@contextmanager
def known_state() -> Iterator[None]:
    """Every setting at its known value, no warnings shown; afterwards what the caller had."""
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if default_device.is_set():
            stack.enter_context(default_device.none_set())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        before = _found()
        try:
            _put(_KNOWN, before)
            yield
        finally:
            _put(before, _found())


def changes() -> list[str]:
    """What is no longer as it is known to be, in words; it is set right again."""
    told = []
    if torch.is_inference_mode_enabled():
        torch.set_grad_enabled(True)
        told.append("torch's inference mode on")
    found = _found()
    if found != _KNOWN:
        for setting, value in zip(SETTINGS, found, strict=True):
            if value != setting.known:
                told.append(f"{setting.name} at {_shown(value)} (it was {_shown(setting.known)})")
        _put(_KNOWN, found)
    if default_device.is_set():
        told.append(f"torch's default device at {default_device.unset()}")
    if warnings.filters[:1] != [_QUIET]:
        # a module that is imported late may add a filter for warnings of its own: that is not the loss's doing
        added = warnings.filters[: warnings.filters.index(_QUIET)] if _QUIET in warnings.filters else [_QUIET]
        if any(message is None and module is None and sort is Warning for _, message, sort, module, _ in added):
            told.append("the filters of warnings changed")
        warnings.simplefilter("ignore")
    return told


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


class Generators:
    """The global random generators as they were: a loss has no business with them."""

    def __init__(self) -> None:
        self.torch = torch.get_rng_state()
        self.python = random.getstate()
        self.numpy = mersenne.Kept()

    def restored(self) -> list[str]:
        """The generators that have moved on, in words; each is set back."""
        told = []
        if not torch.equal(torch.get_rng_state(), self.torch):
            torch.set_rng_state(self.torch)
            told.append("torch's random generator moved on")
        if random.getstate() != self.python:
            random.setstate(self.python)
            told.append("Python's random generator moved on")
        if self.numpy.restored():
            told.append("NumPy's random generator moved on")
        return told

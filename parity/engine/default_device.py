"""Torch's default device: none is set while draws run, and what a loss sets is found.

Torch keeps it among its function modes. Nothing promises that those can be asked and put aside: it is then asked by its
public name, and another stands above it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from parity.references.dispatch import device_mode, modes

try:
    from torch.overrides import _pop_mode_temporarily
except ImportError:
    _pop_mode_temporarily = None  # type: ignore[assignment]

_CPU = torch.device("cpu")


@contextmanager
def none_set() -> Iterator[None]:
    """No default device but the CPU is set in here; afterwards that of the caller is."""
    with ExitStack() as stack:
        if is_set():
            before = unset()
            if is_set():  # by a `with` around
                stack.enter_context(_CPU if _pop_mode_temporarily is None else _pop_mode_temporarily())
            else:
                stack.callback(torch.set_default_device, before)
        yield


def is_set() -> bool:
    """Whether a default device other than the CPU is set."""
    return _found() not in (None, _CPU)


def unset() -> str:
    """Set none any more; the device that was set."""
    before = str(_found())
    torch.set_default_device(None)
    try:
        torch.get_default_device()
    except AttributeError:  # until torch 2.9 nobody can ask for it after that, unless torch forgets that it was set
        vars(getattr(torch, "_GLOBAL_DEVICE_CONTEXT", Exception())).pop("device_context", None)
    return before


def _found() -> torch.device | None:
    """The default device; None if torch has none, or not even a word for that."""
    kind = device_mode()
    if kind is not None:
        mode: Any = next((mode for mode in modes("function") if isinstance(mode, kind)), None)
        if mode is None or isinstance(getattr(mode, "device", None), torch.device):
            return None if mode is None else mode.device
    try:
        return torch.get_default_device()
    except AttributeError:
        return None

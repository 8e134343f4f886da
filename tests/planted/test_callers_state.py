"""Green means compared, whatever state the caller has left the process in; and a loss gives back the state it found."""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from parity import losses
from parity.engine import default_device
from parity.engine.state import SETTINGS, changes, known_state
from tests.planted.checking import check, detached


@contextmanager
def set_to(setter: Callable[[Any], Any], value: Any, before: Any) -> Iterator[None]:
    setter(value)
    try:
        yield
    finally:
        setter(before)


def device(name: str | None) -> None:
    """Set the default device, or none again so that torch can still be asked for it, which 2.9 and older cannot."""
    torch.set_default_device(name) if name else default_device.unset()


@pytest.mark.parametrize("around", [nullcontext, torch.no_grad, torch.inference_mode], ids=lambda one: one.__name__)
def test_a_detached_loss_is_red_whatever_the_caller_has_switched_off(
    cases: Path, around: Callable[[], AbstractContextManager[Any]]
) -> None:
    with around():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        report = check(cases, detached)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    assert not report.ok
    assert "gradient of input is missing" in report.failures[0]


STATES: dict[str, AbstractContextManager[Any]] = {
    "gradients off at import": set_to(torch.set_grad_enabled, False, True),
    "a default dtype": set_to(torch.set_default_dtype, torch.float64, torch.float32),
    "a default device": set_to(device, "meta", None),
    "a device around": torch.device("meta"),
    "autocast": torch.autocast("cpu", dtype=torch.bfloat16),
    "deterministic": set_to(torch.use_deterministic_algorithms, True, False),
    "threads": set_to(torch.set_num_threads, 2, 1),
    "subnormals flushed": set_to(torch.set_flush_denormal, True, False),
    "NumPy raises": np.errstate(all="raise"),
    "warnings are errors": warnings.catch_warnings(),
}


def device_of_tensors() -> torch.device:
    """Asked of a tensor: until torch 2.9 torch does not tell it any more once one was set."""
    return torch.empty(0).device


@pytest.mark.parametrize("name", STATES)
def test_the_callers_state_counts_for_nothing_and_is_given_back(cases: Path, name: str) -> None:
    with STATES[name]:
        if name == "warnings are errors":
            warnings.simplefilter("error")
        before = [setting.get() for setting in SETTINGS], device_of_tensors(), warnings.filters[0]
        assert check(cases, lambda **arguments: F.mse_loss(**arguments)).ok
        assert check(cases, losses.mse_loss, framework="numpy").ok
        assert not check(cases, detached).ok
        assert ([setting.get() for setting in SETTINGS], device_of_tensors(), warnings.filters[0]) == before


CHANGES: dict[str, Callable[[], Any]] = {
    "grad mode at False": lambda: torch.set_grad_enabled(False),
    "default dtype at torch.float64": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "number of threads at 2": lambda: torch.set_num_threads(2),
    "deterministic mode": lambda: torch.use_deterministic_algorithms(True),
    "flushing of subnormal numbers": lambda: torch.set_flush_denormal(True),
    "NumPy's error state": lambda: np.seterr(all="raise"),
    "filters of warnings": lambda: warnings.simplefilter("error"),
    "torch's random generator": lambda: torch.manual_seed(3),
    "Python's random generator": lambda: random.seed(3),
    "NumPy's random generator": lambda: np.random.seed(3),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_loss_that_leaves_the_process_changed_is_red_and_its_caller_spared(cases: Path, what: str) -> None:
    def leaves(**arguments: Any) -> torch.Tensor:
        output = F.mse_loss(**arguments)
        CHANGES[what]()
        return output

    before = [setting.get() for setting in SETTINGS], device_of_tensors(), torch.initial_seed()
    report = check(cases, leaves)
    assert len(report.failures) == 4
    assert all(what in failure for failure in report.failures)
    assert ([setting.get() for setting in SETTINGS], device_of_tensors(), torch.initial_seed()) == before


def test_every_setting_can_be_set_to_what_it_is_known_to_be() -> None:
    with known_state():
        for setting in SETTINGS:
            setting.put(setting.known)
        assert changes() == []


class Passing(TorchFunctionMode):
    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        return function(*arguments, **(options or {}))


class Dispatching(TorchDispatchMode):
    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("mode", [Passing, Dispatching])
def test_a_mode_that_stands_before_torch_is_refused(cases: Path, mode: Any) -> None:
    with mode():
        report = check(cases, lambda **arguments: F.mse_loss(**arguments))
    assert not report.ok
    assert f"Mode is active, {mode.__module__}.{mode.__name__}" in report.failures[0]

"""Where torch uses other words or keeps a private name no more, less is explained and nothing is lost."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.engine import default_device
from parity.engine.state import changes, known_state
from parity.facts.refusals import family_of
from parity.frameworks import modules
from parity.implementations import environment

SMALL = """
loss: mse_loss
cases:
  - name: grid
    given: {input: {normal: [3]}, target: {normal: [3]}}
    across: {reduction: [none, mean]}
"""
NOTHING = re.compile("(?!)")


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text of an error is known."""
    for name in "_ARRAYS", "_NO_DEVICE", "_ON_CPU":
        monkeypatch.setattr(environment, name, NOTHING)
    monkeypatch.setattr(environment, "_NO_LIBRARY", {})


def without_a_driver(input: Any, target: Any, reduction: str = "mean") -> Any:
    raise RuntimeError("0 active drivers ([]). There should only be one.")


def without_a_library(input: Any, target: Any, reduction: str = "mean") -> Any:
    raise OSError("libfused.so: cannot open shared object file")


def by_triton(input: Any, target: Any, reduction: str = "mean") -> Any:
    raise ValueError("Pointer argument (at 0) cannot be accessed from Triton (cpu tensor?)")


@pytest.mark.usefixtures("other_words")
@pytest.mark.parametrize("function", [without_a_driver, without_a_library, by_triton])
def test_a_mistake_of_the_set_up_in_other_words_fails_at_each_point(function: Any, cases: Path) -> None:
    report = parity.check("mse_loss", function, framework="torch", cases=cases)
    assert (report.count("failed"), len(report.records), report.problem) == (2, 2, "")
    with pytest.raises((RuntimeError, OSError, ValueError)) as raised:
        function(None, None)
    assert all(f"raises {raised.type.__name__}: {raised.value}" in failure for failure in report.failures)


@pytest.mark.usefixtures("other_words")
def test_arrays_for_tensors_are_seen_by_where_the_error_comes_from(cases: Path) -> None:
    report = parity.check("mse_loss", lambda **arguments: F.mse_loss(**arguments), cases=cases)
    assert "it is a function of tensors: give framework='torch'" in report.problem


@pytest.mark.usefixtures("other_words")
def test_tensors_for_arrays_fail_in_their_own_words(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_wants_arrays", lambda error, text: False)
    report = parity.check("mse_loss", losses.mse_loss, framework="torch", cases=cases)
    assert report.count("failed") == len(report.records) == 2
    assert all("raises " in failure for failure in report.failures)


def test_a_refusal_in_unknown_words_is_known_by_its_class() -> None:
    classes = ("IndexError", "TypeError", "NotImplementedError", "KeyError", "ValueError", "RuntimeError")
    found = [family_of(name, "qux") for name in classes]
    assert found == ["range", "type", "dtype", "type", "range", "shape"]


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch cannot tell its default device once it was unset, as until 2.9."""

    def fails() -> torch.device:
        raise AttributeError("'_thread._local' object has no attribute 'device_context'")

    monkeypatch.setattr(torch, "get_default_device", fails)


@pytest.fixture(params=["kept where torch keeps it", "kept elsewhere"])
def context(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace | None:
    """What torch keeps its default device in; None where it has another name."""

    monkeypatch.setattr(torch, "set_default_device", lambda device: None)
    if request.param == "kept elsewhere":
        monkeypatch.delattr(torch, "_GLOBAL_DEVICE_CONTEXT", raising=False)
        return None
    kept = SimpleNamespace(device_context=None)
    monkeypatch.setattr(torch, "_GLOBAL_DEVICE_CONTEXT", kept, raising=False)
    return kept


@pytest.mark.usefixtures("unasked")
def test_an_unset_default_device_is_forgotten_wherever_torch_keeps_it(context: SimpleNamespace | None) -> None:
    assert default_device.unset()
    if context is not None:
        assert vars(context) == {}


@pytest.mark.usefixtures("unasked")
def test_a_default_device_that_cannot_be_asked_for_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_device, "device_mode", lambda: None)
    assert not default_device.is_set()
    with known_state():
        assert torch.ones(1).device.type == "cpu"
        assert changes() == []


class Overload:
    """An operator of a library's own, which keeps torch's own operator in a private place."""

    def __init__(self, **kept: Any) -> None:
        vars(self).update(kept)

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return F.mse_loss(*args, **kwargs)


def test_an_operator_of_a_librarys_own_is_asked_for_its_schema() -> None:
    taken = modules.as_plain(Overload(_opoverload=torch.ops.aten.mse_loss.default)).signature
    assert taken is not None
    assert list(taken.parameters) == ["self", "target", "reduction"]


@pytest.mark.parametrize("kept", [{}, {"_opoverload": None}, {"_opoverload": Overload(_schema="(Tensor self)")}])
def test_an_operator_that_keeps_its_schema_elsewhere_is_called_by_name(kept: dict[str, Any], cases: Path) -> None:
    operator = Overload(**kept)
    taken = modules.as_plain(operator).signature
    assert taken is not None
    assert list(taken.parameters) == ["args", "kwargs"]
    report = parity.check("mse_loss", operator, framework="torch", cases=cases)
    assert report.count("passed") == 2

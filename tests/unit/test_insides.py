"""What parity needs of the insides of torch and pytest is in one place each, and can be done without."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from packaging.version import Version

from parity.api import check
from parity.engine import default_device
from parity.engine.state import changes, known_state
from parity.frameworks import autograd, compiled, modules
from parity.frameworks.torch import TorchLoss
from parity.plugin import internals
from parity.references import chunked, dispatch, proof, versions

CHUNKS = pytest.mark.skipif(not hasattr(F, "linear_cross_entropy"), reason="this torch has no linear_cross_entropy")

ASKED = {
    "input": np.array([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0]], np.float32), "target": np.array([0, 2]),
    "weight": np.array([1.0, 2.0, 0.5], np.float32),
}  # fmt: skip


# Torch 2.5 compiles none of its own functions by itself.
def squared(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    return F.mse_loss(input, target, reduction=reduction)


def absolute(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    return F.l1_loss(input, target, reduction=reduction)


@pytest.fixture
def afresh() -> Iterator[None]:
    """What was found out of this torch is forgotten, before and after."""
    probes: list[Any] = [autograd.engine_serves, autograd.words_tell, chunked.names_tell]
    for probe in probes:
        probe.cache_clear()
    yield
    for probe in probes:
        probe.cache_clear()


def answers(function: Callable[..., Any], **arguments: Any) -> list[np.ndarray[Any, Any]]:
    """The output, the gradients and the second derivatives."""
    output, vjp = TorchLoss(function, keeps_graph=True)(**arguments)
    upstream = np.full_like(output, 2.0)
    found: Any = vjp(upstream)
    twice: Any = vjp
    second = twice.second(upstream, {name: np.ones_like(value) for name, value in found.items()})
    alone = twice.only(["input"], upstream)
    return [output, *found.values(), *second.values(), *alone.values()]


@pytest.mark.usefixtures("afresh")
def test_gradients_are_the_same_without_torchs_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert autograd.engine_serves()
    before = answers(F.cross_entropy, **ASKED)
    monkeypatch.setattr(autograd, "_engine_run_backward", None)
    autograd.engine_serves.cache_clear()
    assert not autograd.engine_serves()
    for one, other in zip(before, answers(F.cross_entropy, **ASKED), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("afresh")
def test_an_engine_that_takes_other_arguments_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autograd, "_engine_run_backward", lambda outputs, inputs: ())
    assert not autograd.engine_serves()
    assert len(answers(F.cross_entropy, **ASKED)) == 6


@pytest.mark.usefixtures("afresh")
def test_an_argument_without_a_derivative_is_found_without_torchs_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert autograd.words_tell()
    with_words = TorchLoss(F.nll_loss)(**ASKED)[1](np.ones((), np.float32))
    monkeypatch.setattr(autograd, "_NOT_DIFFERENTIABLE", re.compile("(no such words)"))
    autograd.words_tell.cache_clear()
    assert not autograd.words_tell()
    without = TorchLoss(F.nll_loss)(**ASKED)[1](np.ones((), np.float32))
    assert with_words.keys() == without.keys() == {"input"}
    np.testing.assert_array_equal(with_words["input"], without["input"])


@pytest.mark.usefixtures("afresh")
def test_a_call_that_fails_anyway_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autograd, "_NOT_DIFFERENTIABLE", re.compile("(no such words)"))
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        TorchLoss(F.nll_loss)(**ASKED | {"target": np.array([0, 3])})


@CHUNKS
@pytest.mark.usefixtures("afresh")
@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("rows", [1, 3])
def test_chunks_are_seen_by_the_names_of_nodes_and_without_them(chunk: int | None, rows: int) -> None:
    assert chunked.names_tell()
    input, weight = torch.randn(rows, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    options: Any = (
        torch.nn.LinearCrossEntropyOptions(allow_retain_graph=True, batch_chunk_size=chunk) if chunk else None
    )
    output = F.linear_cross_entropy(input, weight, torch.zeros(rows, dtype=torch.int64), options=options)
    assert chunked.named_so(output) == chunked.constant_slope(output, (input, weight)) == (chunk is not None)


@CHUNKS
@pytest.mark.usefixtures("afresh")
def test_chunks_refuse_second_derivatives_when_nodes_have_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "named_so", lambda output: False)
    assert not chunked.names_tell()
    options: Any = torch.nn.LinearCrossEntropyOptions(allow_retain_graph=True, batch_chunk_size=1)
    input, weight = torch.randn(3, 3, requires_grad=True), torch.randn(4, 3)
    output = chunked.linear_cross_entropy(input, weight, torch.zeros(3, dtype=torch.int64), options=options)
    (slope,) = torch.autograd.grad(output, input, torch.ones(()), create_graph=True)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(slope.sum(), input)


def test_the_reference_is_still_proved_in_part_where_the_dispatcher_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert dispatch.unasked() == []
    monkeypatch.delattr(torch.library, "_impls")
    for name in "_DUMP", "_NAMES":
        monkeypatch.setattr(dispatch, name, None)
    for table in "_DEPTH", "_MODE":
        monkeypatch.setattr(dispatch, table, {"function": None, "dispatch": None})
    monkeypatch.setattr(proof, "_PROVED", {})
    dispatch.operators.cache_clear()
    assert len(dispatch.unasked()) == 2
    assert proof.not_torch("mse_loss") is None
    monkeypatch.setattr(torch._C._nn, "mse_loss", lambda *arguments: None)
    assert "the reference is not torch's own" in str(proof.not_torch("mse_loss"))
    monkeypatch.undo()
    dispatch.operators.cache_clear()


@pytest.fixture
def without_modes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Torch's modes can neither be asked nor put aside."""
    for table in "_DEPTH", "_MODE":
        monkeypatch.setattr(dispatch, table, {"function": None, "dispatch": None})
    monkeypatch.setattr(default_device, "_pop_mode_temporarily", None)
    dispatch.device_mode.cache_clear()
    yield
    dispatch.device_mode.cache_clear()


@pytest.mark.usefixtures("without_modes")
def test_a_default_device_is_put_aside_where_modes_cannot_be_asked() -> None:
    torch.set_default_device("meta")
    try:
        with known_state():
            assert torch.ones(1).device.type == "cpu"
            assert changes() == []
            torch.set_default_device("meta")
            assert changes() == ["torch's default device at meta"]
            assert changes() == []
        assert torch.ones(1).device.type == "meta"
    finally:
        default_device.unset()
    assert torch.get_default_device() == torch.ones(1).device == torch.device("cpu")


@pytest.mark.skipif(versions.release() < Version("2.6"), reason="this torch does not tell the device of a `with`")
@pytest.mark.usefixtures("without_modes")
def test_a_device_around_is_put_aside_where_modes_cannot_be_asked() -> None:
    with torch.device("meta"):
        with known_state():
            assert torch.ones(1).device.type == "cpu"
            assert changes() == []
        assert torch.ones(1).device.type == "meta"


def test_compiled_code_is_compared_where_torch_does_not_count_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled.unasked() == []
    function: Any = torch.compile(squared, backend="eager")
    monkeypatch.setattr(compiled, "_inside", lambda module: None)
    assert len(compiled.unasked()) == 2
    report = check("mse_loss", function, framework="torch", only="mse_loss/plain grid*none*float32", seeds=1)
    assert report
    assert all(record.compiled is None for record in report.records)
    assert "whether compiled code ran here, this torch does not tell" in report.records[0].notes
    assert "ran compiled code" not in str(report)
    wrong: Any = torch.compile(absolute, backend="eager")
    assert not check("mse_loss", wrong, framework="torch", only="mse_loss/plain grid*none-absent-float32", seeds=1)


def test_limits_of_compilation_go_by_the_names_that_this_torch_has() -> None:
    class Older:
        cache_size_limit = accumulated_cache_size_limit = 8
        suppress_errors = False

    assert compiled._known(Older) == {
        "cache_size_limit": compiled.RECOMPILATIONS, "accumulated_cache_size_limit": compiled.RECOMPILATIONS,
        "suppress_errors": False,
    }  # fmt: skip
    assert compiled._known(None) == {}


def test_what_functions_are_made_of_need_not_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dispatch.insides().keys() == {"torch._C._nn", "torch.nn._reduction"}
    monkeypatch.setattr(proof, "_PROVED", {})
    monkeypatch.delattr(torch._C, "_nn")
    assert dispatch.insides().keys() == {"torch.nn._reduction"}
    assert len(dispatch.unasked()) == 1
    assert proof.not_torch("mse_loss") is None


def test_an_operator_without_a_schema_is_a_function_like_any_other() -> None:
    class Operator:
        """One of torch's, in a version that keeps its schema elsewhere."""

        def __call__(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return F.mse_loss(input, target)

    with_schema, without = modules.as_plain(torch.ops.aten.mse_loss), modules.as_plain(Operator())
    assert [list(one.signature.parameters) for one in (with_schema, without) if one.signature] == [
        ["self", "target", "reduction"], ["input", "target"],
    ]  # fmt: skip


def test_an_item_is_made_for_pytest_to_choose_where_its_expressions_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = internals.matcher("one and not two")
    assert kept is not None
    assert [kept(["one"]), kept(["one two"])] == [True, False]
    assert internals.matcher("one and") is None
    monkeypatch.setattr(internals, "Expression", None)
    assert internals.matcher("one") is None


@pytest.mark.parametrize("arguments", [["cases"], []])
def test_who_named_the_files_is_known_without_pytests_word(
    arguments: list[str], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.mkdir("cases")
    config = pytester.parseconfig(*arguments)
    assert internals.files_were_named(config) == bool(arguments)
    monkeypatch.delattr(pytest.Config, "ArgsSource")
    assert internals.files_were_named(config) == bool(arguments)

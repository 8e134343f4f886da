"""Where torch or NumPy no longer keeps a private place, nobody is taken for a patch, and no generator is spoilt."""

import ctypes
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from parity.api import check
from parity.engine import mersenne
from parity.frameworks import compiled
from parity.frameworks.tensors import to_numpy
from parity.references import dispatch, proof
from tests.unit.test_insides import absolute, squared

PLAIN = "mse_loss/plain grid*mean-absent-float32"


@pytest.fixture
def generator() -> Iterator[Callable[[Any], None]]:
    """Puts a generator behind np.random; afterwards the caller's is there."""
    before = np.random.get_bit_generator()  # type: ignore[attr-defined]
    yield np.random.set_bit_generator  # type: ignore[attr-defined]
    np.random.set_bit_generator(before)  # type: ignore[attr-defined]


def goes_on() -> bool:
    """Whether np.random is found to have moved on, and then goes on as if it had not."""
    kept = mersenne.Kept()
    assert not kept.restored()
    drawn = np.random.random(700)
    return kept.restored() and not kept.restored() and bool((np.random.random(700) == drawn).all())


@pytest.mark.parametrize("make", [np.random.MT19937, np.random.PCG64, np.random.Philox, np.random.SFC64])
@pytest.mark.parametrize("layout", [True, False])
def test_a_random_generator_is_put_back_whatever_it_is_and_wherever_it_lies(
    make: Callable[[int], Any], layout: bool, generator: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator(make(3))
    assert mersenne.layout_known()
    monkeypatch.setattr(mersenne, "layout_known", lambda: layout)
    assert goes_on()


def test_a_generator_in_another_place_of_np_random_is_found(generator: Callable[[Any], None]) -> None:
    kept = mersenne.Kept()
    generator(np.random.PCG64(3))
    assert kept.restored()
    assert np.random.get_bit_generator() is kept.generator  # type: ignore[attr-defined]


def test_a_twister_that_lies_otherwise_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    mersenne.layout_known.cache_clear()
    monkeypatch.setattr(ctypes, "string_at", lambda address, size: bytes(size))
    assert not mersenne.layout_known()
    monkeypatch.undo()
    mersenne.layout_known.cache_clear()


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Torch's functions written in C do not say where they come from."""
    for value in {id(value): value for value in vars(torch).values()}.values():
        if isinstance(value, BuiltinFunctionType):
            monkeypatch.setattr(value, "__module__", None)
    monkeypatch.setattr(proof, "_PROVED", {})
    dispatch.homes_tell.cache_clear()
    yield
    monkeypatch.undo()
    dispatch.homes_tell.cache_clear()


@pytest.mark.usefixtures("homeless")
def test_torch_is_its_own_where_its_functions_do_not_say_whose_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dispatch.unasked() == ["where its built-in functions come from (it is not looked at)"]
    assert proof.not_torch("hinge_embedding_loss") is None
    monkeypatch.setattr(torch, "hinge_embedding_loss", torch.cosine_embedding_loss)
    found = str(proof.not_torch("hinge_embedding_loss"))
    assert "torch.hinge_embedding_loss comes from the built-in cosine_embedding_loss" in found


def test_where_most_say_so_one_that_does_not_is_a_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_PROVED", {})
    monkeypatch.setattr(torch.hinge_embedding_loss, "__module__", None)
    assert dispatch.homes_tell()
    assert "the built-in hinge_embedding_loss of None" in str(proof.not_torch("hinge_embedding_loss"))


def test_a_method_of_another_class_is_no_method_of_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_PROVED", {})
    monkeypatch.setattr(torch.Tensor, "clamp_", np.ndarray.clip)
    assert "the built-in clip of ndarray" in str(proof.not_torch("gaussian_nll_loss"))


@pytest.fixture
def unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch does not mark what it compiles, or by other names."""
    for mark in "_FUNCTION", "_MODULE":
        monkeypatch.setattr(compiled, mark, "no_such_mark")


@pytest.mark.usefixtures("unmarked")
def test_compiled_code_without_a_mark_is_compared_as_what_it_is_called_like() -> None:
    assert compiled.unasked() == ["its marks of compiled code (it is taken for a plain function)"]
    function: Any = torch.compile(squared, backend="eager")
    wrong: Any = torch.compile(absolute, backend="eager")
    assert not compiled.is_compiled(function)
    assert check("mse_loss", function, framework="torch", only=PLAIN, seeds=1)
    assert not check("mse_loss", wrong, framework="torch", only=PLAIN, seeds=1)
    module: Any = torch.compile(torch.nn.MSELoss(), backend="eager")
    assert check("mse_loss", module, framework="torch", lacks=["reduction", "weight"], only=PLAIN, seeds=1)


def test_a_compiled_module_is_named_as_it_is_written() -> None:
    module: Any = torch.compile(torch.nn.MSELoss(), backend="eager")
    report = check("mse_loss", module, framework="torch", only=PLAIN, seeds=1)
    assert "give its class, MSELoss, or declare" in str(report)


def test_zeros_without_memory_are_zeros() -> None:
    input = torch.randn(20, requires_grad=True)
    (slope,) = torch.autograd.grad(F.l1_loss(input, torch.zeros(20)), input, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), input)
    assert second.data_ptr() == 0
    np.testing.assert_array_equal(to_numpy(second), np.zeros(20, np.float32))
    np.testing.assert_array_equal(to_numpy(second.bfloat16()), np.zeros(20, np.float32))


def test_what_torch_registers_to_map_a_call_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_PROVED", {})
    torch.vmap(F.mse_loss)(torch.ones(2, 3), torch.ones(2, 3))
    assert proof.not_torch("mse_loss") is None
    monkeypatch.setattr(proof, "_PROVED", {})
    monkeypatch.setattr(dispatch, "kernels", lambda operator: ["FuncTorchBatched: registered at /dev/null:310 ::"])
    assert "registered at /dev/null:310" in str(proof.not_torch("mse_loss"))
    monkeypatch.setattr(proof, "_PROVED", {})
    monkeypatch.setattr(dispatch, "without_place", Everything)
    assert proof.not_torch("mse_loss") is None


class Everything:
    """A collection that has whatever is asked for."""

    def __contains__(self, one: object) -> bool:
        return True

"""Formulas computed in blocks: the bits, the shapes and the dtypes that NumPy gives for whole arrays."""

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from parity.losses import blocks
from parity.losses.blocks import Lazy, evaluated, in_blocks, kept, lazily, row_by_row, whole
from parity.types import Array

ROWS = 37


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of five rows of six numbers: the last one of 37 rows is not full."""
    monkeypatch.setattr(blocks, "LARGE", 1)
    monkeypatch.setattr(blocks, "BLOCK", 30)


def drawn(*shape: int, dtype: Any = np.float32) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@row_by_row
def largest(array: Array, *, power: int) -> Array:
    result: Array = np.maximum.reduce(array, axis=-1, keepdims=True) ** power
    return result


FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda x, y: 1 / (np.exp(-x) + 1) * y,
    "a value that is read twice": lambda x, y: (x - y) * (x - y) + np.abs(x - y),
    "a mask": lambda x, y: (x > y) & ~np.isnan(x),
    "rows reduced": lambda x, y: x - np.add.reduce(x * y, axis=-1, keepdims=True),
    "a function of rows": lambda x, y: x / largest(y, power=2),
    "another dtype": lambda x, y: (x.astype(np.dtype(np.float64)) - y).astype(np.dtype(ml_dtypes.bfloat16)),
    "clipped": lambda x, y: lazily(np.minimum, x, 0.5) - y,
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("other", [(ROWS, 6), (ROWS, 1), (1, 6), (6,), ()], ids=str)
def test_a_formula_has_the_bits_that_it_has_whole(formula: Callable[[Any, Any], Any], other: tuple[int, ...]) -> None:
    x, y = drawn(ROWS, 6), drawn(*other) if other else np.array(0.7, np.float32)
    if not other and formula in (FORMULAS["a function of rows"],):
        pytest.skip("a number has no rows")
    expected = formula(x, y)
    lazy = formula(*in_blocks(x, y))
    assert isinstance(lazy, Lazy)
    assert (lazy.shape, lazy.dtype, lazy.ndim, lazy.size) == (expected.shape, expected.dtype, 2, expected.size)
    assert whole(lazy).tobytes() == expected.tobytes()
    assert np.asarray(lazy) is whole(lazy)


@pytest.mark.parametrize("layout", [lambda array: array[::-1], lambda array: array[:, ::2], np.asfortranarray])
def test_any_strides_are_read(layout: Callable[[Array], Array]) -> None:
    x = layout(drawn(ROWS, 6))
    (lazy,) = in_blocks(x)
    assert whole(lazy * 2).tolist() == (x * 2).tolist()


def counting() -> tuple[Callable[[Array], Array], list[int]]:
    """A function of rows, and how many rows each of its calls had."""
    calls: list[int] = []

    @row_by_row
    def counted(array: Array) -> Array:
        calls.append(len(array))
        return array + 1

    return counted, calls


def test_several_results_are_computed_in_one_pass() -> None:
    counted, calls = counting()
    (x,) = in_blocks(drawn(ROWS, 6))
    shared = counted(x)
    calls.clear()
    negative, positive, other = evaluated(-shared, shared, 3)
    assert calls == [5] * 7 + [2]
    assert (negative == -positive).all()
    assert other == 3


def test_what_is_kept_is_computed_once() -> None:
    counted, calls = counting()
    (x,) = in_blocks(drawn(ROWS, 6))
    shared = kept(counted(x))
    calls.clear()
    assert np.add.reduce(shared * 1, axis=None) == pytest.approx(np.add.reduce(whole(shared), axis=None))
    assert sum(calls) == ROWS
    assert whole(2 * shared).shape == (ROWS, 6)
    assert sum(calls) == ROWS


def test_the_sum_of_all_is_a_number() -> None:
    x = np.arange(ROWS * 6, dtype=np.float32).reshape(ROWS, 6)
    (lazy,) = in_blocks(x)
    total = np.add.reduce(lazy * 2, axis=None)
    assert total == 2 * x.sum()
    assert total.dtype == np.float32


def test_what_does_not_fit_the_rows_is_computed_whole() -> None:
    (x,) = in_blocks(drawn(ROWS, 6))
    higher = drawn(2, ROWS, 6)
    assert whole(x + higher).tolist() == (whole(x) + higher).tolist()
    with pytest.raises(ValueError, match="broadcast"):
        x + drawn(ROWS + 1, 6)
    with pytest.raises(TypeError):
        np.add(x, 1, out=drawn(ROWS, 6))


def test_what_cannot_be_cut_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    one_row, complex_numbers, number = drawn(1, 6), drawn(ROWS, 6) + 1j, np.array(2.0)
    for array in (one_row, complex_numbers, number):
        assert in_blocks(array)[0] is array
    x = drawn(ROWS, 6)
    assert in_blocks(x, axis=0)[0] is x
    monkeypatch.setattr(blocks, "LARGE", x.size + 1)
    assert in_blocks(x)[0] is x


def test_rows_of_no_numbers() -> None:
    (x,) = in_blocks(np.empty((ROWS, 0), np.float32))
    assert isinstance(x, np.ndarray)
    monkey, _ = in_blocks(np.empty((ROWS, 0), np.float32), drawn(ROWS, 1))
    assert whole(monkey + 1).shape == (ROWS, 0)

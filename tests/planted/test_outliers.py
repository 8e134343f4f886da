"""A few elements that are off by a few roundings are found, though they are within the tolerance and move no mean.

Each loss in one dtype by default; each in every dtype with `--parity-depth deep`.
"""

from typing import Any

import numpy as np
import pytest

from parity import losses
from parity.dtypes import row_of
from parity.records.mismatch import Event
from parity.types import Array, Loss, Result
from tests.planted.test_bias import PAIRS, at, observed, torch_refuses

SAMPLE = PAIRS[::5]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "dtype" in metafunc.fixturenames:
        deep = metafunc.config.getoption("parity_depth", None) == "deep"
        pairs = PAIRS if deep else SAMPLE
        metafunc.parametrize(("loss", "dtype"), pairs, ids=[f"{loss}-{dtype}" for loss, dtype in pairs])


# So many elements of middling size are off: where terms cancel in one of them it does not show.
FEW = 9


def off(value: Array, relative: float) -> Array:
    """The value with a few elements off by so much."""
    wide = value.astype(np.longdouble)
    places = np.argsort(np.abs(wide), axis=None)[np.count_nonzero(wide == 0) :]
    middle = len(places) // 2
    wide.reshape(-1)[places[middle : middle + FEW]] *= 1 + relative
    return np.asarray(wide, value.dtype)


def with_few_off(function: Loss, name: str, relative: float) -> Loss:
    """The loss with a few elements of an answer off."""

    def wrong(**arguments: Any) -> Result:
        output, vjp = function(**arguments)

        def backward(grad_output: Array) -> dict[str, Array]:
            found = vjp(grad_output)
            return found | {name: off(found[name], relative)} if name in found else found

        return off(output, relative) if name == "output" else output, backward

    return wrong


def test_what_is_off_by_a_few_roundings_is_found(loss: str, dtype: str) -> None:
    function = losses.LOSSES[loss]
    found = 0
    for point in observed(loss, dtype):
        plain = at(point, function)
        assert not plain.unexpected, plain
        for name, size in plain.shows.items():
            record = at(point, with_few_off(function, name, 1.5 * size))
            assert [one.what for one in record.mismatches][:1] in (["output"], [f"gradient of {name}"]), str(record)
            found += 1
    assert found or (loss, dtype) in torch_refuses()


def test_it_is_told_where_and_by_how_much() -> None:
    (point,) = (one for one in observed("mse_loss", "float32") if one.forms["input"].shape[0] > 100)
    row = row_of(np.dtype(np.float32))
    assert row is not None
    (mismatch,) = at(point, with_few_off(losses.mse_loss, "output", 40 * row.eps)).mismatches
    assert mismatch.event is Event.OUTLIER
    assert 30 < mismatch.figures["ulp"] < 90


def test_a_right_loss_of_another_form_is_not_accused() -> None:
    """Reciprocals for quotients, and sums in another order."""

    def softmax(input: Array, dim: int = 1, **options: Any) -> Result:
        wide = input.astype(np.result_type(input.dtype, np.float32)) if input.dtype.kind == "f" else input
        powers = np.exp2((wide - wide.max(axis=dim, keepdims=True)) * wide.dtype.type(np.log2(np.e)))
        likely = powers * (1 / np.add.accumulate(powers[:, ::-1], axis=dim)[:, -1:])

        def vjp(grad_output: Array) -> dict[str, Array]:
            weighted = (grad_output * likely)[:, ::-1]
            slope = likely * grad_output - likely * np.add.accumulate(weighted, axis=dim)[:, -1:]
            return {"input": slope.astype(input.dtype)}

        return likely.astype(input.dtype), vjp

    for dtype in ("float32", "float64"):
        (point,) = observed("softmax", dtype)
        assert not at(point, softmax).unexpected

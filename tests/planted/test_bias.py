"""An error of one sign throughout is found in each loss and dtype, however small, and a lower precision too.

Each loss in one dtype by default, and each dtype in seven losses; all of them with `--parity-depth deep`.
"""

from typing import Any

import numpy as np
import pytest

from parity import losses
from parity.cases.points import Point
from parity.dtypes import FLOATING, row_of
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.question import points
from parity.records.mismatch import Kind
from parity.records.record import Record
from parity.references.versions import missing
from parity.types import Array, Loss, Result

REAL = [name for name, row in FLOATING.items() if row.numpy.kind != "c"]
PAIRS = [(loss, dtype) for loss in sorted(losses.LOSSES) for dtype in REAL]
# And one of which torch rounds halves before the end.
ROUNDED = ("triplet_margin_with_distance_loss", "float16")
SAMPLE = [pair for number, pair in enumerate(PAIRS) if number // 4 % 4 == number % 4 or pair == ROUNDED]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "dtype" in metafunc.fixturenames:
        deep = metafunc.config.getoption("parity_depth", None) == "deep"
        pairs = PAIRS if deep else SAMPLE
        metafunc.parametrize(("loss", "dtype"), pairs, ids=[f"{loss}-{dtype}" for loss, dtype in pairs])


def observed(loss: str, dtype: str) -> list[Point]:
    """The points of a loss that are looked at for a bias."""
    every = points(loss, Implementation("planted", losses={loss: dict}))
    return [point for point in every if point.dtype == dtype and "bias" in point.scenario.case.observe]


def shifted(value: Array, ulps: float, *, outwards: bool) -> Array:
    """The value, moved by so many units in its last place: away from 0, or towards +inf."""
    row = row_of(value.dtype)
    if row is None:
        return value
    wide = value.astype(np.longdouble)
    usual = np.isfinite(wide) & (np.abs(wide) > row.tiny)
    step = np.ldexp(row.eps, np.frexp(np.where(usual, wide, 0).astype(np.float64))[1] - 1) * usual
    # 1.5 ulp is 1 and 2 ulp in turn; of a single number it is rounded to even, which is the same over many draws
    turns = (np.arange(value.size).reshape(value.shape) % 2) - 0.5 if value.ndim else 0.0
    direction = np.sign(wide) if outwards else 1
    return np.asarray(wide + step * direction * (ulps + turns), value.dtype)


def leaning(function: Loss, name: str, ulps: float, *, outwards: bool) -> Loss:
    """The loss with one answer that leans."""

    def lean(**arguments: Any) -> Result:
        output, vjp = function(**arguments)

        def backward(grad_output: Array) -> dict[str, Array]:
            found = vjp(grad_output)
            return found | {name: shifted(found[name], ulps, outwards=outwards)} if name in found else found

        return shifted(output, ulps, outwards=outwards) if name == "output" else output, backward

    return lean


def at(point: Point, function: Loss) -> Record:
    """What the suite sees in the function at a point's first draw."""
    return run_point(point, Implementation("planted", losses={point.loss: function}), [0])


def test_a_bias_of_one_ulp_and_a_half_is_found_in_each_answer(loss: str, dtype: str) -> None:
    function = losses.LOSSES[loss]
    found, looked_at = 0, observed(loss, dtype)
    for point in looked_at:
        plain = at(point, function)
        assert not plain.unexpected, plain
        for number, name in enumerate(plain.detects):
            for ulps in (1.5, -1.5):
                record = at(point, leaning(function, name, ulps, outwards=number % 2 == 0))
                told = [mismatch.what for mismatch in record.mismatches]
                assert any(what.endswith(name) for what in told), (point.id, name, ulps, str(record))
                found += 1
    assert found or (loss, dtype) in torch_refuses() or (looked_at and all(map(missing, looked_at)))


def torch_refuses() -> set[tuple[str, str]]:
    """Halves of which torch's kernels on the CPU know nothing."""
    return {(loss, dtype) for loss in ("ctc_loss", "multi_margin_loss", "multilabel_margin_loss")
            for dtype in ("float16", "bfloat16")}  # fmt: skip


def test_a_bias_within_the_tolerance_of_each_element_is_told_as_such() -> None:
    """A relative error of 2e-7 is a sixth of what an element of float32 may be off."""
    point = observed("mse_loss", "float32")[0]

    def larger(**arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)
        return output * np.float32(1 + 2.4e-7), vjp

    (mismatch,) = at(point, larger).mismatches
    assert mismatch.kind is Kind.BIAS
    assert mismatch.figures["mean"] > 1

"""What a condition number used to excuse: digits that torch keeps, lost to a lower precision on the way."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from parity import losses
from parity.cases.points import Point
from parity.cases.signature import signature_of
from parity.comparison.call import Answer, Call
from parity.comparison.expectation import Expectation
from parity.dtypes import BFLOAT16, HALVES
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.question import points
from parity.records.record import Record
from parity.references.torch import TORCH
from parity.types import Array, Gradients, Loss, Result
from tests.planted.test_planted import spread


def records(loss: str, function: Loss, wanted: Callable[[Point], bool]) -> Iterator[Record]:
    """The records of the points of a kind, in an order that has each scenario's first point early."""
    implementation = Implementation("planted", losses={loss: function})
    for point in spread(points(loss, implementation)):
        if wanted(point):
            yield run_point(point, implementation, [0])


def in_single(function: Loss) -> Loss:
    """The loss, computed in float32 where float64 is asked for."""

    def narrow(value: Any) -> Any:
        return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value

    def single(**arguments: Any) -> Result:
        output, vjp = function(**{name: narrow(value) for name, value in arguments.items()})

        def backward(grad_output: Array) -> Gradients:
            found = vjp(narrow(grad_output))
            return {name: value.astype(arguments[name].dtype) for name, value in found.items()}

        return np.asarray(output, np.float64), backward

    return single


@pytest.mark.parametrize("loss", sorted(losses.LOSSES))
def test_a_float64_that_is_computed_in_float32_is_found(loss: str) -> None:
    found = records(loss, in_single(losses.LOSSES[loss]), lambda point: point.dtype == "float64")
    assert any(record.verdict == "failed" for record in found)


def added_back(input: Array, target: Array, **options: Any) -> Result:
    """The cross entropy as logsumexp(x) - x_t, where the largest logit is added before the difference is taken."""
    output, vjp = losses.cross_entropy(input, target, **options)
    peak = input.max(axis=1)
    whole = peak + np.log(np.exp(input - peak[:, None]).sum(axis=1))
    values = whole - input[np.arange(len(target)), target]
    if options["reduction"] != "none":
        values = values.mean() if options["reduction"] == "mean" else values.sum()
    return np.asarray(values, output.dtype), vjp


def rounded_first(times: float) -> Loss:
    """The cross entropy whose gradient takes 1 from a probability that is rounded to a half already."""

    def function(input: Array, target: Array, **options: Any) -> Result:
        output, vjp = losses.cross_entropy(input, target, **options)
        plain = input.dtype in HALVES and target.dtype == np.int64 and target.ndim == input.ndim - 1 > 0
        if not plain or options.pop("label_smoothing", 0) or options.keys() - {"reduction"} or (target < 0).any():
            return output, vjp
        wide = input.astype(np.float32)
        powers = np.exp(wide - wide.max(axis=1, keepdims=True))
        likely = (powers / powers.sum(axis=1, keepdims=True)).astype(input.dtype).astype(np.float32)
        slope = np.take_along_axis(likely, target[:, None], axis=1) - 1

        def backward(grad_output: Array) -> Gradients:
            found = vjp(grad_output)["input"].astype(np.float32)
            count = target.size if options.get("reduction", "mean") == "mean" else 1
            upstream = np.broadcast_to(grad_output.astype(np.float32), target.shape)[:, None]
            np.put_along_axis(found, target[:, None], times * slope * upstream / count, axis=1)
            return {"input": found.astype(input.dtype)}

        return output, backward

    return function


@pytest.mark.parametrize("times", [1.0, 1.2])
@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
def test_a_probability_that_is_rounded_before_1_is_taken_from_it_is_found(times: float, dtype: Any) -> None:
    name = np.dtype(dtype).name
    found = records("cross_entropy", rounded_first(times), lambda point: point.dtype == name)
    assert any(record.verdict == "failed" for record in found)


def test_the_gradient_of_a_confident_row_is_not_excused_by_its_condition() -> None:
    arguments = {
        "input": np.array([[[7], [0], [-1]]], BFLOAT16), "target": np.array([[0]]), "reduction": "sum",
    }  # fmt: skip
    grad_output = np.asarray(1, BFLOAT16)
    output, vjp = TORCH["cross_entropy"](**arguments)
    theirs = vjp(grad_output)
    call = Call(signature_of("cross_entropy"), TORCH["cross_entropy"], arguments, grad_output, losses.cross_entropy)
    for slope in (0.0, float(theirs["input"][0, 0, 0]) * 1.2):
        wrong = theirs["input"].copy()
        wrong[0, 0, 0] = slope
        assert Expectation(call, Answer(output, theirs), None, {}).compare("input", wrong)[2], slope


def test_a_large_logit_that_is_added_back_is_found_at_nine_points_of_ten() -> None:
    def large(point: Point) -> bool:
        plain = {"indices", "label_smoothing=0"} <= set(point.choice.values())
        return point.dtype == "float32" and "10,000" in point.scenario.name and plain

    verdicts = [record.verdict for record in records("cross_entropy", added_back, large)]
    assert verdicts.count("failed") >= 0.9 * len(verdicts)
    assert verdicts

"""What a draw is allowed beyond the table of tolerances: enough for a rounding, and no more."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from parity import losses
from parity.cases.signature import signature_of
from parity.comparison import compare, glance, truth
from parity.comparison.call import Answer, Call
from parity.comparison.expectation import ALIKE, Expectation
from parity.comparison.tolerance import Bound
from parity.references.torch import TORCH
from parity.types import Array, Result


def refused(**arguments: Any) -> Result:
    pytest.fail("torch is asked again")


def likely_class() -> tuple[dict[str, Any], Array]:
    """A softmax with one likely class, whose gradient is a difference of numbers near 1, and a grad_output."""
    rng = np.random.default_rng(1)
    input = rng.standard_normal((64, 10)).astype(np.float32)
    input[:, 0] += 9
    return {"input": input, "target": np.zeros(64, np.int64), "reduction": "sum"}, np.asarray(np.float32(1.5))


def answers(roundings: dict[str, float], reference: Any = None) -> tuple[Expectation, Array]:
    """Torch's answers to the draw, and our gradient of it."""
    arguments, grad_output = likely_class()
    output, vjp = TORCH["cross_entropy"](**arguments)
    theirs = vjp(grad_output)
    gradient = losses.cross_entropy(**arguments)[1](grad_output)["input"]
    known = reference or TORCH["cross_entropy"]
    call = Call(signature_of("cross_entropy"), known, arguments, grad_output, losses.cross_entropy)
    return Expectation(call, Answer(output, theirs), None, roundings), gradient


def test_a_rounding_is_measured_once_a_point() -> None:
    roundings: dict[str, float] = {}
    first, gradient = answers(roundings)
    assert first.compare("input", gradient)[2] is None
    assert first.lenient, "the table of tolerances was enough: this draw shows nothing"
    assert 0 < roundings["input"] < 1e-4

    later, gradient = answers(roundings, refused)
    assert later.compare("input", gradient)[2] is None
    assert later.lenient


def test_an_error_larger_than_a_measured_rounding_is_told() -> None:
    roundings: dict[str, float] = {}
    first, gradient = answers(roundings)
    first.compare("input", gradient)
    scale = float(np.abs(first.answer.gradients["input"]).max())
    for factor, told in ((0.9, False), (20, True)):
        wrong = first.answer.gradients["input"].copy()
        wrong[3, 4] += factor * ALIKE * roundings["input"] * scale
        assert bool(answers(roundings)[0].compare("input", wrong)[2]) is told


def test_a_gross_error_teaches_nothing() -> None:
    roundings: dict[str, float] = {}
    first, gradient = answers(roundings)
    assert first.compare("input", gradient * np.float32(1.01))[2]
    assert not roundings


@np.errstate(invalid="ignore")
def test_a_number_is_allowed_what_torch_is_off_elsewhere_in_size_and_in_share() -> None:
    error, exact = np.array([1e-9, 0, 0, 0]), np.array([1.0, 1e-3, 1e3, 0])
    assert truth.elsewhere(error, exact, 0.0).tolist() == pytest.approx([1e-9, 1e-12, 1e-9, 0])
    assert truth.elsewhere(np.zeros(0), np.zeros(0), 0.0).shape == (0,)


def test_a_tail_is_not_hidden_by_the_roundings_of_large_numbers() -> None:
    """1e-9 beside 1, torch right about both to the last digit: a tail of 0 is wrong."""
    exact = np.array([1.0, 1e-9])
    assert truth.elsewhere(exact * 2.0**-24, exact, 0.0)[1] < 1e-15


def test_the_step_of_a_subnormal_tells_nothing_of_larger_numbers() -> None:
    step = 2.0**-24
    exact = np.array([1.0, 1e-3, 1.5 * step])
    assert truth.elsewhere(np.array([2.0**-11, 0, 0.5 * step]), exact, 8 * step)[1] < 1e-6


def test_a_gradient_of_halves_that_cancels_to_0_may_be_off_by_a_rounding_in_float32_and_no_more() -> None:
    halves = np.array([[1, 0.671875]], ml_dtypes.bfloat16)
    grad_output = np.full((1, 2), 1.125, ml_dtypes.bfloat16)
    arguments: dict[str, Any] = {"input": halves, "dim": 1}
    output, _ = TORCH["softmax"](**arguments)
    zero = np.zeros((1, 2), ml_dtypes.bfloat16)
    for error, accused in ((3e-8, False), (4e-7, False), (1e-6, True), (1e-3, True)):
        expected = Expectation(
            Call(signature_of("softmax"), exact_softmax, arguments, grad_output, losses.softmax),
            Answer(output, {"input": zero}),
            None,
            {},
        )
        assert bool(expected.compare("input", np.asarray(zero + error, ml_dtypes.bfloat16))[2]) is accused


def exact_softmax(**arguments: Any) -> Result:
    """A softmax whose gradient of an upstream of one number is exactly 0: no measurement finds a rounding in it."""
    output, _ = losses.softmax(**arguments)
    return output, lambda grad_output: {"input": np.zeros_like(arguments["input"])}


@pytest.mark.parametrize("place", [0, 77, glance.BLOCK, 3 * glance.BLOCK + 5])
def test_a_look_at_blocks_finds_the_worst_number(place: int) -> None:
    expected = np.linspace(1, 2, 3 * glance.BLOCK + 6, dtype=np.float32).reshape(2, -1)
    actual = expected.copy()
    actual.reshape(-1)[place] *= np.float32(1 + 1e-6)
    bound = Bound(1e-5, 0.0)
    whole, share = compare.judge(expected, actual, bound)
    assert glance.at_blocks(expected, actual, bound) == (whole, glance.ulps(expected, actual, share))
    assert glance.at_blocks(expected, expected, bound) == (0.0, 0.0)
    actual.reshape(-1)[place] = np.nan
    assert glance.at_blocks(expected, actual, bound)[0] == np.inf


def test_an_exact_0_may_be_missed_by_what_cancelling_terms_leave_of_other_numbers() -> None:
    exact, least = np.array([0.0, 1e-17, 2.0]), 1e-37
    with np.errstate(all="raise"):
        assert truth.elsewhere(np.array([0.0, 3e-8, 1e-7]), exact, least)[0] == 3e-8
        assert truth.elsewhere(np.array([0.0, 1e-24, 1e-7]), exact, least)[0] == 0
        assert truth.elsewhere(np.array([0.0, np.inf, np.nan]), np.array([0.0, np.inf, np.nan]), least)[0] == 0


def test_no_warning_of_numpy_leaves_a_comparison() -> None:
    arguments = {"input": np.array([1e4, 3e38, -5, 0], np.float32), "dim": 0}
    grad_output = np.array([1e38, 3e38, 0, 1e-40], np.float32)
    theirs = np.array([np.inf, 3e38, 1e-40, 0], np.float32)
    call = Call(signature_of("softmax"), TORCH["softmax"], arguments, grad_output, losses.softmax)
    expected = Expectation(call, Answer(np.ones(4, np.float32), {"input": theirs}), None, {})
    with np.errstate(all="raise"):
        assert expected.compare("input", theirs * np.array([1, 1, 1, -1], np.float32))[2] is None
        assert expected.compare("input", theirs * np.array([1, np.nan, 3, 1], np.float32))[2] is not None
        assert compare.judge(theirs, theirs, Bound(1e-5, 0.0))[0] == 0

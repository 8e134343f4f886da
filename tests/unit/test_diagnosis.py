"""Each sentence of the diagnosis: an example that it is right about, and a near miss that it must not name."""

from typing import Any

import numpy as np
import pytest

from parity.comparison.diagnosis import diagnose
from parity.comparison.factors import Factors
from parity.types import Array

TORCH = np.array([[1.0, -2.0, 3.0], [-0.5, 0.25, 4.0]])
ONES = np.array([[2.0, 2.5, -1.0], [1.0, 3.0, -4.0]])
TURNED = TORCH.T.reshape(2, 3)
ALL_BUT_ONE = np.where(TORCH == 4, 4, TORCH * 1.25)
AN_OUTLIER = np.where(TORCH == 4, 9, TURNED)


def said(actual: Any, expected: Any = TORCH, what: str = "gradient of input", ones: Array | None = ONES) -> str:
    return diagnose(what, np.asarray(expected, float), np.asarray(actual, float), lambda: ones)


ZERO = "is zero everywhere"
IGNORES = "ignores grad_output (it is {reference}'s for a grad_output of ones)"
FLIPPED = "has its sign flipped"
FACTOR = "is 1.25 times {reference}'s throughout (a wrong denominator or factor)"
ONE_VALUE = "has one value throughout"
ORDER = "holds {reference}'s values in another order (a layout or a dimension was mistaken)"


@pytest.mark.parametrize(
    ("sentence", "example", "near_miss"),
    [
        (ZERO, TORCH * 0, np.where(TORCH == 4, 4.0, 0)),
        (IGNORES, ONES, np.where(TORCH == 4, 4.0, ONES)),
        (FLIPPED, -TORCH, np.where(TORCH == 4, 4.0, -TORCH)),
        (FACTOR, 1.25 * TORCH, ALL_BUT_ONE),
        (ONE_VALUE, np.full((2, 3), 0.7), np.where(TORCH == 4, 0.8, 0.7)),
        (ORDER, TURNED, AN_OUTLIER),
    ],
    ids=["zero", "ones", "sign", "factor", "one value", "order"],
)
def test_a_sentence_has_an_example_and_a_near_miss(sentence: str, example: Array, near_miss: Array) -> None:
    assert said(example) == sentence
    assert said(near_miss) == ""


def test_an_output_ignores_no_grad_output() -> None:
    assert said(ONES, what="output") == ""


def test_a_grad_output_of_ones_is_not_ignored() -> None:
    """Torch's gradient is the one for ones then: what is wrong is something else."""
    assert said(1.25 * TORCH, ones=TORCH) == FACTOR


def test_without_torchs_gradient_for_ones_nothing_is_said_of_it() -> None:
    assert said(ONES, ones=None) == ""
    assert said(ONES, ones=np.ones(2)) == ""


@pytest.mark.parametrize(("factor", "sentence"), [(0.5, "is 0.5 times"), (1.02, "is 1.02 times"), (-3, "is -3 times")])
def test_a_factor_is_named(factor: float, sentence: str) -> None:
    assert said(factor * TORCH).startswith(sentence)


def test_an_error_of_less_than_a_hundredth_has_no_name() -> None:
    """A lost digit is neither a factor nor another order."""
    assert said(TORCH * 1.005) == ""
    assert said(TORCH + np.linspace(0, 1e-3, 6).reshape(2, 3)) == ""


def test_nothing_is_said_where_torch_has_no_numbers_or_only_zeros() -> None:
    assert said(np.ones(3), np.full(3, np.nan), ones=None) == ""
    assert said(np.ones(3), np.zeros(3), ones=None) == ""
    assert said(np.zeros(0), np.zeros(0), ones=None) == ""


def test_throughout_means_the_small_elements_too() -> None:
    """Elements below a thousandth of the largest are not looked at: here a tail is lost, and no factor wrong."""
    assert said([2.0, 4.0, 5e-5], [1.0, 2.0, 1e-3], ones=None) == ""


def test_throughout_means_the_elements_that_are_no_numbers_too() -> None:
    assert said([2.0, 4.0, np.nan], [1.0, 2.0, 3.0], ones=None) == ""


def test_one_wrong_number_among_zeros_is_no_zero_everywhere() -> None:
    assert said([0.0, 0.0, np.nan], [1.0, 2.0, 3.0], ones=None) == ""


def test_one_number_is_no_pattern() -> None:
    """Any wrong scalar is some multiple of torch's: that tells nothing of a denominator."""
    assert said(0.83719, 2.41, what="output") == ""


def test_a_complex_factor_is_told_whole() -> None:
    expected = np.array([1 + 2j, 3 - 1j, -2 + 1j])
    assert "is 1j times" in diagnose("output", expected, expected * 1j, lambda: None)


def test_one_wrong_element_is_no_other_order() -> None:
    """Where most of many numbers are alike, one that is wrong leaves the sorted values nearly the same."""
    expected = np.linspace(0, 1, 5000)
    actual = expected.copy()
    actual[100] = expected[150]
    assert said(actual, expected, ones=None) == ""


def test_a_real_factor_of_complex_numbers_is_real() -> None:
    expected = np.array([1 + 2j, 3 - 1j, 0.5 + 0.1j])
    text = diagnose("output", expected, expected * (2 - 1e-16j), lambda: None)
    assert text == "is 2 times {reference}'s throughout (a wrong denominator or factor)"


def test_a_ratio_of_counts_of_targets_comes_before_one_of_classes() -> None:
    call = {"input": np.zeros((5, 4), np.float32), "target": np.array([0, 1, 2, 3, -100])}
    known = Factors("cross_entropy", call).named(0.8)
    assert known[0] == "the targets that are not ignored / the number of targets (4 / 5)"
    assert "the number of classes / the batch size (4 / 5)" in known

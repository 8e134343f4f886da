"""The mean of signed roundings: what leans is found; errors that rows share, and huge ones, are not accused."""

import numpy as np
import pytest

from parity.comparison.bias import ROWS, Errors, errors
from parity.dtypes import FLOATING, Row
from parity.types import Array

SHAPE = (2053, 4)
REAL = [name for name, row in FLOATING.items() if row.numpy.kind != "c"]


def found(row: Row, off: Array, theirs: float = 0.0, seed: int = 1) -> Errors:
    """The errors of an answer that is off the exact one by so many ulp at each element, before it is rounded."""
    rng = np.random.default_rng(seed)
    exact = rng.standard_normal(SHAPE).astype(np.longdouble)
    ulp = np.ldexp(row.eps, np.frexp(exact.astype(np.float64))[1] - 1)
    actual, expected = (np.asarray(exact + one * ulp, row.numpy) for one in (off, theirs))
    seen = errors(actual, expected, exact, row)
    assert seen is not None
    return seen


@pytest.mark.parametrize("name", REAL)
def test_a_mean_of_one_ulp_leans_and_roundings_do_not(name: str) -> None:
    row = FLOATING[name]
    noise = np.random.default_rng(2).standard_normal(SHAPE)
    assert not found(row, noise).leans
    for ulps in (1.0, -1.0):
        assert found(row, noise + ulps).leans
    assert 0.2 < found(row, noise).seen / row.eps < 1


def test_errors_that_a_row_shares_count_once_a_row() -> None:
    """Rows of one error each: their mean is off by far more than 8,212 independent errors' would be."""
    row = FLOATING["float32"]
    shared = [3 * np.random.default_rng(seed).standard_normal((SHAPE[0], 1)) * np.ones(SHAPE) for seed in range(200)]
    seen = [found(row, one) for one in shared]
    assert not any(one.leans for one in seen)
    assert np.std([one.mean for one in seen]) > 0.02


def test_errors_of_what_cancels_have_no_weight() -> None:
    """Errors as 1 / x is distributed: a few of them are thousands of ulp."""
    row = FLOATING["float32"]
    for seed in range(50):
        assert not found(row, np.random.default_rng(seed).standard_cauchy(SHAPE)).leans


def test_torchs_own_bias_is_granted() -> None:
    row = FLOATING["float32"]
    assert not found(row, np.full(SHAPE, 3.0), theirs=3.0).leans
    assert found(row, np.full(SHAPE, 4.2), theirs=3.0).leans


def test_a_lower_precision_is_coarse_though_it_does_not_lean() -> None:
    row = FLOATING["float64"]
    single = found(row, np.random.default_rng(3).uniform(-(2.0**28), 2.0**28, SHAPE))
    assert single.coarse
    assert not found(row, 3 * np.random.default_rng(3).standard_normal(SHAPE), theirs=1.0).coarse


def test_nothing_is_said_of_few_rows_and_of_zeros() -> None:
    row, few = FLOATING["float32"], np.ones((ROWS - 1, 4), np.float32)
    assert errors(few, few, few.astype(np.float64), row) is None
    zeros = np.zeros(SHAPE, np.float32)
    assert errors(zeros, zeros, zeros.astype(np.float64), row) is None

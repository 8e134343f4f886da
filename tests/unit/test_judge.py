"""The judge: what it accepts in every dtype, what a step is, and how the table stands beside torch's own."""

from collections.abc import Iterator
from typing import Any, Literal

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.testing._comparison import default_tolerances

from parity.cases.schema import Allowance, Tolerance
from parity.comparison.compare import allowance, describe, form, judge
from parity.comparison.tolerance import EXACT, Bound, bound, magnitude, ulp
from parity.dtypes import FLOATING, name_of
from parity.records.mismatch import OUTPUT
from parity.records.sentences import sentence
from parity.types import Array, DType

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = [np.dtype(np.float16), BFLOAT16, np.dtype(np.float32), np.dtype(np.float64)]
COMPLEX = [np.dtype(np.complex64), np.dtype(np.complex128)]
WHOLE = [np.dtype(name) for name in ("bool", "uint8", "int8", "int16", "int32", "int64")]
DTYPES = FLOATS + COMPLEX + WHOLE


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """As the engine judges: inf - inf is no warning."""
    with np.errstate(all="ignore"):
        yield


def finite(dtype: DType) -> st.SearchStrategy[Array]:
    """Any finite number of a floating dtype, as a 0-d array."""
    real = np.zeros((), dtype).real.dtype
    width: Literal[16, 32, 64] = 16 if real == np.float16 else 64 if real == np.float64 else 32
    parts = st.floats(width=width, allow_infinity=False, allow_nan=False)
    drawn = st.builds(complex, parts, parts) if dtype.kind == "c" else parts
    return drawn.map(lambda number: np.asarray(number, dtype)).filter(np.isfinite)


def numbers(dtype: DType) -> st.SearchStrategy[Array]:
    """Arrays of any shape, empty and 0-d ones too, of any numbers of the dtype: nan, inf and subnormal ones too."""
    shapes = arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)
    wide = np.dtype(np.float32) if dtype == BFLOAT16 else dtype
    return arrays.arrays(wide, shapes).map(lambda array: np.asarray(array, dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=name_of)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_what_equals_torch_is_at_a_distance_of_0(dtype: DType, data: st.DataObject) -> None:
    expected = data.draw(numbers(dtype))
    for allowed in (bound(dtype, "output"), bound(dtype, "input")):
        worst, share = judge(expected, expected.copy(), allowed)
        assert worst == 0
        assert share.shape == expected.shape
        assert not share.any()
    assert form(OUTPUT, expected, expected.copy()) is None


@pytest.mark.parametrize("dtype", FLOATS + COMPLEX, ids=name_of)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_share_is_the_error_over_rtol_times_the_value_plus_atol(dtype: DType, data: st.DataObject) -> None:
    expected, actual = data.draw(finite(dtype)), data.draw(finite(dtype))
    wide = np.complex128 if dtype.kind == "c" else np.float64
    allowed = Bound(rtol=0.25, atol=0.5)
    e, a = expected.astype(wide), actual.astype(wide)
    right = abs(a - e) / (0.25 * abs(e) + 0.5)
    worst, _ = judge(expected, actual, allowed)
    if np.isfinite(abs(e)) and np.isfinite(right) and right < np.finfo(np.float32).max:
        assert worst == pytest.approx(right, rel=1e-5)
    else:  # the modulus of a complex number may be beyond float64 though its parts are not
        assert worst > 1 or e == a


@pytest.mark.parametrize("dtype", FLOATS, ids=name_of)
@pytest.mark.parametrize(
    ("expected", "actual"), [(np.nan, 1), (1, np.nan), (np.inf, 1), (1, np.inf), (np.inf, -np.inf), (np.nan, np.inf)]
)
def test_nan_and_inf_agree_only_with_themselves(dtype: DType, expected: float, actual: float) -> None:
    one, other = np.array([0, expected], dtype), np.array([0, actual], dtype)
    worst, share = judge(one, other, Bound(1e9, 1e9))
    assert worst == np.inf
    assert share.tolist() == [0, np.inf]


@pytest.mark.parametrize("dtype", [one for one in WHOLE if one.kind != "b"], ids=name_of)
def test_whole_numbers_agree_exactly_beyond_what_float64_tells_apart_too(dtype: DType) -> None:
    largest = np.array([0, np.iinfo(dtype).max], dtype)
    worst, share = judge(largest, largest - np.array([0, 1], dtype), bound(dtype, "output"))
    assert worst == np.inf
    assert share.tolist() == [0, np.inf]


@settings(max_examples=50, deadline=None)
@given(expected=numbers(np.dtype(np.float32)), seed=st.integers(0, 99))
def test_an_allowance_of_the_draw_only_ever_allows_more(expected: Array, seed: int) -> None:
    rng = np.random.default_rng(seed)
    actual = np.asarray(expected + rng.normal(size=expected.shape) * 1e-5, np.float32)
    allowed = bound(expected.dtype, "output")
    extra = rng.choice([0, 1e-5, 1.0, np.nan, np.inf], size=expected.shape)
    # beyond 1e30 the allowance is a subnormal float32, which has few digits, and the share as many
    strict = np.minimum(judge(expected, actual, allowed)[1], 1e30)
    lenient = np.minimum(judge(expected, actual, allowed, extra)[1], 1e30)
    assert not (lenient > strict * (1 + 1e-5)).any()
    none = ~np.isfinite(extra) | (extra == 0)
    np.testing.assert_allclose(lenient[none], strict[none], rtol=1e-5)


def test_where_torch_overflows_its_exact_answer_rounded_once_is_accepted_too() -> None:
    expected = np.array([np.nan, np.inf, 2], np.float16)
    exact = np.array([7.0, 1e5, 3.0])
    allowed = bound(expected.dtype, "output")
    right, *wrong = [7, np.inf, 2], [7.1, np.inf, 2], [7, 6e4, 2], [7, np.inf, 3]
    assert judge(expected, np.array(right, np.float16), allowed, truth=exact)[0] <= 1
    for actual in wrong:
        assert judge(expected, np.array(actual, np.float16), allowed, truth=exact)[0] > 1, actual


@pytest.mark.parametrize("dtype", FLOATS, ids=name_of)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_an_ulp_is_the_spacing_of_the_dtype_at_the_value(dtype: DType, data: st.DataObject) -> None:
    value = data.draw(finite(dtype))
    step = float(np.spacing(np.abs(value)))
    assume(np.isfinite(step))  # the largest number has no next one
    assert ulp(step, float(value), dtype) == 1


@pytest.mark.parametrize(
    ("value", "size"), [(3 - 4j, 5), (complex(1.7e308, 1.7e308), np.inf), (complex(-np.inf, np.nan), np.inf)]
)
def test_no_number_is_too_large_for_its_size(value: complex, size: float) -> None:
    assert magnitude(value) == size
    assert np.isnan(magnitude(complex(np.nan, 0)))


@pytest.mark.parametrize("dtype", FLOATS, ids=name_of)
@pytest.mark.parametrize("exponent", [-3, 0, 3])
def test_an_ulp_halves_just_below_a_power_of_two(dtype: DType, exponent: int) -> None:
    power = np.asarray(2.0**exponent, dtype)
    below = np.nextafter(power, np.asarray(0, dtype))
    step = float(power - below)
    assert ulp(step, float(below), dtype) == ulp(step, -float(below), dtype) == 1
    assert ulp(step, float(power), dtype) == 0.5


def test_an_error_of_no_number_and_of_whole_numbers_is_in_units() -> None:
    assert ulp(3, 7, np.dtype(np.int64)) == 3
    assert ulp(2, np.inf, np.dtype(np.float32)) == 2
    assert ulp(1, abs(3 + 4j), np.dtype(np.complex64)) == ulp(1, 5, np.dtype(np.float32))


@pytest.mark.parametrize("name", FLOATING)
def test_the_limits_of_a_dtype_are_its_own(name: str) -> None:
    dtype = BFLOAT16 if name == "bfloat16" else np.dtype(name)
    limits = ml_dtypes.finfo(np.zeros((), dtype).real.dtype)
    row = FLOATING[name]
    assert (row.eps, row.tiny) == (float(limits.eps), float(limits.tiny))
    assert row.smallest == float(limits.smallest_subnormal)


def torch_tolerance(name: str) -> Bound:
    """What torch.testing.assert_close takes for two tensors of a dtype."""
    return Bound(*default_tolerances(getattr(torch, name)))


@pytest.mark.parametrize("name", FLOATING)
@pytest.mark.parametrize("what", ["output", "input"])
def test_the_table_is_nowhere_looser_than_assert_close_and_much_tighter_for_small_numbers(name: str, what: str) -> None:
    ours, theirs = bound(BFLOAT16 if name == "bfloat16" else np.dtype(name), what), torch_tolerance(name)
    assert ours.rtol <= theirs.rtol
    assert ours.atol <= theirs.atol / 20
    assert ours.rtol >= 0.5 * FLOATING[name].eps, "tighter than one rounding"


def test_which_tolerances_are_tighter_than_those_of_assert_close() -> None:
    """atol in every dtype; rtol in bfloat16, float64 and complex128 alone. float16 and float32 have assert_close's."""
    dtypes = {name: BFLOAT16 if name == "bfloat16" else np.dtype(name) for name in FLOATING}
    assert {n for n, d in dtypes.items() if bound(d, "output").atol < torch_tolerance(n).atol} == FLOATING.keys()
    assert {n for n, d in dtypes.items() if bound(d, "output").rtol < torch_tolerance(n).rtol} == {
        "bfloat16", "float64", "complex128",
    }  # fmt: skip
    assert all(bound(dtype, "output") == bound(dtype, "input") for dtype in dtypes.values())


@pytest.mark.parametrize("dtype", WHOLE, ids=name_of)
def test_whole_numbers_are_exact_in_torch_and_here(dtype: DType) -> None:
    assert bound(dtype, "output") == bound(dtype, "input") == EXACT == torch_tolerance(dtype.name)


def test_a_tail_that_assert_close_would_take_for_0_is_seen() -> None:
    tail = np.log1p(np.exp(np.float32(-20)))
    assert tail < torch_tolerance("float32").atol
    assert judge(np.asarray(tail), np.zeros((), np.float32), bound(np.dtype(np.float32), "output"))[0] > 1e5


def test_a_tolerance_of_a_scenario_widens_and_never_narrows() -> None:
    wide = Allowance(rtol=0.1, atol=0.01)
    own = Tolerance(output=wide, gradient=Allowance(eps=4), because="it is an example")
    single = np.dtype(np.float32)
    assert bound(single, "output", own) == (0.1, 0.01)
    assert bound(single, "input", own) == (bound(single, "input").rtol, 4 * 2.0**-23)
    assert bound(single, "output", Tolerance(gradient=wide, because="it is an example")) == bound(single, "output")


SAID = {
    "type": "output is a list, expected a plain array", "shape": "shape [3, 2], torch's has [2, 3]",
    "dtype": "float64, torch's has float32",
}  # fmt: skip


def test_the_form_is_told_before_any_value() -> None:
    expected = np.zeros((2, 3), np.float32)
    made: dict[str, Any] = {
        "type": [1.0, 2.0], "shape": np.zeros((3, 2), np.float32), "dtype": np.zeros((2, 3), np.float64),
    }  # fmt: skip
    for kind, actual in made.items():
        mismatch = form(OUTPUT, expected, actual)
        assert mismatch is not None
        assert mismatch.kind == kind
        assert SAID[kind] in sentence(mismatch)


def test_the_sentence_is_about_the_worst_element() -> None:
    expected = np.array([1.0, 100.0, 0.0, 8.0], np.float32)
    actual = np.array([1.5, 101.0, 0.0, 8.0], np.float32)
    allowed = bound(expected.dtype, "output")
    _, share = judge(expected, actual, allowed)
    mismatch = describe(OUTPUT, expected, actual, share, allowance(expected, allowed, None), None)
    said = sentence(mismatch)
    assert said.startswith("output differs in 2 of 4 elements; worst at [0]: 1.5, torch has 1 (absolute 5")
    assert mismatch.figures["ulp"] == 0.5 / 2.0**-23
    assert "exact answer" not in said


@pytest.mark.parametrize(
    ("actual", "exact", "said"),
    [
        (3.0, 1.0, "; the exact answer is 1, torch is the nearer"),
        (3.0, 3.0, "; the exact answer is 3, torch is the farther: a finding against torch"),
        (3.0, 2.25, "; the exact answer is 2.25"),
        (np.nan, 1.0, "; the exact answer is 1, torch is the nearer"),
        (3.0, np.inf, "; the exact answer is inf"),
    ],
)
def test_the_exact_answer_says_who_is_nearer(actual: float, exact: float, said: str) -> None:
    expected, found = np.array([1.5], np.float32), np.array([actual], np.float32)
    allowed = bound(expected.dtype, "output")
    _, share = judge(expected, found, allowed)
    mismatch = describe(OUTPUT, expected, found, share, allowance(expected, allowed, None), np.array([exact]))
    assert said in sentence(mismatch)
    assert ("torch is" in sentence(mismatch)) == ("torch is" in said)


@pytest.mark.parametrize("dtype", COMPLEX, ids=name_of)
def test_a_complex_number_whose_size_overflows_is_not_allowed_everything(dtype: DType) -> None:
    largest = float(np.finfo(dtype).max)
    expected = np.array([0.71 * largest + 0.71j * largest], dtype)
    wrong = np.array([0.3 * largest + 0.71j * largest], dtype)
    assert judge(expected, expected.copy(), bound(dtype, "output"))[0] == 0
    assert judge(expected, wrong, bound(dtype, "output"))[0] > 1e3

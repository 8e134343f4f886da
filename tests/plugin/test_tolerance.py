"""A tolerance of one's own, with its reason: what it widens, what it leaves, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parity
from parity import losses
from parity.types import Array, Gradients, Result

CASES = """
loss: mse_loss
cases:
  - name: plain grid
    given: {input: {normal: [2, 3]}, target: {normal: [2, 3]}}
    across: {reduction: [none, mean], dtype: [float16, float32, float64]}
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(CASES)
    return path


def rough(dtype: str = "float32", output: float = 0.0, gradient: float = 0.0) -> Any:
    """mse_loss whose answers are off by these shares of them."""

    def loss(**arguments: Any) -> Result:
        result, vjp = losses.mse_loss(**arguments)

        def off(value: Array, by: float) -> Array:
            return np.asarray(value * value.dtype.type(1 + by)) if value.dtype == dtype else value

        def backward(grad_output: Array) -> Gradients:
            return {name: off(one, gradient) for name, one in vjp(grad_output).items()}

        return off(result, output), backward

    return loss


FORMS: list[dict[str, Any]] = [
    {"float32 gradient": "2e-3", "because": "TF32 in the backward"},
    {"float32 gradient": "2e-3 because TF32 in the backward"},
    {"float32 gradient": {"rtol": 2e-3, "because": "TF32 in the backward"}},
    {"mse_loss.float32 gradient": {"rtol": "2e-3"}, "because": "TF32 in the backward"},
    {"float32": 2e-3, "because": "TF32 in the backward"},
    {"gradient": 0.002, "because": "TF32 in the backward"},
]


@pytest.mark.parametrize("tolerance", FORMS, ids=str)
def test_it_is_said_in_several_ways_and_told_once_with_its_reason(cases: Path, tolerance: dict[str, Any]) -> None:
    wrong = rough(gradient=1e-3)
    assert parity.check("mse_loss", wrong, cases=cases).count("failed") == 2
    report = parity.check("mse_loss", wrong, cases=cases, tolerance=tolerance)
    assert report.ok, report
    assert str(report).count("rtol 0.002: TF32 in the backward") == 1
    assert "differs by design, at 2 of 6 points: " in str(report)


@pytest.mark.parametrize(
    "wrong",
    [rough(gradient=4e-3), rough(output=1e-3), rough("float16", gradient=0.1), rough("float64", gradient=1e-3)],
    ids=["beyond it", "the output", "another dtype", "a double"],
)
def test_what_is_beyond_it_or_beside_it_stays_red(cases: Path, wrong: Any) -> None:
    report = parity.check("mse_loss", wrong, cases=cases, tolerance=FORMS[0])
    assert report.count("failed") == 2
    assert "by design" not in "".join(report.failures)


def test_one_that_is_not_needed_is_told(cases: Path) -> None:
    report = parity.check("mse_loss", losses.mse_loss, cases=cases, tolerance=FORMS[0])
    assert report.ok
    assert "declared to differ, yet no point needs it: float32 gradient rtol 0.002: TF32" in str(report)


def test_an_absolute_one_and_one_of_a_single_argument(cases: Path) -> None:
    wrong = rough(gradient=1e-3)
    small = {"float32 gradient of input": {"atol": 0.1}, "because": "sums in another order"}
    report = parity.check("mse_loss", wrong, cases=cases, tolerance=small)
    assert report.count("failed") == 2
    assert "gradient of input" not in "".join(report.failures).replace("asked for the gradient of input", "")
    assert parity.check("mse_loss", wrong, cases=cases, tolerance={**small, "gradient of target": {"atol": 0.1}}).ok


@pytest.mark.parametrize(
    ("tolerance", "sentence"),
    [
        ({"flaot16 gradient": "2e-3 because so"}, "no tolerance is for 'flaot16 gradient'; did you mean 'float16 grad"),
        ({"float16 gradeint": "2e-3 because so"}, "no tolerance is for 'float16 gradeint'; did you mean 'float16 grad"),
        ({"float16 gradient": "2e-3"}, "the tolerance 'float16 gradient' has no reason: write '2e-3 because ...'"),
        ({"float16 gradient": {"rtol": 2e-3}}, "the tolerance 'float16 gradient' has no reason"),
        ({"float16": {"rtl": 2e-3}, "because": "so"}, "the tolerance 'float16' says 'rtl'; did you mean 'rtol'?"),
        ({"float16": "much because so"}, "the tolerance 'float16' is 'much because so', expected a number up to 0.1"),
        ({"float16": 0.5, "because": "so"}, "the tolerance 'float16' is 0.5, expected a number up to 0.1"),
        ({"float16": 0, "because": "so"}, "the tolerance 'float16' allows nothing"),
        ({"nll_loss.float16": 0.01, "because": "so"}, "'nll_loss.float16' is about nll_loss, which is not among"),
        ("2e-3", "tolerance is '2e-3', expected a mapping"),
    ],
)
def test_what_means_nothing_is_refused(cases: Path, tolerance: Any, sentence: str) -> None:
    with pytest.raises(parity.Misdeclared) as caught:
        parity.check("mse_loss", losses.mse_loss, cases=cases, tolerance=tolerance)
    assert sentence in str(caught.value)


def test_all_of_it_is_understood_by_check_parametrize_and_an_implementation_alike(cases: Path) -> None:
    def refuses(reduction: str = "mean", **arguments: Any) -> Result:
        if reduction == "maen":
            raise KeyError(reduction)
        result: Result = rough(gradient=1e-3)(reduction=reduction, **arguments)
        return result

    refusal = "  - name: an unknown reduction is refused\n    given: {input: [1.0], target: [2.0], reduction: maen}\n"
    cases.write_text(f"{CASES}{refusal}    raises: {{ValueError: not a valid value}}\n")
    declared: dict[str, Any] = {
        "lacks": {"second derivatives": "a kernel"}, "differs": {"output dtype": "never"}, "tolerance": FORMS[0],
        "equivalents": {"ValueError": ["KeyError"]}, "expected_failures": {}, "device": "cpu",
    }  # fmt: skip
    assert parity.check("mse_loss", refuses, cases=cases, **declared).ok

    @parity.parametrize("mse_loss", refuses, cases=cases, **declared)
    def a_test(point: Any) -> None:
        point.check()

    for point in a_test.pytestmark[0].args[1]:  # type: ignore[attr-defined]
        assert point.run().verdict == "passed"
    library = parity.Implementation("mylib", losses={"mse_loss": refuses}, **declared)
    assert parity.check("mse_loss", library, cases=cases).ok
    with pytest.raises(parity.Misdeclared, match="equivalents has 'KeyError' for ValueError, expected a list"):
        parity.check("mse_loss", refuses, cases=cases, equivalents={"ValueError": "KeyError"})

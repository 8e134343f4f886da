"""Bring your own: `parity.check`, `parity.parametrize`, `parity.Implementation`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.types import Array, Result

CASES = """
loss: mse_loss
cases:
  - name: plain grid
    given: {input: {normal: [3]}, target: {normal: [3]}}
    across: {reduction: [none, mean], dtype: [float32, float64]}
  - name: weights count
    given: {input: {normal: [3]}, target: {normal: [3]}, weight: {uniform: [3]}}
  - name: an unknown reduction is refused
    given: {input: {normal: [3]}, target: {normal: [3]}, reduction: maen}
    raises: {ValueError: not a valid value}
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(CASES)
    return path


def test_a_true_torch_function_agrees(cases: Path) -> None:
    report = parity.check("mse_loss", lambda **arguments: F.mse_loss(**arguments), framework="torch", cases=cases)
    assert report.ok
    assert report.failures == []
    assert str(report) == "mse_loss of yours agrees with torch: 6 passed."
    report.raise_for_failures()


def test_a_module_class_agrees_and_a_built_module_serves_what_it_was_built_with(cases: Path) -> None:
    lacks = ["weight"]
    assert parity.check("mse_loss", torch.nn.MSELoss, framework="torch", cases=cases, lacks=lacks).ok
    report = parity.check("mse_loss", torch.nn.MSELoss(), framework="torch", cases=cases, lacks=lacks)
    (problem,) = report.failures
    assert "it is a module built with reduction='mean', which the cases of mse_loss vary: give its class" in problem
    assert "MSELoss, or declare lacks=['reduction'] to compare it as it is" in problem
    lacks = ["weight", "reduction=none", "errors"]
    assert parity.check("mse_loss", torch.nn.MSELoss(), framework="torch", cases=cases, lacks=lacks).ok


def test_a_wrong_function_is_told_in_sentences_with_a_line_that_repeats_the_draw(cases: Path) -> None:
    report = parity.check("mse_loss", lambda **arguments: F.mse_loss(**arguments) * 2, framework="torch", cases=cases)
    assert not report.ok
    assert len(report.failures) == 5
    first = report.failures[0]
    assert "output is 2 times torch's throughout" in first
    assert "gradient of input is 2 times" in first
    assert f"{cases}:4" in first
    assert "only='mse_loss/plain grid/none-float32', seeds=1, seed_base=0" in first
    with pytest.raises(parity.ParityError, match="5 failed"):
        report.raise_for_failures()


def test_only_one_draw_is_repeated(cases: Path) -> None:
    point = "mse_loss/plain grid/none-float32"
    report = parity.check("mse_loss", losses.mse_loss, cases=cases, only=point, seeds=1, seed_base=7)
    assert [(record.id, record.seeds) for record in report.records] == [(point, [7])]
    with pytest.raises(parity.Misdeclared, match="only: nothing is called 'nothing'"):
        parity.check("mse_loss", losses.mse_loss, cases=cases, only="nothing")


def test_what_it_lacks_is_shown_and_never_counts_as_agreement(cases: Path) -> None:
    def narrow(input: Array, target: Array, reduction: str = "mean") -> Result:
        return losses.mse_loss(input, target, reduction=reduction)

    plain = parity.check("mse_loss", narrow, cases=cases)
    assert plain.ok
    assert "not offered by its signature: size_average, reduce, weight" in str(plain)
    report = parity.check("mse_loss", narrow, cases=cases, lacks={"weight": "no weights yet"})
    assert report.ok
    assert report.count("not offered") == 1
    assert "not offered: yours does not offer weight: no weights yet" in str(report)
    nothing = parity.check("mse_loss", narrow, cases=cases, lacks=["input"])
    assert not nothing.ok
    assert "was not compared" in str(nothing)


def test_forward_only_must_be_declared(cases: Path) -> None:
    def forward(**arguments: Any) -> Array:
        return losses.mse_loss(**arguments)[0]

    told = str(parity.check("mse_loss", forward, cases=cases))
    assert (
        "points: the loss returns no vjp, torch has gradients; if it is a function of tensors, give framework=" in told
    )
    report = parity.check("mse_loss", forward, cases=cases, lacks=["gradient"])
    assert report.ok
    assert "not offered: gradient" in str(report)


def test_a_call_can_refuse_what_it_does_not_serve(cases: Path) -> None:
    def only_float32(input: Array, target: Array, **options: Any) -> Result:
        if input.dtype != np.float32:
            raise parity.NotOffered("anything but float32")
        return losses.mse_loss(input, target, **options)

    report = parity.check("mse_loss", only_float32, cases=cases)
    assert report.ok
    assert report.count("not offered") == 2


def test_expected_failures_are_strict_and_must_match_something(cases: Path) -> None:
    def wrong_in_float64(input: Array, target: Array, **options: Any) -> Result:
        output, vjp = losses.mse_loss(input, target, **options)
        return (output * 2 if output.dtype == np.float64 else output), vjp

    reason = {"*float64*": "float64 is not done yet"}
    assert parity.check("mse_loss", wrong_in_float64, cases=cases, expected_failures=reason).ok
    report = parity.check("mse_loss", losses.mse_loss, cases=cases, expected_failures=reason)
    assert "passes, though it is expected to fail: float64 is not done yet" in report.failures[0]
    report = parity.check("mse_loss", losses.mse_loss, cases=cases, expected_failures={"*bfloat61*": "a typo"})
    assert "'*bfloat61*' of yours matches no point" in report.failures[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"loss": "mse_los"}, "there is no loss 'mse_los'; did you mean 'mse_loss'"),
        ({"framework": "toch"}, "there is no framework 'toch'; did you mean 'torch'"),
        ({"lacks": ["wieght"]}, "nothing to lack is called 'wieght'; did you mean 'weight'"),
        ({"lacks": "weight"}, "lacks is the text 'weight'"),
        ({"expected_failures": {"wieght": "a reason"}}, "expected_failures: nothing is called 'wieght'.*mean 'weight'"),
        (
            {"only": "wieght and large"},
            "only: nothing is called .* in column 1 there is no fact 'wieght'; did you mean",
        ),
        ({"exclude": "large and or"}, "exclude: nothing is called .* found 'or' in column 11, expected a fact"),
        ({"expected_failures": {"*": " "}}, "the expected failure '\\*' has no reason"),
        ({"depth": "deeper"}, "there is no depth 'deeper'; did you mean 'deep'"),
        ({"function": 3}, "mse_loss is int, expected a callable"),
    ],
)
def test_a_wrong_declaration_is_a_sentence(arguments: dict[str, Any], sentence: str) -> None:
    call = {"loss": "mse_loss", "function": losses.mse_loss, **arguments}
    with pytest.raises(parity.Misdeclared, match=sentence):
        parity.check(**call)


def test_other_frameworks_may_raise_equivalent_classes(cases: Path) -> None:
    def raises(error: type[Exception]) -> Any:
        def function(reduction: str = "mean", **arguments: Any) -> Result:
            if reduction == "maen":
                raise error("no such reduction")
            return losses.mse_loss(reduction=reduction, **arguments)

        return function

    assert parity.check("mse_loss", raises(UnicodeError), cases=cases).ok  # a subclass of ValueError
    assert "torch raises ValueError" in parity.check("mse_loss", raises(KeyError), cases=cases).failures[0]


@parity.parametrize("soft_margin_loss", F.soft_margin_loss, framework="torch", seeds=1)
def test_parametrize_gives_points(point: Any) -> None:
    point.check()


def test_parametrize_skips_what_is_not_offered_and_fails_what_is_wrong(cases: Path) -> None:
    def double(**arguments: Any) -> torch.Tensor:
        return F.mse_loss(**arguments) * 2

    @parity.parametrize("mse_loss", double, framework="torch", cases=cases, lacks=["weight"])
    def a_test(point: Any) -> None:
        point.check()

    points = a_test.pytestmark[0].args[1]  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match="2 times torch's"):
        points[0].check()
    weighted = next(point for point in points if "weights" in point.id)
    with pytest.raises(pytest.skip.Exception, match="does not offer weight"):
        weighted.check()
    with pytest.raises(parity.Misdeclared, match="matches no point"):
        parity.parametrize("mse_loss", losses.mse_loss, cases=cases, expected_failures={"nothing/*": "a reason"})

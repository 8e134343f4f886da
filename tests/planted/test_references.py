"""Another reference than torch: what differs from it is seen, and told by its name."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch.nn.functional as F

import parity
from tests.planted import references

CROSS = """
loss: cross_entropy
cases:
  - name: plain grid
    given: {input: {normal: [5, 4]}, target: {classes: [5], below: 4}}
    across: {dtype: [float32, float64], reduction: [none, mean]}
  - name: one class
    given: {input: {normal: [5, 1]}, target: {classes: [5], below: 1}}
  - name: weights of another length are refused
    given: {input: {normal: [5, 4]}, target: {classes: [5], below: 4}, weight: {uniform: [3]}}
    raises: {RuntimeError: weight tensor}
  - name: the old names
    given: {input: {normal: [5, 4]}, target: {classes: [5], below: 4}, size_average: false}
"""
VARY = {"softcap": [None, 3.0]}


def focal(tmp_path: Path, function: Callable[..., Any], **more: Any) -> parity.Report:
    path = tmp_path / "focal_loss.yaml"
    path.write_text(references.FOCAL)
    return parity.check("focal_loss", function, cases=path, framework="torch", **more)


def cross(tmp_path: Path, function: Callable[..., Any], **more: Any) -> parity.Report:
    path = tmp_path / "cross_entropy.yaml"
    path.write_text(CROSS)
    return parity.check("cross_entropy", function, cases=path, **{"framework": "torch", **more})


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (references.other_values, "output differs in ... elements; ... tests.planted.references.focal_loss has"),
        (references.wrong_gradient, "gradient of input is 0.5 times tests.planted.references.focal_loss's throughout"),
        (references.wrong_second_derivative, "second derivative by input ...focal_loss has"),
        (references.any_reduction, "answers where tests.planted.references.focal_loss raises ValueError"),
        (
            references.refuses_another_class,
            "raises KeyError: ...focal_loss raises ValueError",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_loss_that_leaves_its_reference_is_told(tmp_path: Path, function: Callable[..., Any], says: str) -> None:
    report = focal(tmp_path, function)
    pattern = ".*".join(re.escape(part) for part in says.split("..."))
    assert any(re.search(pattern, failure) for failure in report.failures), str(report)
    assert "torch's" not in str(report).replace("framework", "")


def test_a_loss_that_is_its_reference_is_green(tmp_path: Path) -> None:
    report = focal(tmp_path, references.fused_focal)
    assert report.ok, report
    assert "agrees with tests.planted.references.focal_loss" in str(report)
    assert {record.verdict for record in report.records} == {"passed"}
    itself = focal(tmp_path, references.focal_loss)
    assert "is tests.planted.references.focal_loss itself: it is compared with itself" in str(itself)


def test_the_exact_answer_is_the_reference_in_float64_and_of_doubles_none(tmp_path: Path) -> None:
    report = focal(tmp_path, references.other_values)
    by_dtype = {record.dtype: str(record) for record in report.records if record.mismatches}
    for dtype in ("float32", "float16", "bfloat16"):
        assert "; the exact answer is" in by_dtype[dtype]
        assert "tests.planted.references.focal_loss is the nearer" in by_dtype[dtype]
    assert "; the exact answer is" not in by_dtype["float64"]
    assert "of float64 no answer is known" in by_dtype["float64"]


def test_what_the_reference_refuses_must_be_refused_and_what_torch_alone_refuses_is_compared(tmp_path: Path) -> None:
    report = cross(tmp_path, references.fused_softcapped, reference=references.softcapped, vary=VARY)
    assert report.ok, report
    assert "cross_entropy of yours agrees with softcapped" in str(report)
    assert "softcapped refuses 4 calls, which must be refused" in str(report)
    assert "left out of every call, as softcapped has none: size_average, reduce" in str(report)
    assert {record.id.split("/")[1]: record.raises for record in report.records if record.raises} == {
        "one class": "ValueError", "weights of another length are refused": "RuntimeError",
    }  # fmt: skip
    wrong = cross(tmp_path, references.takes_one_class, reference=references.softcapped, vary=VARY)
    assert len(wrong.failures) == 2
    assert all("answers where softcapped raises ValueError" in failure for failure in wrong.failures)


def test_an_option_that_is_varied_and_ignored_is_red(tmp_path: Path) -> None:
    report = cross(tmp_path, references.ignores_softcap, reference=references.softcapped, vary=VARY)
    assert {record.choice["softcap"] for record in report.records if record.mismatches} == {"softcap=3.0"}
    assert report.planned == 14
    three = {"softcap": [None, 3.0, 5.0], "scale": [1.0, 0.5]}
    every = cross(tmp_path, references.fused_softcapped, reference=references.softcapped, vary=three)
    assert every.ok
    assert every.planned == 6 * 7


def test_a_reference_by_its_name_and_in_a_process_of_its_own(tmp_path: Path) -> None:
    named = "tests.planted.references:softcapped"
    report = cross(tmp_path, references.takes_one_class, reference=named, vary=VARY, isolate=True)
    assert len(report.failures) == 2
    assert all("answers where tests.planted.references.softcapped raises" in failure for failure in report.failures)
    own = focal(tmp_path, references.wrong_gradient, isolate=True)
    assert any("is 0.5 times tests.planted.references.focal_loss's" in failure for failure in own.failures)


def test_an_implementation_says_who_answers_for_which_loss(tmp_path: Path) -> None:
    functions: dict[str, Callable[..., Any]] = {"cross_entropy": references.ignores_softcap, "mse_loss": F.mse_loss}
    library = parity.Implementation(
        "mine", "torch", functions, reference={"cross_entropy": references.softcapped}, vary={"cross_entropy": VARY}
    )
    report = cross(tmp_path, library, framework="torch")  # type: ignore[arg-type]
    assert {record.choice["softcap"] for record in report.records if record.mismatches} == {"softcap=3.0"}


def test_a_reference_that_is_broken_is_no_agreement(tmp_path: Path) -> None:
    broken = references.calls_what_is_not_there
    report = cross(tmp_path, broken, reference=broken)
    assert not report.ok
    assert all("cannot be asked: NameError" in failure for failure in report.failures)


def test_a_reference_that_refuses_all_is_no_agreement(tmp_path: Path) -> None:
    def refusing(input: Any, target: Any) -> Any:
        raise TypeError("not today")

    report = cross(tmp_path, lambda input, target: refusing(input, target), reference=refusing)
    assert not report.ok
    assert "refusing refuses every call: no answer was compared" in str(report)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"vary": VARY}, "vary says nothing of cross_entropy without reference"),
        ({"reference": references.softcapped, "vary": {"softcup": [1.0]}}, "does not take; did you mean 'softcap'?"),
        ({"reference": references.softcapped, "vary": {"reduction": ["sum"]}}, "which cross_entropy has"),
        ({"reference": references.softcapped, "vary": {"softcap": 3.0}}, "expected a list of values"),
        ({"reference": references.softcapped, "vary": {"softcap": [3.0, 3.0]}}, "twice"),
        ({"reference": references.softcapped, "vary": {"softcap": [object()]}}, "gives softcap a object"),
        (
            {"reference": "tests.planted.references:softcaped"},
            "did you mean 'softcapped'?",
        ),
        ({"reference": "tests.planted.nowhere:softcapped"}, "tests.planted.nowhere cannot be imported"),
        ({"reference": "softcapped"}, "expected module:function"),
        ({"reference": 3}, "reference is int, expected a callable of tensors"),
        ({"reference": lambda logits, labels: None}, "cannot be asked by the names of cross_entropy"),
    ],
)
def test_a_reference_that_cannot_be_asked_is_a_sentence(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(parity.Misdeclared, match=re.escape(says)):
        cross(tmp_path, references.fused_softcapped, **options)

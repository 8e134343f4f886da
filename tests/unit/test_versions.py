"""What a torch lacks is asked of its signatures; what they do not tell, a case says under `torch:`."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
import torch
from packaging.version import Version

from parity.api import check
from parity.cases.errors import CaseError
from parity.cases.points import Point
from parity.cases.signature import signature_of
from parity.engine.run import run_point
from parity.implementations.registry import named
from parity.losses import conventions, hinge_embedding_loss
from parity.losses.conventions import Conventions
from parity.references import conventions as probe
from parity.references import versions

Points = Callable[[str], list[Point]]
CASE = "loss: mse_loss\ncases:\n  - name: some case\n    given: {{input: [1.0], target: [2.0]}}\n    {entry}\n"


@pytest.fixture
def old_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch says that it is 2.5."""
    monkeypatch.setattr(versions, "release", lambda: Version("2.5.1+cu124"))


@pytest.fixture
def without_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's mse_loss takes no weight, as before torch 2.7."""

    def mse_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Any:
        return torch._C._nn.mse_loss(input, target)

    lacking = versions.compared(signature_of("mse_loss"), mse_loss)
    monkeypatch.setattr(versions, "lacking_of", lambda loss: lacking if loss == "mse_loss" else None)


def test_an_argument_that_torch_does_not_take_is_found(points: Points, without_weight: None) -> None:
    absent, given = points(CASE.format(entry="across: {weight: {labels: {absent: null, given: [3.0]}}}"))
    assert versions.missing(absent) is None
    assert versions.missing(given) == f"not in {versions.named()}: weight of mse_loss"
    assert versions.lacking_everywhere() == ["weight of mse_loss"]


@pytest.mark.usefixtures("without_weight")
def test_an_option_at_its_default_that_torch_lacks_is_not_passed() -> None:
    arguments = {"input": np.ones(1), "weight": None, "reduction": "mean"}
    assert versions.taken("mse_loss", arguments).keys() == {"input", "reduction"}
    assert versions.taken("mse_loss", arguments | {"weight": np.ones(1)}).keys() == arguments.keys()
    assert versions.taken("l1_loss", arguments) is arguments


def test_a_function_that_torch_does_not_have_is_found(points: Points, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.nn.functional, "mse_loss")
    versions.lacking_of.cache_clear()
    (point,) = points(CASE.format(entry="seeds: 1"))
    assert versions.missing(point) == f"not in {versions.named()}: mse_loss"
    versions.lacking_of.cache_clear()


def test_an_array_that_torch_does_not_take_as_a_number_is_found() -> None:
    def gaussian_nll_loss(
        input: torch.Tensor, target: torch.Tensor, var: torch.Tensor, full: Any = 0, eps: Any = 0, reduction: Any = 0
    ) -> None: ...

    found = versions.compared(signature_of("gaussian_nll_loss"), gaussian_nll_loss)
    assert found == versions.Lacking(numbers=frozenset({"var"}))


def test_values_and_fields_of_options_that_torch_does_not_know_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class LinearCrossEntropyOptions:
        allow_retain_graph: bool = False
        chunking_method: str | None = None
        acc_policy: Literal["auto", "compact"] = "auto"
        acc_dtype: Any = None

    monkeypatch.setattr(torch.nn, "LinearCrossEntropyOptions", LinearCrossEntropyOptions, raising=False)
    found = versions._fields_gone()
    assert found == {"batch_chunk_size": None, "acc_policy": frozenset({"accurate", "balanced"})}


def test_a_function_in_c_is_taken_to_have_all() -> None:
    assert versions.compared(signature_of("logsigmoid"), torch._C._nn.log_sigmoid) is None


@pytest.mark.parametrize(
    ("entry", "served"),
    [
        ("torch: '>=2.10'", [False]), ("torch: '>=2.5'", [True]), ("torch: '<2.14,>=2.5'", [True]),
        ("torch: {version: '>=2.10', because: it was not so}", [False]),
        ("across: {reduction: [none, sum]}\n    torch: {version: '>=2.10', where: {reduction: sum}}", [True, False]),
        ("across: {reduction: [none, sum]}\n    torch: [{version: '>=2.10', where: {reduction: [sum]}}, '<2.5']",
         [False, False]),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("old_torch")
def test_a_case_names_the_versions_that_it_is_for(points: Points, entry: str, served: list[bool]) -> None:
    assert [versions.missing(point) is None for point in points(CASE.format(entry=entry))] == served


def test_a_file_names_versions_for_its_cases(points: Points, old_torch: None) -> None:
    text = CASE.format(entry="across: {dtype: [float32, float16]}")
    marks = "defaults:\n  torch: {version: '>=2.10', where: {scenario: some case, dtype: float16}}\ncases:"
    single, half = points(text.replace("cases:", marks))
    assert versions.missing(single) is None
    assert versions.missing(half) == "not in torch 2.5: what this case is about is in torch >=2.10"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("torch: newest", "5:12: found 'newest', expected versions of torch, such as '>=2.10'"),
        ("torch: 2.10", "found the number 2.1, expected"),
        ("torch: '>=2.3'", "5:12: found '>=2.3', which holds of every version of torch from 2.4 on"),
        ("torch: '<2.2'", "which holds of no version of torch from 2.4 on"),
        ("torch: {versions: '>=2.10'}", "unknown key 'versions'; did you mean 'version'?"),
        ("torch: {version: '>=2.10', where: {dtpye: float16}}", "'dtpye' is not across this case"),
        ("torch: {version: '>=2.10', where: {dtype: float16}}", "this version of torch is needed nowhere: no dtype is"),
        ("raises: {ValueError: []}", "expected at least 1 inside"),
    ],
)
def test_versions_that_mean_nothing_are_refused(points: Points, entry: str, says: str) -> None:
    with pytest.raises(CaseError) as refused:
        points(CASE.format(entry=entry))
    assert says in str(refused.value)


def test_a_file_that_names_versions_for_nothing_is_refused(points: Points) -> None:
    for where in "{scenario: sone case}", "{dtype: float61}":
        text = CASE.format(entry="across: {dtype: [float32, float16]}")
        text = text.replace("cases:", f"defaults:\n  torch: {{version: '>=2.10', where: {where}}}\ncases:")
        with pytest.raises(CaseError, match=r"needed nowhere: no \w+ is '.*'; did you mean"):
            points(text)


def test_what_is_not_in_this_torch_is_neither_failure_nor_agreement(
    points: Points, case_file: Callable[[str], Any], old_torch: None
) -> None:
    text = CASE.format(entry="torch: {version: '>=2.10', because: it is refused before}")
    (point,) = points(text)
    record = run_point(point, named("numpy"), range(1))
    assert record.verdict == "not in torch"
    assert not record.unexpected
    assert record.compared == 0
    assert str(record).endswith(
        "(numpy): not in torch 2.5: what this case is about is in torch >=2.10 (it is refused before)"
    )
    report = check("mse_loss", lambda input, target: input * 0, cases=case_file(text))
    assert not report
    assert not report.failures
    assert report.count("not in torch") == 1
    assert "was not compared with torch: 1 not in torch." in str(report)
    assert "(1 point)" in str(report)


REFUSAL = (
    "loss: margin_ranking_loss\ncases:\n  - name: some case\n"
    "    given: {{input1: {ints}, input2: {ints}, target: {ints}, reduction: none}}\n    raises: {raises}\n"
)
BOOLS = "{bernoulli: [2], dtype: bool}"


@pytest.mark.parametrize(
    ("raises", "verdict"),
    [
        ("{RuntimeError: [no such words, bool tensor]}", "passed"),
        ("{RuntimeError: [no such words, nor such]}", "failed"),
        ("{ValueError: bool tensor}", "failed"),
    ],
)
def test_a_refusal_may_be_told_in_several_texts(points: Points, raises: str, verdict: str) -> None:
    (point,) = points(REFUSAL.format(ints=BOOLS, raises=raises))
    assert run_point(point, named("numpy"), range(1)).verdict == verdict


def test_on_an_older_torch_the_class_may_be_its_parent(points: Points, old_torch: None) -> None:
    assert versions.older_classes("NotImplementedError") == ["RuntimeError"]
    assert versions.older_classes("RuntimeError") == []
    assert versions.older_classes("IndexError") == ["LookupError"]


def test_on_a_torch_of_today_it_may_not() -> None:
    if versions.release() >= Version("2.9"):
        assert versions.older_classes("NotImplementedError") == []


@pytest.fixture
def handed_back() -> Iterator[None]:
    """The conventions that were in force are so again."""
    before = conventions.IN_FORCE.clamp_at_bound
    yield
    conventions.IN_FORCE.clamp_at_bound = before
    probe.hand_over.cache_clear()


@pytest.mark.usefixtures("handed_back")
def test_the_losses_follow_the_convention_of_the_clamp() -> None:
    at_the_kink = np.array([1.0, 2.0, 0.5])
    for convention, slope in (1.0, -1.0), (0.0, 0.0):
        conventions.follow(Conventions(convention))
        gradient = hinge_embedding_loss(at_the_kink, np.full(3, -1.0), reduction="sum")[1](np.ones(()))["input"]
        assert gradient.tolist() == [slope, 0.0, -1.0]


@pytest.mark.usefixtures("handed_back")
def test_the_losses_follow_this_torch_once_it_was_asked(points: Points) -> None:
    given = "given: {input: [1.0, 2.0], target: [-1.0, -1.0]}"
    (point,) = points(f"loss: hinge_embedding_loss\ncases:\n  - name: some case\n    {given}\n")
    wrong = Conventions(1.0 - probe.probed().clamp_at_bound)
    probe.hand_over()
    conventions.follow(wrong)
    assert run_point(point, named("numpy"), range(1)).verdict == "failed"
    probe.hand_over.cache_clear()
    assert run_point(point, named("numpy"), range(1)).verdict == "passed"


def test_the_probe_is_not_asked_at_import() -> None:
    program = "import sys, parity.losses; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)

"""Mistakes of the set-up: one sentence before the first point, whichever way the check is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from tests.plugin import user

Function = Callable[..., Any]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(user.SMALL)
    return path


def imports(input: Any, target: Any) -> Any:
    import fused_kernels_of_mine  # type: ignore[import-not-found]

    return fused_kernels_of_mine.mse(input, target)


def an_operator(input: Any, target: Any) -> Any:
    return torch.ops.mylib.fused_mse(input, target)


def without_a_driver(input: Any, target: Any) -> Any:
    raise RuntimeError("0 active drivers ([]). There should only be one.")


def by_triton(input: Any, target: Any) -> Any:
    raise ValueError("Pointer argument (at 0) cannot be accessed from Triton (cpu tensor?)")


def a_library(input: Any, target: Any) -> Any:
    torch.ops.load_library("libfused.so")


def by_method(input: Any, target: Any) -> Any:
    return (input - target).square().mean()


def annotated(input: torch.Tensor, target: torch.Tensor) -> Any:
    return ((input - target) ** 2).mean()


def with_aux(input: Any, target: Any) -> Any:
    return ((input - target) ** 2).mean(), None


TORCH = {"framework": "torch"}
FORGOTTEN = "it is a function of tensors: give framework='torch'"


@pytest.mark.parametrize(
    ("function", "options", "sentence"),
    [
        (
            imports,
            TORCH,
            "fused_kernels_of_mine cannot be imported: No module named 'fused_kernels_of_mine'; inst",
        ),
        (an_operator, TORCH, "'_OpNamespace' 'mylib' object has no attribute 'fused_mse'; is the extension compiled"),
        (by_triton, TORCH, "it does not take what lies on the CPU: declare device='cuda'"),
        (a_library, TORCH, "what it calls cannot be loaded: "),
        (without_a_driver, TORCH, "it needs a device that is not there: 0 active drivers"),
        (F.mse_loss, TORCH | {"device": "nowhere"}, "device='nowhere': torch cannot use it: "),
        (F.mse_loss, {}, FORGOTTEN),
        (lambda **arguments: F.mse_loss(**arguments), {}, FORGOTTEN),
        (by_method, {}, FORGOTTEN),
        (annotated, {}, FORGOTTEN),
        (torch.nn.MSELoss, {}, FORGOTTEN),
        (torch.nn.MSELoss(), {}, FORGOTTEN),
        (losses.mse_loss, TORCH, "it is a function of arrays: leave framework='torch' out"),
        (
            torch.nn.MSELoss(),
            TORCH,
            "which the cases of mse_loss vary: give its class, MSELoss, or declare ",
        ),
        (
            torch.nn.MSELoss(reduction="sum"),
            TORCH,
            "built with reduction='sum', which the cases of mse_loss vary: give",
        ),
        (with_aux, {}, "expected an array or (array, vjp); if the loss is the first of them, declare output=0"),
        (with_aux, TORCH, "the loss returned tuple (Tensor, NoneType), expected a tensor; if the loss"),
        (
            with_aux,
            TORCH | {"output": 2},
            "output=2 is declared, and the loss returned tuple (Tensor, NoneType), which",
        ),
        (
            by_method,
            TORCH | {"output": 0},
            "output=0 is declared, and the loss returned Tensor, which has no such part",
        ),
        (lambda x, y: None, {}, "declare arguments={'input': 'x', 'target': 'y'}; not offered by its signature: "),
    ],
)
def test_it_is_one_sentence_and_nothing_is_run(
    cases: Path, function: Function, options: dict[str, Any], sentence: str
) -> None:
    report = parity.check("mse_loss", function, cases=cases, **options)
    assert not report.ok
    assert report.records == []
    assert sentence in report.problem
    assert report.failures == [report.problem]
    assert report.problem.startswith("nothing was run: ")
    assert "\n" not in report.problem


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there(cases: Path) -> None:
    report = parity.check("mse_loss", F.mse_loss, framework="torch", device="cuda", cases=cases)
    assert f"device='cuda': torch {torch.__version__} finds no CUDA device here" in report.problem


def test_what_fails_later_is_a_point_of_its_own(cases: Path) -> None:
    def partly(input: Any, target: Any, reduction: str = "mean") -> Any:
        return imports(input, target) if reduction == "sum" else F.mse_loss(input, target, reduction=reduction)

    report = parity.check("mse_loss", partly, framework="torch", cases=cases)
    assert (report.count("passed"), report.count("error")) == (4, 2)
    assert "fused_kernels_of_mine cannot be imported" in report.failures[0]


def test_in_a_process_of_its_own_too(cases: Path) -> None:
    report = parity.check("mse_loss", imports, framework="torch", cases=cases, isolate=True)
    assert "fused_kernels_of_mine cannot be imported" in report.problem
    assert report.records == []


TEST = """
import parity, mylib

@parity.parametrize("mse_loss", mylib.imports, cases="cases/mse_loss.yaml")
def test_parity(point):
    point.check()
"""
LIBRARY = """
import parity
from parity import losses

def imports(**arguments):
    import fused_kernels_of_mine

def other_names(x, y, reduction="mean"):
    return losses.mse_loss(x, y, reduction=reduction)

NAMES = parity.Implementation("mylib", losses={"mse_loss": other_names, "l1_loss": losses.l1_loss})
IMPORTS = parity.Implementation("mylib", losses={"mse_loss": imports, "l1_loss": losses.l1_loss})
NARROW = parity.Implementation("mylib", losses={"mse_loss": lambda input, target: losses.mse_loss(input, target)})
"""


@pytest.fixture
def theirs(pytester: pytest.Pytester) -> pytest.Pytester:
    user.write(pytester.path)
    pytester.makepyfile(test_mine=TEST, mylib=LIBRARY)
    pytester.syspathinsert()
    return pytester


@pytest.mark.parametrize("name", ["NAMES", "IMPORTS"])
def test_under_pytest_one_point_fails_and_the_others_of_the_loss_are_skipped(
    theirs: pytest.Pytester, name: str
) -> None:
    arguments = ("--parity-implementation", f"mylib:{name}", "--parity-no-isolate")
    result = theirs.runpytest("cases", "-rs", "-p", "no:xdist", *arguments)
    result.assert_outcomes(failed=1, skipped=1, passed=1)
    said = {"NAMES": "*nothing was run: input seems to be its x, target seems*", "IMPORTS": "*cannot be imported*"}
    result.stdout.fnmatch_lines([said[name]])


def test_under_pytest_what_a_signature_does_not_offer_is_said_once(theirs: pytest.Pytester) -> None:
    result = theirs.runpytest("cases", "--parity-implementation", "mylib:NARROW", "--parity-no-isolate")
    line = "parity: mse_loss of mylib: not offered by its signature: size_average, reduce, reduction, weight"
    assert result.stdout.lines.count(line) == 1


def test_parametrize_skips_the_rest(theirs: pytest.Pytester) -> None:
    result = theirs.runpytest("test_mine.py", "-p", "no:xdist")
    result.assert_outcomes(failed=1, skipped=1)
    with pytest.raises(parity.Misdeclared, match=r"declare arguments=\{'input': 'x', 'target': 'y'\}"):
        parity.parametrize("mse_loss", lambda x, y: None)


def unknown_to_its_interpreter(input: Any) -> Any:
    raise NotImplementedError("no rule for fused_sigmoid")


def test_what_every_call_raises_is_told_as_the_set_up() -> None:
    report = parity.check(
        "sigmoid", unknown_to_its_interpreter, name="mine", framework="torch", only="float32 and contiguous"
    )
    failed = report.count("failed")
    because = "nearly every point fails in one way, so look at the set-up first"
    assert report.head == f"sigmoid of mine was not compared with torch: {because}: {failed} failed."
    assert not report
    assert len(report.told) == 3
    assert "at nearly every point, so look at the set-up first" in report.told[1]

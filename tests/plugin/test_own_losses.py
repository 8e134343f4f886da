"""A loss of one's own through pytest: its case file names the reference, an implementation serves it by its name."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import parity
from parity.cli import app

EAGER = '''
import torch

def own_loss(input, target, scale=1.0, reduction="mean"):
    """The squared error, scaled."""
    if input.shape != target.shape:
        raise ValueError("shapes differ")
    values = scale * (input - target) ** 2
    return values if reduction == "none" else values.mean() if reduction == "mean" else values.sum()
'''
LIBRARY = """
import parity
from parity.cli import app
import torch.nn.functional as F
from {package}.eager import own_loss

def fused(input, target, scale=1.0, reduction="mean"):
    return own_loss(input, target, {scale}, reduction)

IMPLEMENTATION = parity.Implementation("mine", "torch", {{"{name}": fused, "mse_loss": F.mse_loss}})
"""
CASES = """
loss: own_loss
reference: {package}.eager:own_loss
defaults: {{given: {{input: {{normal: [3, 2]}}, target: {{normal: [3, 2]}}}}}}
cases:
  - name: plain grid
    across: {{dtype: floating, reduction: all, scale: [1.0, 0.5]}}
  - name: another shape is refused
    given: {{target: {{normal: [2, 3]}}}}
    raises: {{ValueError: shapes differ}}
"""


def project(pytester: pytest.Pytester, package: str, scale: str = "scale", name: str = "own_loss") -> Path:
    """A project with an eager loss, a fused one, and a folder of cases that its ini file names."""
    home = pytester.mkpydir(package)
    (home / "eager.py").write_text(EAGER)
    (home / "fused.py").write_text(LIBRARY.format(package=package, scale=scale, name=name))
    folder = pytester.mkdir("own_cases")
    (folder / "own_loss.yaml").write_text(CASES.format(package=package))
    pytester.makeini("[pytest]\nparity_cases = own_cases\npythonpath = .\naddopts = -p no:cacheprovider\n")
    return folder


def test_a_case_file_with_a_reference_is_run_by_the_implementation_that_has_its_loss(pytester: pytest.Pytester) -> None:
    project(pytester, "green_library")
    results = "--parity-results", "results.jsonl"
    run = pytester.runpytest_subprocess(
        "own_cases", "--parity-implementation", "green_library.fused:IMPLEMENTATION", *results
    )
    run.assert_outcomes(passed=25)
    assert (pytester.path / "results.jsonl").read_text().count('"reference": "green_library.eager.own_loss"') == 25


def test_a_wrong_one_is_told_by_the_name_of_its_reference(pytester: pytest.Pytester) -> None:
    project(pytester, "red_library", scale="1.0")
    run = pytester.runpytest_subprocess("own_cases", "--parity-implementation", "red_library.fused:IMPLEMENTATION")
    run.assert_outcomes(passed=13, failed=12)
    run.stdout.fnmatch_lines(["*2 times red_library.eager.own_loss's throughout*"])


def test_a_misspelt_loss_gets_the_nearest_word(pytester: pytest.Pytester) -> None:
    project(pytester, "slip_library", name="own_los")
    run = pytester.runpytest_subprocess("own_cases", "--parity-implementation", "slip_library.fused:IMPLEMENTATION")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(
        ["*mine has own_los, which neither torch has nor a case file here defines; did you mean 'own_loss'?"]
    )


def test_check_takes_the_case_file_of_a_loss_and_the_folder_of_a_library(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(pytester, "checked_library")
    monkeypatch.syspath_prepend(pytester.path)
    import checked_library.fused as library  # type: ignore[import-not-found]

    report = parity.check("own_loss", library.fused, cases=folder / "own_loss.yaml", framework="torch", seeds=1)
    assert report.ok
    assert "own_loss of yours agrees with checked_library.eager.own_loss: 25 passed" in str(report)
    both = parity.check(library.IMPLEMENTATION, cases=folder, seeds=1, only=["own_loss/*", "mse_loss/*/none-float32"])
    assert both.ok
    assert [one.loss for one in both.reports] == ["own_loss", "mse_loss"]
    with pytest.raises(parity.Misdeclared, match="a loss of your own needs cases="):
        parity.check(library.IMPLEMENTATION)
    with pytest.raises(parity.Misdeclared, match="holds the cases of own_loss, not of another_loss"):
        parity.check("another_loss", library.fused, cases=folder / "own_loss.yaml", framework="torch")
    with pytest.raises(parity.Misdeclared, match="there is no loss 'mse_los'; did you mean 'mse_loss'"):
        parity.check("mse_los", library.fused)


VARIED = """
import parity
from parity.cli import app
import torch.nn.functional as F

def eager(input, target, reduction="mean", scale=1.0):
    return F.mse_loss(input * scale, target, reduction=reduction)

def ignoring(input, target, reduction="mean", scale=1.0):
    return F.mse_loss(input, target, reduction=reduction)

IMPLEMENTATION = parity.Implementation(
    "mine", "torch", {"mse_loss": ignoring},
    reference={"mse_loss": eager}, vary={"mse_loss": {"scale": [1.0, 0.5]}},
)
"""


def test_an_implementation_with_another_reference_is_asked_apart_from_those_that_torch_answers(
    pytester: pytest.Pytester,
) -> None:
    (pytester.path / "varied_library.py").write_text(VARIED)
    (pytester.path / "mse_loss.yaml").write_text(
        "loss: mse_loss\ncases:\n  - name: plain\n    given: {input: {normal: [3]}, target: {normal: [3]}}\n"
        "    across: {reduction: all}\n"
    )
    pytester.makeini("[pytest]\npythonpath = .\naddopts = -p no:cacheprovider\n")
    run = pytester.runpytest_subprocess(
        "mse_loss.yaml", "--parity-implementation", "varied_library:IMPLEMENTATION,numpy"
    )
    run.assert_outcomes(passed=6, failed=3)
    run.stdout.fnmatch_lines_random(["*eager has*", "FAILED mse_loss.yaml::mse_loss/plain/sum-scale=0.5-float32*"])


def test_what_parity_ships_is_checked_by_its_name() -> None:
    found = CliRunner().invoke(app, ["check", "mse_loss", "torch", "--only", "mse_loss/*none*", "--seeds", "1"])
    assert found.stdout.startswith("mse_loss of torch agrees with torch"), found.output


WHETHER = """
def above(input, target, whole=False):
    return (input > target).int() if whole else input > target

def below(input, target, whole=False):
    return above(target, input, whole)
"""


def test_answers_that_are_no_rounded_numbers_are_compared_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whether_above.py").write_text(WHETHER)
    monkeypatch.syspath_prepend(tmp_path)
    import whether_above  # type: ignore[import-not-found]

    given = "{input: {normal: [3, 2]}, target: {normal: [3, 2]}}"
    across = "{dtype: [float32, float64], whole: [false, true]}"
    cases = tmp_path / "above.yaml"
    cases.write_text(
        f"loss: above\nreference: whether_above:above\ncases: [{{name: grid, given: {given}, across: {across}}}]\n"
    )
    for function, passed in ((whether_above.above, 4), (whether_above.below, 0)):
        report = parity.check("above", function, framework="torch", cases=cases)
        assert report.count("passed") == passed, str(report)
        assert report.count("failed") == 4 - passed, str(report)

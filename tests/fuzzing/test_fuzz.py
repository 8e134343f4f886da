"""The fuzzer finds what no case sees, is silent about a right loss, and tells a cause once."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import parity
from parity import losses
from parity.cases.load import load
from parity.cases.shipped import case_file
from parity.implementations.registry import served, torch_losses
from parity.types import Array, Result
from tests.fuzzing.planted import BUGS, Bug

# So many calls are some seconds; by number, so that each run makes the same.
FEW = 120


def square_twice(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    weight: Array | None = None,
) -> Result:  # fmt: skip
    """Wrong by a half where there are weights in more than one dimension."""
    output, vjp = losses.mse_loss(input, target, size_average, reduce, reduction, weight)
    if weight is not None and weight.ndim > 1 and output.size:
        output = np.asarray(output * np.asarray(1.5, output.dtype), output.dtype)
    return output, vjp


def test_a_planted_bug_is_found_once_and_saved(tmp_path: Path) -> None:
    file = tmp_path / "found.yaml"
    database = tmp_path / "known"
    first = parity.fuzz("mse_loss", square_twice, calls=FEW, save=file, database=database)
    assert first.causes, first
    assert not first.ok
    assert "weight" in str(first)
    assert "without parity" in str(first)
    scenarios = load(file, served())
    assert {one.loss for one in scenarios} == {"mse_loss"}
    assert not parity.check("mse_loss", square_twice, cases=file).ok
    assert parity.check("mse_loss", losses.mse_loss, cases=file).ok
    again = parity.fuzz("mse_loss", square_twice, calls=FEW // 2, database=database, seed_base=1000)
    assert not again.causes, again
    assert again.before
    mended = parity.fuzz("mse_loss", losses.mse_loss, calls=FEW // 10, database=database, name="yours")
    assert mended.ok
    assert not mended.before


@pytest.mark.parametrize("loss", ["sigmoid", "mse_loss"])
def test_torch_agrees_with_itself(loss: str) -> None:
    found = parity.fuzz(loss, torch_losses(), calls=FEW // 2, database=None)
    assert found.ok, found
    assert found.pairs


def test_cases_are_appended_and_comments_stay(tmp_path: Path) -> None:
    file = tmp_path / "mse_loss.yaml"
    text = case_file("mse_loss").read_text()
    file.write_text(text.replace("loss: mse_loss", "# mine\nloss: mse_loss"))
    found = parity.fuzz("mse_loss", square_twice, calls=FEW, save=file, database=None)
    assert found.causes
    written = file.read_text()
    assert written.startswith(file.read_text()[: len(text) // 2])
    assert "# mine" in written
    assert "drawn by the fuzzer" in written
    assert len(load(file, served())) > len(load(case_file("mse_loss"), served()))


def test_an_expected_failure_is_no_news() -> None:
    expected = {"weight": "weights are not done yet"}
    found = parity.fuzz("mse_loss", square_twice, calls=FEW, database=None, expected_failures=expected)
    assert not any(record.verdict == "failed" for record in found.records), found


def test_whole_numbers_alone_are_judged(tmp_path: Path) -> None:
    file = tmp_path / "whole.yaml"
    given = "{input: {integers: [3], high: 9}, target: {integers: [3], high: 9}, weight: [[2, 2, 2]]}"
    file.write_text(f"loss: mse_loss\ncases:\n  - name: whole numbers\n    given: {given}\n")
    (record,) = parity.check("mse_loss", square_twice, cases=file).records
    assert record.verdict in ("passed", "failed"), record


def test_bad_options_are_sentences() -> None:
    with pytest.raises(parity.Misdeclared, match="minutes is 0, expected a number above 0"):
        parity.fuzz("mse_loss", minutes=0)
    with pytest.raises(parity.Misdeclared, match="there is no loss 'mse_los'"):
        parity.fuzz("mse_los")


def test_without_hypothesis_a_sentence_says_what_to_install() -> None:
    program = "import sys; sys.modules['hypothesis'] = None\nfrom parity.cli import app\napp(['fuzz', 'mse_loss'])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 2
    assert "pip install 'torch-parity[fuzz]'" in run.stderr
    assert "Traceback" not in run.stderr


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bug" in metafunc.fixturenames:
        deep = metafunc.config.getoption("parity_depth", None) == "deep"
        metafunc.parametrize("bug", BUGS if deep else [], ids=[bug.id for bug in BUGS] if deep else [])


def test_a_bug_that_no_case_sees_is_found_within_five_minutes(bug: Bug) -> None:
    assert parity.check(bug.loss, bug.function, seeds=1).ok
    assert parity.fuzz(bug.loss, bug.function, minutes=5, database=None).causes

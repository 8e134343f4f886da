"""The third verdict: that torch is the farther from the exact answer, and the implementation right, is a finding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parity
from parity import losses
from parity.records.file import read_records
from parity.report.__main__ import main
from parity.types import Array, Result

# The squares are below float32's largest number, and their sum is not: torch's mean is inf.
CASES = """
loss: mse_loss
cases:
  - name: the sum overflows and the mean does not
    given: {input: [1.8e+19, 1.8e+19], target: [0.0, 0.0], grad_output: GRAD}
  - name: plain
    given: {input: [1.0, 3.0], target: [0.0, 0.0]}
"""
LIBRARY = """
import parity
from tests.plugin.test_nearer import wide

IMPLEMENTATION = parity.Implementation("mylib", losses={"mse_loss": wide})
"""


def wide(input: Array, target: Array, **options: Any) -> Result:
    """The mean of squares, summed in float64: right where torch overflows."""
    output, vjp = losses.mse_loss(input.astype(np.float64), target.astype(np.float64), **options)
    narrow = output.astype(input.dtype)

    def backward(grad_output: Array) -> dict[str, Array]:
        return {name: value.astype(input.dtype) for name, value in vjp(grad_output.astype(np.float64)).items()}

    return narrow, backward


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(CASES.replace("GRAD", "1.0"))
    return path


def test_it_is_a_finding_and_no_failure(cases: Path) -> None:
    report = parity.check("mse_loss", wide, cases=cases)
    assert [record.verdict for record in report.records] == ["nearer than torch", "passed"]
    assert report.ok
    assert report.causes == []
    assert str(report).startswith("mse_loss of yours agrees with torch: 1 passed, 1 nearer than torch.")
    assert "torch is the farther" in str(report.records[0])


def test_strictly_it_is_a_failure(cases: Path) -> None:
    report = parity.check("mse_loss", wide, cases=cases, strict=True)
    assert not report.ok
    (cause,) = report.causes
    assert cause.sentence.startswith("output has a number where torch has inf")


def test_who_is_near_and_not_right_fails(cases: Path) -> None:
    def almost(**arguments: Any) -> Result:
        output, vjp = wide(**arguments)
        return output * np.float32(1.001), vjp

    report = parity.check("mse_loss", almost, cases=cases)
    assert [record.verdict for record in report.records] == ["failed", "failed"]


def test_pytest_and_the_report_tell_it(pytester: pytest.Pytester, tmp_path: Path) -> None:
    (pytester.path / "mse_loss.yaml").write_text(CASES.replace("GRAD", "1.0"))
    pytester.makepyfile(mylib=LIBRARY)
    pytester.syspathinsert()
    asked = ["mse_loss.yaml", "--parity-implementation", "mylib:IMPLEMENTATION", "--parity-no-isolate"]
    result = pytester.runpytest(*asked, "--parity-results", "r.jsonl")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["parity: mse_loss/the sum overflows * is nearer to the exact answer than torch"])
    pytester.runpytest(*asked, "--parity-strict").assert_outcomes(passed=1, failed=1)
    records = read_records(pytester.path / "r.jsonl")
    assert records.problems == []
    assert main([str(pytester.path / "r.jsonl"), "--to", str(tmp_path)]) == 0
    text = (tmp_path / "parity.md").read_text()
    assert text.startswith(
        "Everything agrees: 2 points, 6 draws, 1 loss, 1 implementation; 0 expected failures; 1 point nearer to the"
    )
    assert "Mismatches in which torch is the farther from the exact answer." in text

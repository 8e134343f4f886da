"""Points chosen by their facts: in `check`, in expected failures, and on pytest's command line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parity
from parity import losses
from parity.records.file import read_records
from parity.types import Result
from tests.plugin.user import write

CASES = """
loss: cross_entropy
defaults: {sizes: {N: 4}, given: {input: {normal: [N, 3]}, target: {classes: [N], below: 3}}}
cases:
  - name: plain grid
    across: {reduction: [none, mean], dtype: [float32, float16]}
  - name: weights count
    given: {weight: {uniform: [3], low: 1, high: 2}}
  - name: ignored rows are left out
    given: {target: [0, -100, 2, 1]}
  - name: rows are now and then ignored
    given: {target: {classes: [N], below: 3, mask: {value: -100, share: 0.2}}}
    seeds: 10
  - name: many rows
    sizes: {N: 65}
  - name: probabilities
    given: {target: {probabilities: [N, 3]}}
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cross_entropy.yaml"
    path.write_text(CASES)
    return path


def names(report: parity.Report) -> list[str]:
    return [record.id.removeprefix("cross_entropy/") for record in report.records]


@pytest.mark.parametrize(
    ("chosen", "points"),
    [
        ({"only": "weight"}, ["weights count/float32"]),
        ({"only": "ignored targets and not weight"}, ["ignored rows are left out/float32",
                                                      "rows are now and then ignored/float32"]),
        ({"only": "large or class probabilities"}, ["many rows/float32", "probabilities/float32"]),
        ({"only": "*plain*", "exclude": "float16 or reduction=none"}, ["plain grid/mean-float32"]),
        ({"only": "*/plain grid/*", "exclude": "*float32"}, ["plain grid/none-float16", "plain grid/mean-float16"]),
        ({"only": "upstream strided and float16"}, ["plain grid/none-float16"]),
        ({"only": "(upstream expanded)"}, ["plain grid/none-float32", "plain grid/none-float16"]),
        ({"exclude": "reduction=mean", "only": "not float16"}, ["plain grid/none-float32"]),
    ],
)  # fmt: skip
def test_check_runs_the_points_that_are_meant(cases: Path, chosen: dict[str, str], points: list[str]) -> None:
    report = parity.check("cross_entropy", losses.cross_entropy, cases=cases, **chosen)  # type: ignore[arg-type]
    assert names(report) == points
    assert report.ok


def test_what_is_meant_by_nobody_is_refused(cases: Path) -> None:
    with pytest.raises(parity.Misdeclared, match="no point of cross_entropy is called 'empty'"):
        parity.check("cross_entropy", losses.cross_entropy, cases=cases, only="empty")


def test_records_have_the_facts_of_the_point_and_of_all_its_draws(cases: Path) -> None:
    report = parity.check("cross_entropy", losses.cross_entropy, cases=cases, only="reduction=none and float32")
    (record,) = report.records
    assert record.facts == [
        "contiguous", "float32", "ignore_index=-100", "int64", "label_smoothing=0", "plain numbers", "reduction",
        "reduction=none", "upstream expanded", "upstream strided",
    ]  # fmt: skip
    assert record.varying == {0: [], 1: ["upstream strided"], 2: ["upstream expanded"]}
    assert "upstream strided" not in record.facts_at(0)
    assert set(record.facts) - set(record.facts_at(1)) == {"upstream expanded"}
    assert record.facts_at(None) == record.facts


def no_ignored_rows(**arguments: Any) -> Result:
    """It takes an ignored row for one of class 0."""
    target = arguments["target"]
    return losses.cross_entropy(**{**arguments, "target": np.where(target < 0, 0, target)})


def test_an_expected_failure_may_be_said_in_facts(cases: Path) -> None:
    def check(**expected: str) -> parity.Report:
        failures = {text.replace("_", " "): reason for text, reason in expected.items()}
        return parity.check("cross_entropy", no_ignored_rows, cases=cases, expected_failures=failures)

    assert not check().ok
    report = check(ignored_targets="padding is not done yet")
    assert report.ok
    assert report.count("xfailed") == 2
    report = check(ignored_targets="padding is not done yet", weight="wrongly declared")
    assert [failure.splitlines()[0] for failure in report.failures] == [
        "cross_entropy/weights count/float32 (yours) passes, though it is expected to fail: wrongly declared"
    ]
    report = check(ignored_targets="padding is not done yet", nan="there is none")
    assert report.failures == ["the expected failure 'nan' of yours matches no point"]


def test_a_failure_tells_the_facts_of_its_draw(cases: Path) -> None:
    report = parity.check("cross_entropy", no_ignored_rows, cases=cases, only="*now and then*")
    (record,) = report.records
    seed = record.mismatches[0].seed
    assert seed is not None
    assert "ignored targets" in record.facts_at(seed)
    assert f"  facts: {', '.join(record.facts_at(seed))}" in str(record).splitlines()
    assert "ignored targets" not in record.facts_at(next(s for s, words in record.varying.items() if not words))


def test_the_facts_of_a_point_that_crashes_or_is_not_offered_are_in_its_record(cases: Path) -> None:
    report = parity.check("cross_entropy", losses.cross_entropy, cases=cases, only="weight", lacks=["weight"])
    assert "weight" in report.records[0].facts


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    write(pytester.path)
    (pytester.path / "cases" / "cross_entropy.yaml").write_text(CASES)
    pytester.syspathinsert()
    return pytester


@pytest.mark.parametrize(
    ("where", "passed"),
    [("ignored targets", 2), ("float16 and reduction=none", 1), ("not int64", 4), ("upstream strided", 3)],
)
def test_pytest_runs_the_points_with_these_facts(user: pytest.Pytester, where: str, passed: int) -> None:
    result = user.runpytest("--parity-implementation", "numpy", "--parity-where", where, "--parity-results", "r.jsonl")
    result.assert_outcomes(passed=passed)
    results = read_records(user.path / "r.jsonl")
    assert results.problems == []
    assert all(record.facts for record in results.records)
    if where == "upstream strided":
        assert all("upstream strided" in record.facts_at(1) for record in results.records)


@pytest.mark.parametrize("more", [[], ["-n", "2"]])
@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (
            "ignored targts",
            "*--parity-where: in column 1 there is no fact 'ignored targts'; did you mean 'ignored targets'?",
        ),
        ("empty", "*--parity-where 'empty': no point of cases has these facts, so nothing was compared"),
    ],
)
def test_pytest_refuses_facts_that_no_point_has(
    user: pytest.Pytester, where: str, sentence: str, more: list[str]
) -> None:
    result = user.runpytest("--parity-implementation", "numpy", "--parity-where", where, "cases", *more)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([sentence])

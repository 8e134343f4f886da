"""The pytest plugin, run as a user runs it: ids, selection, broken files, expected failures, records."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parity.records.file import read_records
from tests.plugin.user import MSE, write


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's repository with cases of its own and a library of its own."""
    write(pytester.path)
    pytester.syspathinsert()
    return pytester


def test_points_are_items_with_readable_ids(user: pytest.Pytester) -> None:
    result = user.runpytest("--collect-only", "-q", "--parity-implementation", "numpy")
    result.stdout.fnmatch_lines(
        [
            "cases/l1_loss.yaml::l1_loss/only this/float32",
            "cases/mse_loss.yaml::mse_loss/plain grid/none-float32",
            "cases/mse_loss.yaml::mse_loss/plain grid/mean-float32",
        ]
    )


@pytest.mark.parametrize("more", [(), ("--collect-only",)])
def test_the_garbage_collector_is_given_back(user: pytest.Pytester, more: tuple[str, ...]) -> None:
    user.runpytest_inprocess("--parity-implementation", "numpy", *more)
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)


@pytest.mark.parametrize(
    ("selection", "passed"),
    [(["-k", "mse_loss and mean"], 1), (["-k", "not mse_loss"], 1), (["cases/mse_loss.yaml"], 2),
     (["cases/mse_loss.yaml::mse_loss/plain grid/mean-float32"], 1)],
)  # fmt: skip
def test_points_are_selected_as_tests_are(user: pytest.Pytester, selection: list[str], passed: int) -> None:
    user.runpytest("--parity-implementation", "numpy", *selection).assert_outcomes(passed=passed)


def test_a_broken_file_fails_as_itself_and_the_others_run(user: pytest.Pytester) -> None:
    (user.path / "cases" / "kl_div.yaml").write_text("loss: kl_dib\ncases: []\n")
    result = user.runpytest("--parity-implementation", "numpy", "--parity-results", "r.jsonl")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*kl_div.yaml:*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    broken = [record for record in read_records(user.path / "r.jsonl").records if record.verdict == "error"]
    assert len(broken) == 1


@pytest.mark.parametrize("asked", [["-k", "only and this"], ["cases/l1_loss.yaml::l1_loss/only this/float32"]])
def test_a_broken_file_is_told_whatever_is_asked_of_it(user: pytest.Pytester, asked: list[str]) -> None:
    (user.path / "cases" / "l1_loss.yaml").write_text("loss: l1_los\ncases: []\n")
    result = user.runpytest("--parity-implementation", "numpy", *asked)
    result.stdout.fnmatch_lines(["*l1_loss.yaml:2:8: found an empty list*"])
    assert result.ret != 0


def test_a_failure_is_told_without_a_traceback_and_its_last_line_repeats_it(user: pytest.Pytester) -> None:
    result = user.runpytest("--parity-implementation", "mylib:IMPLEMENTATION", "cases/mse_loss.yaml")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*output is 2 times torch's throughout*", "*cases/mse_loss.yaml:4*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    line = next(line for line in result.outlines if "repeat: pytest" in line)
    _, command = line.split("repeat: pytest ")
    path, *options = command.rsplit("' ", 1)
    again = user.runpytest(path.strip("'"), *options[0].split())
    again.assert_outcomes(failed=1)


def test_a_shared_case_is_told_with_its_own_place_and_repeated_in_the_losss_file(user: pytest.Pytester) -> None:
    (user.path / "cases" / "shared").mkdir()
    (user.path / "cases" / "shared" / "mine.yaml").write_text(
        "shared: mine\ncases:\n  - name: threefold\n    given: {input: [1.0], target: [3.0], reduction: sum}\n"
    )
    (user.path / "cases" / "mse_loss.yaml").write_text(MSE.replace("cases:", "use: [mine]\ncases:"))
    words = ["--parity-implementation", "mylib:IMPLEMENTATION", "-k", "threefold"]
    result = user.runpytest(*words)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["  cases/shared/mine.yaml:3", "  repeat: pytest cases/mse_loss.yaml::mse_loss/threefold/float32 *"]
    )
    user.runpytest("cases/mse_loss.yaml::mse_loss/threefold/float32", *words[:2]).assert_outcomes(failed=1)


def test_expected_failures_xfail_and_are_strict(user: pytest.Pytester) -> None:
    user.runpytest("--parity-implementation", "mylib:EXPECTED", "cases/mse_loss.yaml").assert_outcomes(xfailed=2)
    result = user.runpytest("--parity-implementation", "mylib:TRUE", "cases/mse_loss.yaml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*passes, though it is expected to fail: no more*"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nunpy", "*there is no implementation 'nunpy'; did you mean 'numpy'*"),
     ("nolib:X", "*nolib cannot be imported*"),
     ("mylib:IMPLEMENTATIO", "*no parity.Implementation called 'IMPLEMENTATIO'; did you mean 'IMPLEMENTATION'*")],
)  # fmt: skip
def test_an_unknown_implementation_is_a_usage_error(user: pytest.Pytester, name: str, sentence: str) -> None:
    result = user.runpytest("--parity-implementation", name)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([sentence])


def test_seeds_are_counted_from_the_base(user: pytest.Pytester) -> None:
    user.runpytest(
        "--parity-seeds", "2", "--parity-seed-base", "5", "--parity-results", "deep/r.jsonl", "-k", "l1_loss"
    )
    results = read_records(user.path / "deep" / "r.jsonl")
    assert {tuple(record.seeds) for record in results.records} == {(5, 6)}
    assert results.header["torch"]
    assert results.header["planned"] == 1
    assert results.exitstatus == 0


def test_junit_and_plain_tests_go_beside(user: pytest.Pytester) -> None:
    user.makepyfile("def test_one(tmp_path): assert tmp_path.exists()")
    user.runpytest("--parity-implementation", "numpy", "--junitxml", "junit.xml").assert_outcomes(passed=4)
    assert (user.path / "junit.xml").read_text().count("<testcase") == 4


def run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_records_are_whole_under_xdist(user: pytest.Pytester) -> None:
    more = MSE.replace("[none, mean]", "[none, mean, sum], C: [1, 2, 3, 4]").replace("[3]", "[C]")
    sized = more.replace("cases:", "defaults: {sizes: {C: 3}}\ncases:")
    (user.path / "cases" / "mse_loss.yaml").write_text(sized)
    process = run(user.path, "-n", "2", "--parity-implementation", "numpy", "--parity-results", "r.jsonl")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert len({record.id for record in read_records(user.path / "r.jsonl").records}) == 13


def test_a_killed_run_leaves_what_it_had(user: pytest.Pytester) -> None:
    results = user.path / "r.jsonl"
    process = run(
        user.path, "--parity-implementation", "numpy", "--parity-results", str(results), "--parity-seeds", "1000000"
    )
    deadline = time.monotonic() + 60
    while not (results.exists() and results.read_text().count("\n") >= 1) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert (lines[0]["kind"], lines[0]["planned"]) == ("run", 3)
    assert read_records(results).exitstatus is None

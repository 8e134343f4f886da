"""Every planned point has one record, whoever failed it; one process writes the file, and it never costs a verdict."""

import os
from pathlib import Path

import pytest

from parity.cases.shipped import case_folder
from parity.records.file import read_records
from parity.records.sentences import sentence
from tests.plugin import user

HOOKS = """
import os, pytest

def pytest_runtest_setup(item):
    if "mean" in item.name: raise OSError("no room")

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    yield
    if "none" in item.name: raise KeyError("after it")

@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    if "only this" in item.name: pytest.fail("left a mess")
"""
DEADLY = """
import os

def pytest_runtest_setup(item):
    if "mean" in item.name: os._exit(3)
"""
MEAN, NONE = "mse_loss/plain grid/mean-float32", "mse_loss/plain grid/none-float32"


@pytest.fixture
def theirs(pytester: pytest.Pytester) -> pytest.Pytester:
    user.write(pytester.path)
    pytester.syspathinsert()
    return pytester


def run(theirs: pytest.Pytester, *arguments: str, name: str = "numpy") -> pytest.RunResult:
    return theirs.runpytest("--parity-implementation", name, "-p", "no:cacheprovider", *arguments)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_pytest_or_a_hook_fails_is_recorded_as_an_error(theirs: pytest.Pytester, workers: str) -> None:
    theirs.makeconftest(HOOKS)
    run(theirs, "--parity-results", "r.jsonl", "-n", workers).assert_outcomes(failed=1, passed=1, errors=2)
    results = read_records(theirs.path / "r.jsonl")
    assert results.problems == []
    assert {record.id: (record.verdict, sentence(record.mismatches[0])) for record in results.records} == {
        MEAN: ("error", "pytest failed in the setup of the point: OSError: no room"),
        NONE: ("error", "pytest failed in the call of the point: KeyError: 'after it'"),
        "l1_loss/only this/float32": ("error", "pytest failed in the teardown of the point: Failed: left a mess"),
    }


def test_a_worker_that_dies_leaves_a_record_of_the_point(theirs: pytest.Pytester) -> None:
    theirs.makeconftest(DEADLY)
    # one worker: with two that die in their last items, xdist itself waits for ever
    run(theirs, "--parity-results", "r.jsonl", "-n", "1", name="numpy,torch")
    results = read_records(theirs.path / "r.jsonl")
    assert results.problems == []
    lost = [record for record in results.records if record.verdict == "error"]
    assert sorted((record.id, record.implementation) for record in lost) == [(MEAN, "numpy"), (MEAN, "torch")]
    assert {(record.loss, record.scenario, record.dtype, record.path, record.line) for record in lost} == {
        ("mse_loss", "plain grid", "float32", "cases/mse_loss.yaml", 4)
    }
    assert "crashed while running" in sentence(lost[0].mismatches[0])
    assert len(results.records) == 6


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("name", ["cases", "cases/l1_loss.yaml/r.jsonl", "pipe"])
def test_a_file_that_cannot_be_opened_is_a_usage_error(theirs: pytest.Pytester, name: str, workers: str) -> None:
    os.mkfifo(theirs.path / "pipe")
    result = run(theirs, "--parity-results", name, "-n", workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--parity-results: {theirs.path / name} *"])
    result.stdout.no_fnmatch_line("*passed*")


def test_trouble_later_is_a_sentence_and_fails_what_is_green(theirs: pytest.Pytester) -> None:
    theirs.makeconftest(
        "import os\ndef pytest_runtest_teardown(item, nextitem):\n  if not nextitem: os.remove('r.jsonl')"
    )
    result = run(theirs, "--parity-results", "r.jsonl")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["parity: *r.jsonl was deleted while the run wrote it: its records are lost"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_run_that_comes_to_nothing_leaves_no_older_records(theirs: pytest.Pytester) -> None:
    run(theirs, "--parity-results", "r.jsonl")
    theirs.makeconftest("def pytest_collection_modifyitems(items): raise OSError('stopped')")
    run(theirs, "--parity-results", "r.jsonl")
    results = read_records(theirs.path / "r.jsonl")
    assert results.records == []
    assert results.exitstatus not in (None, 0)


def test_a_look_at_the_points_leaves_the_records_alone(theirs: pytest.Pytester) -> None:
    run(theirs, "--parity-results", "r.jsonl")
    before = (theirs.path / "r.jsonl").read_bytes()
    run(theirs, "--parity-results", "r.jsonl", "--collect-only")
    assert (theirs.path / "r.jsonl").read_bytes() == before


@pytest.mark.parametrize("more", [[], ["-n", "2"], ["-p", "no:cacheprovider", "-k", "mse_loss or l1_loss"]])
def test_shards_have_every_point_once(theirs: pytest.Pytester, more: list[str]) -> None:
    (theirs.path / "cases" / "kl_div.yaml").write_text("loss: kl_dib\ncases: []\n")
    theirs.makepyfile(test_plain="def test_plain(): pass")
    seen: list[str] = []
    for part in (1, 2, 3):
        run(theirs, "--parity-shard", f"{part}/3", "--parity-results", "r.jsonl", *more, name="numpy,torch")
        results = read_records(theirs.path / "r.jsonl")
        assert results.problems == []
        assert results.header["shard"] == f"{part}/3"
        seen += [f"{record.id} {record.implementation}" for record in results.records]
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize("more", [[], ["-n", "2"]])
def test_a_resumed_run_ends_as_the_whole_one(theirs: pytest.Pytester, more: list[str]) -> None:
    path = theirs.path / "r.jsonl"
    whole = run(theirs, "cases", "--parity-results", "r.jsonl", name="mylib:MIXED").parseoutcomes()
    first = read_records(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:40])  # the process was killed
    result = user.pytest_in(
        theirs.path, "cases", "--parity-resume", "r.jsonl", "--parity-implementation", "mylib:MIXED", *more
    )
    assert pytest.RunResult.parse_summary_nouns(result.stdout.splitlines()) == whole
    results = read_records(path)
    assert results.problems == []
    assert {record.id: record for record in results.records} == {record.id: record for record in first.records}
    assert path.read_text().count('"kind": "point"') == 2 + 1 + ('"kind": "point"' in lines[3][:40])  # one was run


def test_another_run_is_not_resumed(theirs: pytest.Pytester) -> None:
    run(theirs, "--parity-results", "r.jsonl", "--parity-seeds", "1")
    result = run(theirs, "--parity-resume", "r.jsonl", "--parity-seeds", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--parity-resume: *r.jsonl cannot be resumed: *the seeds (1 and 2)*"])
    result = run(theirs, "--parity-resume", "none.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_cases_outside_of_the_root_are_known_by_their_digest(theirs: pytest.Pytester) -> None:
    shipped = str(case_folder() / "softmin.yaml")
    digests: set[str] = set()
    for workers in ("0", "2"):
        done = user.pytest_in(
            theirs.path, shipped, "-k", "plain", "--parity-implementation", "numpy", "--parity-results", "r.jsonl",
            "-n", workers, "--rootdir", str(theirs.path),
        )  # fmt: skip
        results = read_records(Path(theirs.path, "r.jsonl"))
        assert results.problems == [], done.stdout
        assert results.header["planned"] > 0
        digests.add(results.header["digest"])
    assert len(digests) == 1

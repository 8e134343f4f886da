"""Beside other people's plugins, the real ones: what they promise for a test holds for a point.

They are installed in a folder of their own (`make neighbours`), so that our own runs stay as they are.
"""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import distributions
from pathlib import Path

import pytest

from parity.records.file import read_records
from parity.records.sentences import sentence
from tests.plugin import user

FOLDER = Path(os.environ.get("PARITY_NEIGHBOURS", Path(sys.prefix, "neighbours")))
INSTALLED = {found.metadata["Name"].lower() for found in distributions(path=[str(FOLDER)])}
MIXED = ("cases", "--parity-implementation", "mylib:MIXED", "--parity-results", "r.jsonl")
IDS = {
    "cases/mse_loss.yaml::mse_loss/plain grid/none-float32": "failed",
    "cases/mse_loss.yaml::mse_loss/plain grid/mean-float32": "passed",
    "cases/mse_loss.yaml::mse_loss/plain grid/sum-float32": "passed",
    "cases/l1_loss.yaml::l1_loss/only this/float32": "not offered",
}


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if name not in INSTALLED]
    return pytest.mark.skipif(
        bool(missing), reason=f"{', '.join(missing)} is not installed in {FOLDER}: `make neighbours` does it"
    )


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest in a user's repository with all the neighbours; they are in order unless randomly is wanted."""
    user.write(tmp_path, mse=user.GRID)

    def run(*arguments: str, order: Sequence[str] = ("-p", "no:randomly")) -> subprocess.CompletedProcess[str]:
        return user.pytest_in(tmp_path, *order, *arguments, path=FOLDER)

    return run


def recorded(folder: Path) -> dict[str, str]:
    """The verdict of each id in the file of records, which must be whole."""
    results = read_records(folder / "r.jsonl")
    assert results.problems == []
    assert results.header["planned"] == len(results.records)
    return {f"cases/{record.loss}.yaml::{record.id}": record.verdict for record in results.records}


@needs("pytest-html", "pytest-cov", "allure-pytest")
def test_reports_of_others_hold_every_point(run: Run, tmp_path: Path) -> None:
    done = run(*MIXED, "--html", "r.html", "--alluredir", "allure", "--junitxml", "r.xml", "--cov", "mylib")
    assert done.returncode == 1, done.stdout
    assert "1 failed, 2 passed, 1 skipped" in done.stdout
    assert recorded(tmp_path) == IDS

    page = (tmp_path / "r.html").read_text()
    assert re.search(r"run-count.*>3 tests took", page)  # it leaves out what is skipped
    assert [f"{count} {word}" in page for count, word in ((1, "Failed"), (2, "Passed"), (1, "Skipped"))] == [True] * 3

    results = [json.loads(path.read_text()) for path in (tmp_path / "allure").glob("*-result.json")]
    assert Counter(result["status"] for result in results) == {"passed": 2, "failed": 1, "skipped": 1}
    [failed] = [result for result in results if result["status"] == "failed"]
    assert "2 times torch's" in json.dumps(failed["statusDetails"])

    suite = ElementTree.parse(tmp_path / "r.xml").getroot().find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    [failure] = suite.iter("failure")
    assert "repeat: pytest 'cases/mse_loss.yaml::" in str(failure.text)

    measured = re.search(r"^mylib\.py +\d+ +\d+ +(\d+)%", done.stdout, re.MULTILINE)
    assert measured is not None
    assert int(measured[1]) > 70  # the loss itself ran under the measurement


@needs("pytest-rerunfailures")
def test_a_second_attempt_that_passes_is_the_record(run: Run, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pathlib\n"
        "def pytest_runtest_setup(item):\n"
        "    seen = pathlib.Path('seen')\n"
        "    if 'only this' in item.name and not seen.exists():\n"
        "        seen.touch()\n"
        "        raise OSError('the network was away')\n"
    )
    done = run("cases", "--parity-implementation", "numpy", "--parity-results", "r.jsonl", "--reruns", "1")
    assert "4 passed, 1 rerun" in done.stdout
    assert set(recorded(tmp_path).values()) == {"passed"}


@needs("pytest-timeout")
def test_a_timeout_names_the_point(run: Run, tmp_path: Path) -> None:
    arguments = ("cases", "--parity-implementation", "mylib:ASLEEP", "--parity-results", "r.jsonl", "-k", "mean or l1")
    done = run(*arguments, "--timeout", "3")
    assert "1 failed, 1 passed" in done.stdout
    assert "mse_loss/plain grid/mean-float32 - cause 1" in done.stdout
    assert "Failed: Timeout" in done.stdout
    assert recorded(tmp_path)["cases/mse_loss.yaml::mse_loss/plain grid/mean-float32"] == "error"
    [record] = [record for record in read_records(tmp_path / "r.jsonl").records if record.verdict == "error"]
    assert "pytest failed in the call of the point: Failed: Timeout" in sentence(record.mismatches[0])


@needs("pytest-randomly")
def test_a_random_order_changes_no_id(run: Run) -> None:
    found = [run("cases", "--collect-only", f"--randomly-seed={seed}", order=()) for seed in "12"]
    orders = [[line for line in done.stdout.splitlines() if "::" in line] for done in found]
    assert set(orders[0]) == set(orders[1])
    assert orders[0] != orders[1]


@needs("pytest-rerunfailures", "pytest-randomly")
@pytest.mark.parametrize(
    "more", [("load", "--reruns", "2"), ("loadfile", "--randomly-seed", "1"), ("worksteal", "--randomly-seed", "2")]
)
def test_xdist_spreads_points(run: Run, tmp_path: Path, more: Sequence[str]) -> None:
    done = run(*MIXED, "-n", "2", "--dist", *more, order=() if "--randomly-seed" in more else ("-p", "no:randomly"))
    assert "1 failed, 2 passed, 1 skipped" in done.stdout
    assert ("2 rerun" in done.stdout) == ("--reruns" in more)
    assert recorded(tmp_path) == IDS


def test_hooks_of_the_user_run_for_points(run: Run, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture(autouse=True, scope='session')\n"
        "def unused(): yield\n"
        "def pytest_runtest_setup(item): print('SETUP', item.nodeid, file=open('hooks', 'a'))\n"
        "def pytest_runtest_teardown(item): print('TEARDOWN', item.nodeid, file=open('hooks', 'a'))\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if 'sum' in item.name: item.add_marker(pytest.mark.skip(reason='not here'))\n"
        "        if 'none' in item.name: item.add_marker(pytest.mark.xfail(reason='we know'))\n"
    )
    done = run(*MIXED)
    assert "1 passed, 2 skipped, 1 xfailed" in done.stdout
    lines = (tmp_path / "hooks").read_text().splitlines()
    assert Counter(line.split()[0] for line in lines) == {"SETUP": 3, "TEARDOWN": 4}  # a skip comes before
    verdicts = recorded(tmp_path)
    assert sorted(verdicts.values()) == ["not offered", "not offered", "passed", "xfailed"]

"""Installed beside other people's tests, parity does nothing; where it was asked for and finds nothing, it says so."""

import os
import sys

import pytest

from parity.cases.shipped import case_folder
from parity.plugin.claim import top_level_keys
from tests.plugin import user

KUBERNETES = "apiVersion: v1\nkind: Pod\nmetadata:\n  loss: none\n  cases: []\n---\nkind: Service\n"
STATE = """
import os, threading
def test_state():
    assert "OMP_NUM_THREADS" not in os.environ
    assert "MKL_NUM_THREADS" not in os.environ
    import sys
    assert "torch" not in sys.modules and "numpy" not in sys.modules and "yaml" not in sys.modules
    import torch
    assert torch.get_num_threads() == NUMBER
"""
OPTIONS = """
def pytest_addoption(parser):
    parser.addoption("--seeds", default="theirs")
    parser.addoption("--seed-base")
    parser.addoption("--depth", type=int)
    parser.addoption("--implementation")

def pytest_configure(config):
    assert config.getoption("seeds") == "theirs"
    assert config.getoption("--depth") == 3
    assert config.getoption("implementation") == "fast"
"""


@pytest.fixture
def unrelated(pytester: pytest.Pytester) -> pytest.Pytester:
    """A repository with YAML of other kinds where parity's could be, and options of its own."""
    cases = pytester.mkdir("cases")
    (cases / "pod.yaml").write_text(KUBERNETES)
    (cases / "broken.yml").write_text("a: [1, 2\n\tb: {")
    (cases / "binary.yaml").write_bytes(bytes(range(256)))
    (cases / "list.yaml").write_text("- loss: mse_loss\n- cases: []\n")
    (cases / "empty.yaml").touch()
    other = pytester.mkdir("settings")
    (other / "train.yaml").write_text("loss: mse_loss\nlr: 0.1\n")
    pytester.makepyfile(test_one="def test_one(): pass")
    return pytester


@pytest.mark.parametrize("selection", [[], ["-k", "pod or broken or loss"], ["cases", "settings", "test_one.py"]])
def test_yaml_of_others_is_not_collected(unrelated: pytest.Pytester, selection: list[str]) -> None:
    ours = unrelated.runpytest("--collect-only", "-q", *selection)
    theirs = unrelated.runpytest("--collect-only", "-q", "-p", "no:parity", *selection)
    assert ours.ret == theirs.ret
    assert [line for line in ours.outlines if "::" in line] == [line for line in theirs.outlines if "::" in line]
    ours.stdout.no_fnmatch_line("*yaml*")


def test_a_pipe_is_not_opened(unrelated: pytest.Pytester) -> None:
    os.mkfifo(unrelated.path / "cases" / "pipe.yaml")
    unrelated.runpytest_subprocess("-q", timeout=60).assert_outcomes(passed=1)


def test_options_of_others_keep_their_names(unrelated: pytest.Pytester) -> None:
    unrelated.makeconftest(OPTIONS)
    unrelated.runpytest("--depth", "3", "--implementation", "fast").assert_outcomes(passed=1)


def test_nothing_of_the_process_is_changed(unrelated: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    number = unrelated.run(sys.executable, "-c", "import torch; print(torch.get_num_threads())").outlines[0]
    unrelated.makepyfile(test_state=STATE.replace("NUMBER", number))
    unrelated.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=2)


def test_what_says_that_it_is_paritys_is_collected(unrelated: pytest.Pytester) -> None:
    (unrelated.path / "anywhere.yaml").write_text(user.L1)
    (unrelated.path / "cases" / "half.yaml").write_text("loss: mse_loss\n")
    (unrelated.path / "settings" / "asked.yml").write_text("'loss' : mse_loss\n")
    result = unrelated.runpytest("--parity-implementation", "numpy", ".", "settings/asked.yml")
    result.assert_outcomes(passed=2, failed=2)  # what is half said is told, not passed over
    result.stdout.fnmatch_lines(["*half.yaml:*cases*", "*asked.yml:*cases*"])


def test_in_a_folder_that_the_ini_names_every_file_is_paritys(unrelated: pytest.Pytester) -> None:
    unrelated.makeini("[pytest]\nparity_cases = cases\n")
    result = unrelated.runpytest("--parity-implementation", "numpy", "cases")
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(["*empty.yaml:1:1: the file is empty*", "*pod.yaml:*"])


def test_every_shipped_file_says_that_it_is_paritys() -> None:
    assert [path.name for path in case_folder().glob("*.y*ml") if len(top_level_keys(path)) < 2] == []


@pytest.mark.parametrize(
    "arguments",
    [["."], ["test_one.py"], ["-n", "2"], ["-n", "2", "-k", "one"], ["-k", "one"], ["cases"], ["--pyargs", "package"],
     ["--collect-only"]],
)  # fmt: skip
def test_an_implementation_without_a_point_is_a_usage_error(unrelated: pytest.Pytester, arguments: list[str]) -> None:
    (unrelated.mkpydir("package") / "test_two.py").write_text("def test_two(): pass")
    unrelated.makeini("[pytest]\ntestpaths = test_one.py\n")
    unrelated.syspathinsert()
    result = unrelated.runpytest("--parity-implementation", "numpy", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--parity-implementation numpy: no point*nothing was compared; write `pytest */cases --parity-impl*numpy`*"]
    )
    result.stdout.no_fnmatch_line("*1 passed*")


def test_a_loss_that_nobody_has_is_a_usage_error(unrelated: pytest.Pytester) -> None:
    user.write(unrelated.mkdir("theirs"))
    unrelated.syspathinsert(unrelated.path / "theirs")
    result = unrelated.runpytest("--parity-implementation", "mylib:IMPLEMENTATION", "theirs/cases/l1_loss.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no point of its losses was collected from theirs/cases/l1_loss.yaml*"])


def test_what_pytest_leaves_out_itself_is_its_own_business(unrelated: pytest.Pytester) -> None:
    (unrelated.path / "cases" / "l1_loss.yaml").write_text(user.L1)
    for more in ([], ["-n", "2"]):
        result = unrelated.runpytest("--parity-implementation", "numpy", "cases", "-k", "no_such_thing", *more)
        assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("ini", ["", "[pytest]\ntestpaths = test_one.py\n"])
def test_a_library_of_the_users_own_goes_through_the_shipped_cases(unrelated: pytest.Pytester, ini: str) -> None:
    unrelated.makeini(ini)
    (unrelated.path / "mylib.py").write_text(user.LIBRARY)
    unrelated.syspathinsert()
    result = unrelated.runpytest("--parity-implementation", "mylib:IMPLEMENTATION", "--collect-only", "-q")
    assert result.ret == 0
    collected = [line for line in result.outlines if "::" in line]
    assert any(line.startswith("test_one.py::") for line in collected)
    assert len([line for line in collected if "mse_loss.yaml::mse_loss/" in line]) > 100
    assert not any("kl_div" in line for line in collected)  # a loss that it does not have


@pytest.mark.parametrize(
    ("option", "sentence"),
    [(["--parity-seeds", "0"], "found '0', expected a whole number of at least 1"),
     (["--parity-seeds", "2.0"], "found '2.0', expected a whole number"),
     (["--parity-shard", "9/8"], "found '9/8', expected K/N with K from 1 to N, as in 2/8"),
     (["--parity-timeout", "-1"], "found '-1', expected a number of seconds above 0"),
     (["--parity-memory", "much"], "found 'much', expected a whole number"),
     (["--parity-resume", "a", "--parity-results", "b"], "--parity-resume a appends to that file")],
)  # fmt: skip
def test_an_option_that_means_nothing_is_a_sentence(
    unrelated: pytest.Pytester, option: list[str], sentence: str
) -> None:
    result = unrelated.runpytest(*option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{sentence}*"])

"""pytest --parity-baseline: known failures are expected, a change of them is red, and GitHub hears of the causes."""

from pathlib import Path

import pytest

from tests.plugin.user import LIBRARY, SMALL, pytest_in, write

MINE = ("--parity-implementation", "mylib:MIXED", "--parity-no-isolate", "cases/mse_loss.yaml")
KNOWN = ("--parity-baseline", "known.yaml")


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    """A repository in which two points of one cause fail and four pass."""
    write(pytester.path, mse=SMALL)
    pytester.syspathinsert()
    return pytester


def filled(user: pytest.Pytester) -> Path:
    """The baseline of what fails, with its reason."""
    written = user.runpytest(*MINE, *KNOWN, "--parity-write-baseline")
    assert written.ret == 1
    written.stdout.fnmatch_lines(["parity: wrote 1 known failure to *known.yaml: fill in the reason of each"])
    path = user.path / "known.yaml"
    path.write_text(path.read_text().replace('reason: ""', 'reason: "twice as ever"'))
    return path


def test_known_failures_are_expected_at_their_points_alone(user: pytest.Pytester) -> None:
    path = filled(user)
    user.runpytest(*MINE, *KNOWN).assert_outcomes(passed=4, xfailed=2)
    text = path.read_text()
    path.write_text(text.replace('["none-float32", "none-float64"]', '["none-float32", "mean-float32"]'))
    assert path.read_text() != text
    found = user.runpytest(*MINE, *KNOWN)
    found.assert_outcomes(passed=3, xfailed=1, failed=2)
    found.stdout.fnmatch_lines(["*mean-float32*passes, though it is expected to fail*(twice as ever)*"])


def test_a_point_that_is_gone_is_refused_unless_only_some_are_run(user: pytest.Pytester) -> None:
    path = filled(user)
    path.write_text(path.read_text().replace('"none-float64"', '"none-float8"'))
    found = user.runpytest(*MINE, *KNOWN)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert "is at a point that is gone: mse_loss/grid/none-float8" in found.stderr.str() + found.stdout.str()
    user.runpytest(*MINE, *KNOWN, "-k", "none and float32").assert_outcomes(xfailed=1)


def test_processes_side_by_side_know_the_same(user: pytest.Pytester) -> None:
    path = filled(user)
    several = pytest_in(user.path, *MINE, *KNOWN, "-n", "2")
    assert "4 passed, 2 xfailed" in several.stdout, several.stdout
    path.write_text(path.read_text().replace('"none-float64"', '"none-float8"'))
    gone = pytest_in(user.path, *MINE, *KNOWN, "-n", "2")
    assert gone.returncode == pytest.ExitCode.USAGE_ERROR, gone.stdout
    assert "is at a point that is gone: mse_loss/grid/none-float8" in gone.stdout


def test_a_baseline_that_cannot_be_meant_is_a_usage_error(user: pytest.Pytester) -> None:
    for arguments, sentence in (
        (KNOWN, "known.yaml is not there"), (("--parity-write-baseline",), "--parity-write-baseline needs a file"),
    ):  # fmt: skip
        found = user.runpytest(*MINE, *arguments)
        assert found.ret == pytest.ExitCode.USAGE_ERROR
        assert sentence in found.stderr.str() + found.stdout.str()


def test_a_users_own_test_knows_the_baseline_too(user: pytest.Pytester) -> None:
    filled(user)
    own = """
        import mylib, parity

        @parity.parametrize("mse_loss", mylib.mean_alone, name="mylib", cases="cases/mse_loss.yaml")
        def test_parity(point):
            point.check()
        """
    user.makepyfile(test_own=own)
    user.runpytest("test_own.py", *KNOWN).assert_outcomes(passed=4, xfailed=2)


def test_github_gets_a_summary_and_annotations(user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = user.path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(user.path))
    found = pytest_in(user.path, *MINE)
    lines = [line for line in found.stdout.splitlines() if line.startswith("::error ")]
    line = LIBRARY.splitlines().index("def mean_alone(**arguments):") + 1
    assert [line.partition(",title")[0] for line in lines] == [
        f"::error file=mylib.py,line={line}", "::error file=cases/mse_loss.yaml,line=4",
    ]  # fmt: skip
    text = summary.read_text()
    assert "mylib:MIXED does not agree with torch at 6 points: 4 passed, 2 failed." in text
    assert "### 2 points, 1 cause" in text


def test_the_rest_of_a_run_is_resumed_by_the_command(user: pytest.Pytester) -> None:
    from typer.testing import CliRunner

    from parity.cli import app
    from parity.records.read import read_records

    assert user.runpytest(*MINE, "--parity-results", "r.jsonl", "--parity-seeds", "2").ret == 1
    path = user.path / "r.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]))
    assert CliRunner().invoke(app, ["resume", "r.jsonl", "-q", "--parity-no-isolate"]).exit_code == 1
    results = read_records(path)
    assert len(results.records) == 6
    assert results.problems == []
    assert CliRunner().invoke(app, ["resume", "no.jsonl"]).exit_code == 2

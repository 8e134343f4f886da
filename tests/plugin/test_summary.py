"""Pytest's summary: a section a cause, the points on demand, and every convention of pytest as it was."""

import re

import pytest

from tests.plugin.user import SMALL, pytest_in, write

MINE = ("--parity-implementation", "mylib:MIXED")


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    """A repository in which two points of one cause fail and four pass, and a test of the user's own fails too."""
    write(pytester.path, mse=SMALL)
    pytester.syspathinsert()
    pytester.makepyfile(test_own="def test_own():\n    assert 1 + 1 == 3\n")
    return pytester


def run(user: pytest.Pytester, *arguments: str) -> str:
    """What pytest prints, the points run in this process."""
    return user.runpytest("--parity-no-isolate", *arguments).stdout.str()


def test_a_cause_is_one_section_and_each_point_names_it(user: pytest.Pytester) -> None:
    shown = run(user, *MINE, ".")
    sections = [line for line in shown.splitlines() if line.startswith("____")]
    assert len(sections) == 2, shown
    assert "cause 1 of 1: mse_loss" in sections[1]
    assert "assert (1 + 1) == 3" in shown
    assert shown.count("smallest example:") == 1
    assert "(1 more like it: -v shows each)" in shown
    assert shown.count("leaves parity") == 1
    short = [line for line in shown.splitlines() if line.startswith("FAILED cases/mse_loss.yaml::mse_loss/grid")]
    assert len(short) == 2
    assert all(" - cause 1: " in line for line in short), short
    assert "3 failed" in shown


def test_a_name_that_fills_the_line_is_followed_by_its_cause(
    user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pytest cuts what stands after a name that is wider than the terminal."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "50")
    short = re.findall("^FAILED cases/.*", run(user, *MINE, "cases"), re.MULTILINE)
    assert len(short) == 2
    assert all(line.endswith(" - cause 1") for line in short), short


def test_points_are_shown_on_demand(user: pytest.Pytester) -> None:
    shown = run(user, *MINE, "-vv", "cases")
    assert shown.count("leaves parity") == 2
    assert "more like it" not in shown


@pytest.mark.parametrize(("style", "count"), [("no", 0), ("line", 1), ("short", 1)])
def test_styles_of_tracebacks_are_honoured(user: pytest.Pytester, style: str, count: int) -> None:
    shown = run(user, *MINE, "cases", f"--tb={style}")
    assert shown.count("smallest example:") == count
    assert shown.count("FAILED cases/mse_loss.yaml") == 2


def test_xdist_prints_the_same_sections(user: pytest.Pytester) -> None:
    def sections(text: str) -> str:
        """What is printed of the causes; how small their example gets is a matter of time."""
        failures = text[text.index("= FAILURES =") : text.index("= short test summary")]
        assert "without parity:" in failures
        return re.sub(r"without parity:.*?(?=\n[_=]{3}|\Z)", "", failures, flags=re.DOTALL)

    assert sections(run(user, *MINE, "cases")) == sections(pytest_in(user.path, *MINE, "cases", "-n", "2").stdout)


def test_the_first_failure_ends_the_run_as_it_is_asked_to(user: pytest.Pytester) -> None:
    shown = run(user, *MINE, "cases", "-x")
    assert "1 failed" in shown
    assert "stopping after 1 failures" in shown


def test_a_users_own_test_over_points_is_told_by_cause_too(user: pytest.Pytester) -> None:
    own = """
        import mylib, parity

        @parity.parametrize("mse_loss", mylib.mean_alone, cases="cases/mse_loss.yaml")
        def test_parity(point):
            print("seen by the test")
            point.check()
        """
    user.makepyfile(test_own=own)
    shown = run(user, "test_own.py", "--parity-results", "r.jsonl")
    assert shown.count("leaves parity") == 1, shown
    assert "cause 1 of 1: mse_loss" in shown
    assert shown.count("seen by the test") == 1
    assert shown.count("FAILED test_own.py::test_parity[mse_loss/grid/none-float") == 2
    assert '"kind":"point"' not in (user.path / "r.jsonl").read_text()

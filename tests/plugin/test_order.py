"""Depth smoke and until-failure from outside: pytest's command line, `parity.check`, `parity check`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import parity
import parity.question
from parity import losses
from parity.cases.order import SMOKE
from parity.cli import app
from parity.records.file import read_records
from parity.report.tables import tables
from tests.plugin.user import LIBRARY, SMALL, pytest_in, write

LOSS = "margin_ranking_loss"


def halved(**arguments):  # type: ignore[no-untyped-def]
    output, vjp = losses.margin_ranking_loss(**arguments)
    return output / 2, vjp


def test_check_at_depth_smoke_says_which_part_it_ran() -> None:
    report = parity.check(LOSS, losses.margin_ranking_loss, depth="smoke", seeds=1)
    assert report.ok
    assert len(report.records) <= SMOKE < report.planned
    assert f"in the {len(report.records)} of {report.planned:,} points that were run" in report.head
    assert f"depth smoke: {report.left} points are left" in report.notes
    with pytest.raises(ValueError, match="only some of them were run"):
        report.write_baseline("known.yaml")


def test_check_leaves_a_loss_at_its_first_failure() -> None:
    report = parity.check(LOSS, halved, until_failure=True)
    assert not report.ok
    assert report.count("failed") == 1 == sum(record.unexpected for record in report.records)
    assert report.records[-1].unexpected
    assert report.stop == "stopped at the first failure"
    assert len(report.records) < 5
    both = parity.check({LOSS: halved, "l1_loss": losses.l1_loss}, until_failure=True, depth="smoke", seeds=1)
    assert [one.stop for one in both] == ["stopped at the first failure", "depth smoke"]


def test_an_expected_failure_ends_nothing(tmp_path: Path) -> None:
    def doubled(**arguments):  # type: ignore[no-untyped-def]
        output, vjp = losses.mse_loss(**arguments)
        return output * 2, vjp

    (tmp_path / "mse_loss.yaml").write_text(SMALL)
    report = parity.check(
        "mse_loss", doubled, cases=tmp_path, until_failure=True, depth="smoke", expected_failures={"*": "known"}
    )
    assert (report.count("xfailed"), report.stop) == (6, "")


def test_the_budget_and_depth_smoke_go_together() -> None:
    report = parity.check(LOSS, losses.margin_ranking_loss, depth="smoke", budget="1ms")
    assert report.stop == "the budget of 0.001 s"


def test_the_command_has_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylib.py").write_text(LIBRARY)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["check", "mse_loss", "mylib:double", "--until-failure", "--depth", "smoke"])
    assert shown.exit_code == 1
    assert "stopped at the first failure" in shown.output
    for option in ("--until-failure", "--depth=smoke"):
        words = ["check", "mse_loss", "mylib:double", "--baseline", "b.yaml", "--write-baseline", option]
        refused = CliRunner().invoke(app, words)
        assert refused.exit_code == 2
        assert "leave out --" in refused.output


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    write(pytester.path, mse=SMALL)
    pytester.syspathinsert()
    return pytester


@pytest.mark.parametrize("more", [(), ("-n", "1")])
def test_pytest_leaves_a_loss_at_its_first_failure(tmp_path: Path, more: tuple[str, ...]) -> None:
    words = ("--parity-no-isolate", "--parity-implementation", "mylib:MIXED", "--parity-until-failure", "cases", *more)
    shown = pytest_in(write(tmp_path, mse=SMALL), *words).stdout
    assert "1 failed, 6 skipped" in shown
    assert "parity: mse_loss of mylib has failed: 5 points are left" in shown


def test_pytest_runs_the_head_of_shipped_cases_in_order_and_the_report_says_so(user: pytest.Pytester) -> None:
    (file,) = Path(parity.cases.shipped.case_folder()).glob(f"{LOSS}.yaml")
    words = ["--parity-implementation", "numpy", "--parity-depth", "smoke", "--parity-seeds", "1"]
    result = user.runpytest(*words, str(file), "--parity-results", "r.jsonl")
    result.stdout.fnmatch_lines([f"parity: depth smoke: at most {SMOKE} points a loss were asked for (*"])
    results = read_records(user.path / "r.jsonl")
    ran = [record.id for record in results.records]
    assert ran == [point.id for point in parity.question.asked(LOSS, halved, {"depth": "smoke"})[0].points]
    assert tables(results).said == [
        f"Depth smoke: at most {SMOKE} points of each loss were asked for, those that see most wrong losses."
    ]
    halves = []
    for shard in ("1/2", "2/2"):
        user.runpytest(*words, str(file), "--parity-results", "half.jsonl", "--parity-shard", shard, "-k", "mean")
        halves.append([record.id for record in read_records(user.path / "half.jsonl").records])
        (user.path / "half.jsonl").unlink()
    assert sorted([*halves[0], *halves[1]]) == sorted(id for id in ran if "mean" in id)
    assert halves[0] == [id for id in ran if id in halves[0]]

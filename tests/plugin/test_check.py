"""What `parity.check` takes and gives besides verdicts: libraries, selection, budgets, reports that can be kept."""

import io
import json
import pydoc
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.engine.budget import Budget, seconds_of
from parity.report import progress
from tests.plugin import user


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "mse_loss.yaml").write_text(user.SMALL)
    (tmp_path / "l1_loss.yaml").write_text(user.L1)
    return tmp_path


def double(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    return 2 * F.l1_loss(input, target, reduction=reduction)


def a_module() -> ModuleType:
    module = ModuleType("mylib")
    module.__dict__.update(mse_loss=F.mse_loss, l1_loss=double, huber="no loss")
    return module


LOSSES: dict[str, Callable[..., Any]] = {"mse_loss": F.mse_loss, "l1_loss": double}


@pytest.mark.parametrize("library", [LOSSES, a_module(), parity.Implementation("mylib", "torch", LOSSES)])
def test_a_library_is_checked_over_all_its_losses(cases: Path, library: Any) -> None:
    reports = parity.check(library, cases=cases, framework="torch", name="mylib")
    assert not reports.ok
    assert not reports
    assert {report.loss for report in reports} == LOSSES.keys()
    assert reports["mse_loss"].ok
    assert not reports["l1_loss"].ok
    assert reports.counts == {"passed": 6, "failed": 1}
    assert len(reports.records) == 7
    assert "2 times torch's" in reports.failures[0]
    assert str(reports).startswith("mylib does not agree with torch: 1 of 2 losses agree, 6 passed, 1 failed.\n")
    with pytest.raises(parity.ParityError, match="l1_loss of mylib does not agree"):
        reports.raise_for_failures()


def test_one_loss_of_a_library(cases: Path) -> None:
    library = parity.Implementation("mylib", "torch", LOSSES)
    assert parity.check("mse_loss", library, cases=cases).ok
    with pytest.raises(parity.Misdeclared, match="mylib has no kl_div"):
        parity.check("kl_div", library)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ((F.mse_loss,), "the name of the loss comes first: write parity.check\\('mse_loss', mse_loss\\)"),
        (("mse_loss",), "no function to check is given: write parity.check\\('mse_loss', function\\)"),
        ((F.mse_loss, "mse_loss"), "the first of two is function, expected .*: write parity.check\\('mse_loss', "),
        (("CrossEntropyLoss", F.mse_loss), "there is no loss 'CrossEntropyLoss'; did you mean 'cross_entropy'"),
        ((LOSSES, F.mse_loss), "the first of two is dict, expected the name of a loss"),
        ((json,), "the module json has no function that is called as a loss of torch is"),
        (({},), "yours has no loss"),
    ],
)
def test_what_is_no_library_is_a_sentence(asked: Any, sentence: str) -> None:
    with pytest.raises(parity.Misdeclared, match=sentence):
        parity.check(*asked)


def test_names_and_outputs_may_be_said_of_one_loss_of_several(cases: Path) -> None:
    def mse(logits: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> Any:
        return F.mse_loss(logits, target, reduction=reduction), None

    library: dict[str, Callable[..., Any]] = {"mse_loss": mse, "l1_loss": F.l1_loss}
    for names in ({"mse_loss.input": "logits"}, {"input": "logits"}):
        reports = parity.check(library, framework="torch", arguments=names, output={"mse_loss": 0}, cases=cases)
        assert reports.ok, reports
    for wrong, sentence in (
        ({"l1_loss.inptu": "logits"}, "l1_loss has no argument 'inptu'"), ({"target": "x"}, "names 'target', which no"),
        ({"kl_div.input": "x"}, "names 'kl_div.input', which no loss takes"),
    ):  # fmt: skip
        with pytest.raises(parity.Misdeclared, match=sentence):
            parity.check(library, framework="torch", arguments=wrong)


def test_only_and_exclude_take_one_pattern_or_several(cases: Path) -> None:
    ids = {"only": ["*/sum-*", "*/none-float32"], "exclude": "*sum-float64"}
    report = parity.check("mse_loss", losses.mse_loss, cases=cases, **ids)  # type: ignore[call-overload]
    assert [record.id.rpartition("/")[2] for record in report.records] == ["none-float32", "sum-float32"]
    with pytest.raises(parity.Misdeclared, match="exclude='\\*float61\\*' matches no point"):
        parity.check("mse_loss", losses.mse_loss, cases=cases, exclude="*float61*")
    with pytest.raises(parity.Misdeclared, match="only is \\[\\], expected an id, a pattern"):
        parity.check("mse_loss", losses.mse_loss, cases=cases, only=[])
    everything = parity.check("mse_loss", losses.mse_loss, cases=cases, exclude="*")
    assert not everything.ok


def slow(**arguments: Any) -> Any:
    time.sleep(0.05)
    return losses.mse_loss(**arguments)


def test_a_budget_ends_a_run_and_the_report_says_how_much_of_it_there_was(cases: Path) -> None:
    report = parity.check("mse_loss", slow, cases=cases, budget="100ms")
    run = len(report.records)
    assert 0 < run < 6
    assert report.ok
    assert f"agrees with torch in the {run} of 6 points that were run ({100 * run / 6:.1f} %): {run} passed." in str(
        report
    )
    assert f"the budget of 0.1 s is over: {6 - run} points are left" in str(report)
    assert (report.planned, report.left, report.to_dict()["left"]) == (6, 6 - run, 6 - run)
    assert parity.check("mse_loss", losses.mse_loss, cases=cases, budget="5m").left == 0
    with pytest.raises(parity.Misdeclared, match="budget is 'soon', expected a time such as '30s'"):
        parity.check("mse_loss", losses.mse_loss, cases=cases, budget="soon")


def test_what_a_budget_may_be() -> None:
    assert [seconds_of(text) for text in ("30s", "2 m", "1h", "500ms", "1.5s", 7)] == [30, 120, 3600, 0.5, 1.5, 7]
    for wrong in ("", "30", "s", "-1s", "0s", 0, -1, True, "1d", float("nan")):
        with pytest.raises(ValueError, match="expected a time such as '30s'"):
            seconds_of(wrong)
    assert not Budget(None).is_over()
    assert Budget("2m").words == "the budget of 2 min"


def test_under_pytest_a_budget_leaves_points_without_a_record(pytester: pytest.Pytester) -> None:
    user.write(pytester.path)
    pytester.syspathinsert()
    arguments = ("--parity-budget", "1ms", "--parity-results", "results.jsonl", "-p", "no:xdist")
    result = pytester.runpytest("cases", *arguments)
    assert result.parseoutcomes()["skipped"] >= 2
    result.stdout.fnmatch_lines(["parity: the budget of 0.001 s is over: * points are left"])
    result = pytester.runpytest("cases", "--parity-budget", "soon")
    result.stderr.fnmatch_lines(["*--parity-budget: found 'soon', expected a time such as 30s, 5m or 1h"])


SCRIPT = """
import os, signal, parity
from parity import losses

def interrupted(**arguments):
    interrupted.calls += 1
    if interrupted.calls > 20:
        os.kill(os.getpid(), signal.SIGINT)
    return losses.mse_loss(**arguments)

interrupted.calls = 0
try:
    parity.check("mse_loss", interrupted, cases="mse_loss.yaml")
except KeyboardInterrupt as error:
    print(len(error.report.records), error.report.ok, error.report.left)
    raise
"""


def test_ctrl_c_prints_the_report_so_far_and_ends_the_script(cases: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=cases, text=True, capture_output=True, check=False)
    run, ok, left = done.stdout.split()
    assert (ok, int(run) + int(left)) == ("False", 6)
    assert int(run) > 0
    assert f"mse_loss of yours, interrupted, agrees with torch in the {run} of 6 points that were run" in done.stderr
    assert re.search(f"interrupted: {left} points? (is|are) left", done.stderr)
    assert done.returncode in (-signal.SIGINT, 130, 1)


def test_a_report_can_be_kept(cases: Path) -> None:
    for report in (
        parity.check("l1_loss", double, framework="torch", cases=cases),
        parity.check(LOSSES, framework="torch", cases=cases),
    ):
        data = json.loads(json.dumps(report.to_dict()))
        assert data["ok"] is False
        assert data["counts"] == report.counts
        assert [cause["sentence"] for cause in data["causes"]] == [cause.sentence for cause in report.causes]
        assert data["causes"][0]["points"][0] == report.causes[0].example.id
        texts = {path.suffix: path.read_text() for path in (report.save(cases / f"to/r{form}") for form in FORMS)}
        assert json.loads(texts[".json"]) == data
        assert all("2 times torch" in text for text in texts.values())
        assert texts[".html"].startswith("<!doctype html>")
        assert "<html" not in report._repr_html_()
        assert "2 times torch&#39;s" in report._repr_html_()
        assert len(repr(report)) < 200
        assert "\n" not in repr(report)
        with pytest.raises(ValueError, match=r"r\.pdf ends in '\.pdf', expected one of \.json, \.html"):
            report.save("r.pdf")


FORMS = (".json", ".html", ".md", ".txt")


def test_help_and_completion_list_all_names() -> None:
    assert set(parity.__all__) <= set(dir(parity))
    text = pydoc.plain(pydoc.render_doc(parity))
    for name in ("check(", "parametrize(", "class Implementation", "class Report", "budget", "arguments"):
        assert name in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal, True), (io.StringIO, False)])
def test_a_bar_shows_what_is_left_on_a_terminal_alone(
    cases: Path, monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], shown: bool
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    stderr = stream()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    parity.check("mse_loss", losses.mse_loss, cases=cases)
    assert all(part in stderr.getvalue() for part in ("mse_loss of yours", "/6")) is shown
    assert shown or not stderr.getvalue()

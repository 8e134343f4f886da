"""GitHub Actions: the summary of the job, and the annotations of causes."""

from functools import partial
from pathlib import Path

import pytest
import torch

from parity.causes.group import causes
from parity.report import github
from parity.report.places import Place, place_of
from tests.unit.recorded import failed, record


class Module(torch.nn.Module):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return input


class Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, input: torch.Tensor) -> torch.Tensor:
        return input


def line_of(text: str) -> int:
    return Path(__file__).read_text().splitlines().index(text) + 1


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (line_of, "def line_of(text: str) -> int:"), (partial(line_of, ""), "def line_of(text: str) -> int:"),
        (Module, "class Module(torch.nn.Module):"), (Module(), "class Module(torch.nn.Module):"),
        (Function.apply, "class Function(torch.autograd.Function):"),
    ],
)  # fmt: skip
def test_the_line_of_a_function_is_the_users(function: object, text: str) -> None:
    assert callable(function)
    assert place_of(function) == Place(__file__, line_of(text))


def test_what_no_file_has_has_no_line() -> None:
    assert place_of(len) is None


def test_each_cause_annotates_the_function_and_the_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    found = causes([failed("a", "it is lost"), failed("b", "100 % wrong\n::error::of its own"), record("c")])
    lines = list(github.annotations(found, lambda cause: Place(str(tmp_path / "src" / "my,lib.py"), 7)))
    assert len(lines) == 2 * len(found) == 4
    for function, case in zip(lines[::2], lines[1::2], strict=True):
        assert function.startswith("::error file=src/my%2Clib.py,line=7,title=parity%3A cause ")
        assert case.startswith("::error file=mine/nll_loss.yaml,line=3,title=parity%3A cause ")
    assert all("\n" not in line for line in lines)
    assert any("100 %25 wrong" in line for line in lines)


def test_the_summary_is_appended_and_its_trouble_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    found = causes([failed("a", "it is <b>lost</b>")])
    github.told("mylib does not agree with torch.", ["a note"], found, lambda cause: None)
    text = path.read_text()
    assert text.startswith("before\n## parity\n\nmylib does not agree with torch.\n\n- a note\n")
    assert "1. nll\\_loss" in text or "1. nll_loss" in text
    assert "&lt;b&gt;lost" in text
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert github.told("", [], [], lambda cause: None)[-1].startswith(
        "::warning::parity: the summary of the job cannot"
    )


def test_a_summary_is_never_longer_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github, "MOST", 2000)
    found = causes([failed(f"{'a' * n}", f"it is {'lost' * n}") for n in range(1, 60)])
    assert len(github.summary("head", [], found)) < 8000
    assert "more\n" in github.summary("head", [], found)


def test_elsewhere_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert not github.is_there()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert github.is_there()

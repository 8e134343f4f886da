"""The shipped cases as a whole: a file a loss, enough of them, every pair of options covered."""

from collections import Counter
from pathlib import Path

import pytest

from parity import losses
from parity.cases.load import load
from parity.cases.points import expand
from parity.cases.shared import shared_cases
from parity.cases.shipped import case_folder
from parity.cases.uses import shared_files
from parity.implementations.registry import served
from parity.report.coverage import coverage, main

FILES = sorted(case_folder().glob("*.yaml"))
DEEP = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "nll_loss")


def test_every_loss_has_its_file() -> None:
    assert {path.stem for path in FILES} == set(losses.LOSSES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_about_its_loss_and_has_enough_scenarios(path: Path) -> None:
    scenarios = load(path, served())
    assert {scenario.loss for scenario in scenarios} == {path.stem}
    assert len(scenarios) >= (12 if path.stem in DEEP else 10)
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_pair_of_options_is_covered(path: Path) -> None:
    found = coverage(path)
    assert found.missing == []
    assert found.covered + len(found.excused) == found.pairs


@pytest.mark.parametrize("path", shared_files(case_folder()).values(), ids=lambda path: path.stem)
def test_a_shared_case_stands_in_several_losses(path: Path) -> None:
    """One that no loss takes would never be run."""
    assert path.read_text().startswith("# yaml-language-server: $schema=../schema.json\n# ")
    losses_of = Counter(
        scenario.name for own in FILES for scenario in load(own, served()) if scenario.path.name == path.name
    )
    written = [one.case.name for one in shared_cases(path)]
    assert {name: losses_of[name] for name in written if losses_of[name] < 2} == {}


def test_a_missing_pair_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "loss: huber_loss\ncases:\n  - name: one point\n    given: {input: {normal: [3]}, target: {normal: [3]}}\n"
    (tmp_path / "huber_loss.yaml").write_text(text)
    monkeypatch.setattr("parity.report.coverage.case_folder", lambda: tmp_path)
    assert main([]) == 1
    assert "missing: reduction=none with weight=given" in capsys.readouterr().out


def test_there_are_thousands_of_points_with_ids_of_their_own() -> None:
    ids = [point.id for path in FILES for scenario in load(path, served()) for point in expand(scenario)]
    assert len(ids) == len(set(ids)) >= 10_000

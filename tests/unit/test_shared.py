"""Scenarios that several losses share: who has them, what takes their place, and what is wrong with them."""

from pathlib import Path

import pytest

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.cases.points import expand
from parity.cases.scenario import Scenario
from parity.cases.uses import with_shared
from parity.implementations.registry import served

MSE = """loss: mse_loss
use: [mine]
defaults: {sizes: {N: 2}, given: {input: {normal: [N]}, target: {normal: [N]}}}
cases:
  - name: own case
"""
MINE = """shared: mine
cases:
  - name: weights count
    given: {weight: {full: [N], value: 2}}
  - name: betas count
    across: {beta: [1, 2]}
  - name: sums match torch
    across: {reduction: [sum, mean]}
"""


def load_shared(folder: Path, own: str, **shared: str) -> list[Scenario]:
    """The scenarios of a loss's file beside files of shared cases."""
    (folder / "shared").mkdir()
    for name, text in shared.items():
        (folder / "shared" / f"{name}.yaml").write_text(text)
    path = folder / "own.yaml"
    path.write_text(own)
    return load(path, served())


def with_line(line: str) -> str:
    """The loss's file with one line more below `use:`."""
    return MSE.replace("[mine]\n", f"[mine]\n{line}\n")


def test_a_loss_has_the_shared_cases_whose_arguments_it_takes(tmp_path: Path) -> None:
    scenarios = load_shared(tmp_path, MSE, mine=MINE)
    assert [scenario.name for scenario in scenarios] == ["own case", "weights count", "sums match torch"]
    points = [point.id for scenario in scenarios for point in expand(scenario)]
    assert points[1:3] == ["mse_loss/weights count/float32", "mse_loss/sums match torch/sum-float32"]
    assert list(scenarios[1].given) == ["input", "target", "weight"]


def test_a_scenario_says_where_it_is_written_and_whose_it_is(tmp_path: Path) -> None:
    own, shared, _ = load_shared(tmp_path, MSE, mine=MINE)
    assert (own.path.name, own.file.name, own.line) == ("own.yaml", "own.yaml", 5)
    assert (shared.path.name, shared.file.name, shared.line) == ("mine.yaml", "own.yaml", 3)


def test_another_loss_has_others(tmp_path: Path) -> None:
    scenarios = load_shared(tmp_path, MSE.replace("mse_loss", "smooth_l1_loss"), mine=MINE)
    assert [scenario.name for scenario in scenarios] == ["own case", "betas count", "sums match torch"]


def test_an_excepted_case_is_left_out(tmp_path: Path) -> None:
    own = with_line("except: {weights count: there is no need}")
    assert [scenario.name for scenario in load_shared(tmp_path, own, mine=MINE)] == ["own case", "sums match torch"]


def test_what_is_nearer_to_the_loss_takes_the_place_of_a_shared_case(tmp_path: Path) -> None:
    own = MSE.replace("[mine]", "[mine, later]") + "  - name: weights count\n    given: {weight: [1.0, 3.0]}\n"
    later = "shared: later\ncases:\n  - name: sums match torch\n    given: {reduction: sum}\n"
    by_name = {scenario.name: scenario for scenario in load_shared(tmp_path, own, mine=MINE, later=later)}
    assert by_name["weights count"].given["weight"] == [1.0, 3.0]
    assert by_name["sums match torch"].path.name == "later.yaml"


def test_the_shipped_files_can_be_used_from_elsewhere(tmp_path: Path) -> None:
    scenarios = load_shared(tmp_path, MSE.replace("mine", "reductions"))
    assert "size_average false is the sum" in [scenario.name for scenario in scenarios]


def test_a_file_is_told_with_the_shared_files_that_it_uses(tmp_path: Path) -> None:
    """A run that is resumed must know that one of them was changed."""
    load_shared(tmp_path, MSE, mine=MINE)
    assert with_shared(tmp_path / "own.yaml") == [tmp_path / "own.yaml", tmp_path / "shared" / "mine.yaml"]
    for use in ("[3, {}, mien]", "mine", "null"):
        (tmp_path / "own.yaml").write_text(MSE.replace("[mine]", use))
        assert with_shared(tmp_path / "own.yaml") == [tmp_path / "own.yaml"]
    assert with_shared(tmp_path / "none.yaml") == [tmp_path / "none.yaml"]


WRONG = [
    (MSE.replace("mine", "mien"), MINE, "own.yaml:2:7: there is no shared file 'mien'; did you mean 'mine'?"),
    (MSE.replace("mine", "mine, mine"), MINE, "own.yaml:2:13: 'mine' stands here again"),
    (MSE.replace("mine", "mine, " * 200), MINE, "own.yaml:2:6: found a list, expected at most 100 inside"),
    (with_line("except: {betas count: there is no beta}"), MINE,
     "own.yaml:3:10: this excepts nothing: mse_loss has no shared case 'betas count'; did you mean 'weights count'?"),
    (with_line("except: {weights count: no}"), MINE, "expected at least 8 characters"),
    (with_line("exept: {}"), MINE, "own.yaml:3:1: unknown key 'exept'; did you mean 'except'?"),
    (MINE, MINE, "own.yaml:1:1: this is a file of shared cases, expected a loss's own with 'loss:', which"),
    (MSE, MINE.replace("shared: mine", "shared: yours"), "mine.yaml:1:9: found 'yours', expected the file's own name"),
    (MSE, "- 3\n", "mine.yaml:1:1: found a list, expected a mapping with 'shared:' and 'cases:'"),
    (MSE, MINE + "defaults: {}\n", "mine.yaml:9:1: unknown key 'defaults'; expected one of cases, shared"),
    (MSE, MINE.replace("given", "givn"), "mine.yaml:4:5: unknown key 'givn'; did you mean 'given'?"),
    (MSE, MINE + "  - name: betas count\n", "mine.yaml:9:11: the name 'betas count' stands here again, it is already"),
    (MSE, MINE.replace("weight:", "wieght:"), "mine.yaml:4:13: mse_loss has no argument 'wieght'; did you mean"),
    (MSE, MINE.replace("[N]", "[M]"), "mine.yaml:4:29: there is no size 'M'; expected one of N"),
    (MSE, MINE.replace("[N]", "[M]"), "own.yaml:2)"),
]  # fmt: skip


@pytest.mark.parametrize(("own", "shared", "sentence"), WRONG)
def test_what_is_wrong_with_a_shared_case_is_told(tmp_path: Path, own: str, shared: str, sentence: str) -> None:
    with pytest.raises(CaseError) as info:
        load_shared(tmp_path, own, mine=shared)
    assert sentence in str(info.value)

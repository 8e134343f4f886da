"""`parity show`, and `parity.show`: one draw of a point, both sides beside each other."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

import parity
from parity.cli import app

POINT = "mse_loss/errors of every size match torch/mean-float32"
MINE = "tests.plugin.test_show:halved"


def halved(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """mse_loss whose mean is a half."""
    return F.mse_loss(input, target, **options) / (2 if options.get("reduction", "mean") == "mean" else 1)


def shown(*words: str) -> tuple[int, str]:
    """The exit status and the output of `parity show`."""
    found = CliRunner().invoke(app, ["show", *words])
    return found.exit_code, found.output


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])


def test_both_sides_stand_beside_each_other_and_the_worst_is_marked() -> None:
    found = parity.show(POINT, halved, framework="torch", seed=1)
    assert not found.agrees
    assert found.sides is not None
    assert found.sides.expected["output"] == pytest.approx(2 * found.sides.found["output"], rel=1e-5)
    text = str(found)
    for words in ("seed 1:", "  input, float32 [", "  grad_output, float32 []", "reduction = 'mean'", "torch"):
        assert words in text
    assert "exact  error in ulp" in " ".join(text.split()).replace("exact error", "exact  error")
    assert text.count("<-- worst") >= 2
    program = text.partition("without parity:")[2]
    assert "F.mse_loss(" in program
    assert "  - name: smallest example of" in program


def test_the_command_is_the_function() -> None:
    status, text = shown(POINT, MINE, "--framework", "torch", "--seed", "2")
    assert status == 1
    assert text.strip() == str(parity.show(POINT, halved, framework="torch", seed=2, name="tests.plugin.test_show"))


def test_a_point_that_agrees_ends_with_0() -> None:
    status, text = shown(POINT, "--implementation", "numpy")
    assert status == 0, text
    assert "passed" in text
    assert "seed 0:" in text


def test_by_default_the_first_draw_that_differs_is_shown() -> None:
    assert parity.show(POINT, halved, framework="torch").seed == 0


def test_what_raises_is_told_beside_the_answers_of_the_other_side() -> None:
    def raises(**arguments: Any) -> Any:
        raise ZeroDivisionError("no rows")

    text = str(parity.show(POINT, raises))
    assert "yours raises ZeroDivisionError: no rows" in text
    assert "torch" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([POINT.replace("mean-", "maen-"), MINE, "--framework", "torch"], "did you mean"),
        ([POINT], "whose answers?"),
        (["mse_los/x", MINE], "there is no loss 'mse_los'"),
        ([POINT, MINE, "--framework", "torch", "--seed", "-1"], "seed is -1"),
    ],
)
def test_what_means_nothing_is_a_sentence(words: list[str], told: str) -> None:
    status, text = shown(*words)
    assert status == 2
    assert told in text
    assert "Traceback" not in text

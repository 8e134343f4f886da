"""`parity new`: a first case file, which loads and whose points run green where the reference itself is tested."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import parity
from parity.authoring.new import Undrafted, new
from parity.authoring.roles import role_of
from parity.cases.load import load

ROOT = Path(__file__).parents[2]
EAGER = """
import torch
import torch.nn.functional as F

def {name}(logits, labels, weight=None, gamma=2.0, ignore_index=-100, reduction="mean"):
    if gamma < 0:
        raise ValueError("gamma must be positive")
    values = F.cross_entropy(logits, labels, weight, ignore_index=ignore_index, reduction="none")
    values = (1 - torch.exp(-values)) ** gamma * values
    return values.sum() / labels.numel() if reduction == "mean" else values.sum() if reduction == "sum" else values

def no_gradient(x):
    return x.detach()

def picky(x, y):
    raise ValueError("never right")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "eager_of_new.py").write_text(EAGER.format(name="own_focal"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "eager_of_new", raising=False)
    return tmp_path


def test_a_first_file_has_thirty_scenarios_that_are_green(folder: Path) -> None:
    path = folder / "own_focal.yaml"
    scenarios, points = new("own_focal", "eager_of_new:own_focal", path)
    assert scenarios == len(load(path, {})) >= 30
    text = path.read_text()
    assert "# names: logits (logits), labels (labels)." in text
    parts = (
        "dtype: floating", "reduction: all", "layout: all", ".nan", "N: [0]", "grad_output", "weight: {uniform",
        "raises:", "labels of another length", "labels: {classes: [N], below: C, mask: {value: -100, share: 0.25}}",
    )  # fmt: skip
    for part in parts:
        assert part in text, part
    assert "# left out: no columns" in text
    import eager_of_new  # type: ignore[import-not-found]

    report = parity.check("own_focal", eager_of_new.own_focal, cases=path, framework="torch", seeds=1)
    assert report.ok, report
    assert report.planned == points
    assert any(record.raises for record in report.records)


@pytest.mark.parametrize(
    ("loss", "reference", "says"),
    [
        ("own_focal", "eager_of_new:own_focl", "has no function 'own_focl'; did you mean 'own_focal'?"),
        ("own_focal", "nowhere_new:own_focal", "nowhere_new cannot be imported"),
        ("own focal", "eager_of_new:own_focal", "'own focal' is not a name for a loss"),
        ("no_gradient", "eager_of_new:no_gradient", "takes none of 2 guesses at its arguments: it has no gradients"),
        ("picky", "eager_of_new:picky", "the first is refused with ValueError: never right"),
    ],
)
def test_what_cannot_be_drafted_is_a_sentence_and_writes_nothing(
    folder: Path, loss: str, reference: str, says: str
) -> None:
    with pytest.raises(Undrafted) as error:
        new(loss, reference, folder / "new.yaml")
    assert says in str(error.value)
    assert [path.name for path in folder.iterdir() if path.suffix == ".yaml"] == []


def test_a_file_that_is_there_is_kept(folder: Path) -> None:
    (folder / "new.yaml").write_text("mine")
    with pytest.raises(Undrafted, match="is there already"):
        new("own_focal", "eager_of_new:own_focal", folder / "new.yaml")
    assert (folder / "new.yaml").read_text() == "mine"


def test_the_command_says_what_it_wrote_and_refuses_in_a_sentence(folder: Path) -> None:
    command = [sys.executable, "-m", "parity", "new", "no_gradient", "--reference", "eager_of_new:no_gradient"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("parity: eager_of_new:no_gradient takes none of")
    assert "Traceback" not in done.stderr


def test_roles_are_guessed_from_names() -> None:
    guessed = {
        "logits": "logits", "y_pred": "logits", "labels": "labels", "target": "labels", "pos_weight": "weights",
        "class_weights": "weights", "log_probs": "log probabilities", "old_logps": "log probabilities",
        "probs": "probabilities", "attention_mask": "mask", "advantages": "rewards", "anchor": "embeddings",
        "frobnicate": "unknown",
    }  # fmt: skip
    assert {name: role_of(name) for name in guessed} == guessed

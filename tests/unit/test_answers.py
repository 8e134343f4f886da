"""Torch's answers that are kept from run to run: never stale, bounded, and of no weight where they are damaged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity.api import check
from parity.cases.points import Point
from parity.comparison.experience import Experience
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.implementations.registry import named
from parity.losses import conventions, mse_loss
from parity.losses.conventions import Conventions
from parity.references import answers
from parity.references.answers import Answers
from parity.references.reference import torch_reference
from parity.types import Array

NUMPY = named("numpy")
CASE = """
loss: mse_loss
cases:
  - name: plain
    given:
      input: {normal: [SIZE]}
      target: {normal: [SIZE]}
"""


@pytest.fixture
def read(points: Callable[[str], list[Point]]) -> Callable[..., Point]:
    def one(size: int = 5, **options: str) -> Point:
        more = "".join(f"\n      {name}: {value}" for name, value in options.items())
        return points(CASE.rstrip().replace("SIZE", str(size)) + more + "\n")[0]

    return one


def asked(point: Point, folder: Path, seeds: range = range(3)) -> Answers:
    """The answers after a run of the point, which are saved."""
    kept = Answers(point.loss, folder)
    record = run_point(point, NUMPY, seeds, Experience(kept))
    assert record.verdict == "passed", str(record)
    kept.save()
    return kept


def test_the_second_run_asks_torch_for_nothing(
    read: Callable[..., Point], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(read(), tmp_path)
    assert first.found == 0
    assert first.asked
    kept = Answers("mse_loss", tmp_path)

    def refuse(**arguments: Any) -> Any:
        raise AssertionError("torch is asked")

    bare = replace(torch_reference("mse_loss"), loss=refuse)
    monkeypatch.setattr(Implementation, "reference_of", lambda self, point: bare)
    record = run_point(read(), NUMPY, range(3), Experience(kept))
    assert record.verdict == "passed", str(record)
    assert kept.found == kept.asked > 0


@pytest.mark.parametrize("change", ["size", "option", "version", "seed base"])
def test_what_has_changed_is_asked_anew(
    change: str, read: Callable[..., Point], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(read(), tmp_path, range(2))
    if change == "version":
        monkeypatch.setattr(answers, "made_by", lambda: "another")
    seeds = range(2, 3) if change == "seed base" else range(2)
    other = read(6) if change == "size" else read(reduction="sum") if change == "option" else read()
    assert asked(other, tmp_path, seeds).found == 0


def test_other_seeds_than_the_default_ones_are_not_kept(read: Callable[..., Point], tmp_path: Path) -> None:
    kept = asked(read(), tmp_path, range(3, 5))
    assert kept.asked == 0
    assert not kept.path.exists()


def test_an_answer_in_extended_precision_follows_the_conventions_in_force(tmp_path: Path) -> None:
    kept = Answers("hinge_embedding_loss", tmp_path)
    reference = torch_reference("hinge_embedding_loss")
    call = {"input": np.ones(3), "target": -np.ones(3), "margin": 1.0}
    slopes, before = [], conventions.IN_FORCE.clamp_at_bound
    try:
        for slope in 0.0, 1.0:
            conventions.follow(Conventions(slope))
            loss = kept.of(reference).extended
            assert loss is not None
            slopes.append(loss(**call)[1](np.ones(()))["input"])
    finally:
        conventions.follow(Conventions(before))
    one, other = slopes
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("harm", ["cut", "turned", "emptied", "text"])
def test_a_damaged_file_is_thrown_away(harm: str, read: Callable[..., Point], tmp_path: Path) -> None:
    path = asked(read(), tmp_path).path
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    harmed: dict[str, bytes] = {"cut": bytes(data[:-9]), "turned": bytes(data), "emptied": b"", "text": b"no answers"}
    path.write_bytes(harmed[harm])
    again = asked(read(), tmp_path)
    assert again.found == 0
    assert asked(read(), tmp_path).found == again.asked


def test_files_are_bounded(read: Callable[..., Point], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "FILE", 1000)
    first = asked(read(), tmp_path)
    assert first.path.stat().st_size < 3000
    monkeypatch.setattr(answers, "FOLDER", 0)
    assert not asked(read(7), tmp_path).path.exists()
    monkeypatch.setattr(answers, "ANSWER", 0)
    kept = asked(read(9), tmp_path)
    assert asked(read(9), tmp_path).found < kept.asked


def test_a_folder_that_cannot_be_written_costs_nothing(read: Callable[..., Point], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    asked(read(), blocked)
    assert blocked.read_text() == "in the way"


def test_an_answer_is_the_callers_own(tmp_path: Path) -> None:
    kept = Answers("mse_loss", tmp_path)
    loss = kept.remembering(torch_reference("mse_loss").loss, "torch")
    call = {"input": np.ones(3, np.float32), "target": np.zeros(3, np.float32), "reduction": "none"}
    loss(**call)[0][:] = 7
    loss(**call)[0][:] = 7
    assert loss(**call)[0].tolist() == [1, 1, 1]


def test_what_is_no_plain_value_or_large_is_not_looked_up(tmp_path: Path) -> None:
    kept = Answers("triplet_margin_with_distance_loss", tmp_path)
    loss = kept.remembering(lambda **arguments: (np.zeros(()), dict), "torch")
    loss(distance_function=len)
    loss(input=np.zeros(answers.ARRAY // 4 + 1, np.float32))
    assert kept.asked == 0
    loss(input=np.zeros(answers.ARRAY // 4, np.float32))
    assert kept.asked == 1


def test_a_check_keeps_answers_unless_it_is_told_not_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def loss(input: Array, target: Array, reduction: str = "mean") -> Any:
        return mse_loss(input, target, reduction=reduction)

    only = "mse_loss/plain grid*"
    check("mse_loss", loss, only=only, cache=False)
    assert not list(tmp_path.rglob("*.answers"))
    first = check("mse_loss", loss, only=only)
    assert len(list(tmp_path.rglob("*.answers"))) == 1
    assert str(check("mse_loss", loss, only=only)) == str(first)

"""`parity diff`: what has changed from one run to another, and what is only noise."""

import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parity.cli import app
from parity.records.read import read_records
from parity.records.record import Record
from parity.report.differences import Differences, differences
from tests.unit.recorded import failed, record, written


def compared(tmp_path: Path, old: list[Record], new: list[Record], **more: Any) -> Differences:
    """What differs between the files of two runs; `more` is in the first line of the second."""
    ends = [int(any(one.unexpected for one in records)) for records in (old, new)]
    one = written(tmp_path / "old.jsonl", *old, end=ends[0])
    return differences(read_records(one), read_records(written(tmp_path / "new.jsonl", *new, end=ends[1], **more)))


def test_points_that_fail_anew_and_no_more_are_told(tmp_path: Path) -> None:
    old = [record("a"), failed("b"), record("c"), record("gone"), record("d")]
    new = [failed("a"), record("b"), record("c"), record("new"), record("d", verdict="not offered", reason="no")]
    found = compared(tmp_path, old, new)
    assert not found.ok
    assert found.head == (
        "1 point newly failing, 1 point newly passing, 1 point no longer compared, 1 point new, 1 point gone."
    )
    text = str(found)
    assert "newly failing: nll_loss/plain grid/a (numpy)" in text
    assert "newly passing: nll_loss/plain grid/b (numpy)" in text
    assert "gone: nll_loss/plain grid/gone (numpy)" in text


def test_a_new_point_that_fails_is_newly_failing(tmp_path: Path) -> None:
    assert not compared(tmp_path, [record("a")], [record("a"), failed("b")]).ok
    assert compared(tmp_path, [record("a"), failed("b")], [record("a"), failed("b")]).ok


def test_causes_come_and_go_and_change(tmp_path: Path) -> None:
    old = [failed("a", "it is twice"), failed("b", "it is lost"), record("c")]
    new = [failed("a", "it is twice"), record("b"), failed("c", "it is twice"), failed("d", "its sign is flipped")]
    text = str(compared(tmp_path, old, new))
    assert "a cause came: nll_loss: 1 point: its sign is flipped" in text
    assert "a cause went: nll_loss: 1 point: it is lost" in text
    assert "a cause changed, from 1 point: nll_loss: 2 points: it is twice" in text


def test_two_runs_alike_do_not_differ(tmp_path: Path) -> None:
    found = compared(tmp_path, [record("a"), failed("b")], [record("a"), failed("b")])
    assert str(found) == "No point differs."


def test_versions_that_differ_are_told(tmp_path: Path) -> None:
    found = compared(tmp_path, [record("a")], [record("a")], torch="2.99", python="3.99.0")
    assert [line.partition(" ")[0] for line in found.versions] == ["torch", "python"]
    assert "differs: torch (" in str(found)


def errors(seed: int, factor: float = 1.0, count: int = 40) -> list[Record]:
    """Points whose errors vary as fresh draws let them."""
    chance = random.Random(seed)
    return [record(f"p{n}-float32", worst={"output": factor * chance.uniform(0.05, 0.2)}) for n in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_fresh_draws_are_noise(tmp_path: Path, seed: int) -> None:
    assert compared(tmp_path, errors(seed), errors(seed + 100)).grown == []


@pytest.mark.parametrize("seed", range(5))
def test_errors_twice_as_large_are_seen_through_the_noise(tmp_path: Path, seed: int) -> None:
    (sentence,) = compared(tmp_path, errors(seed), errors(seed + 100, 2.0)).grown
    assert sentence.startswith("nll_loss (numpy), output in float32: ")
    assert sentence.endswith("times as large as a mean of 40 points")
    assert compared(tmp_path, errors(seed, 2.0), errors(seed + 100)).grown == []


def test_one_point_whose_error_grows_is_named(tmp_path: Path) -> None:
    new = errors(1)
    new[3].worst["output"] = 0.9
    (sentence,) = compared(tmp_path, errors(1), new).grown
    assert "at nll_loss/plain grid/p3-float32: 0.90 of what is allowed, was 0." in sentence


def test_the_command_says_what_differs_by_its_status(tmp_path: Path) -> None:
    run = CliRunner().invoke
    good, bad = written(tmp_path / "good.jsonl", record("a")), written(tmp_path / "bad.jsonl", failed("a"), end=None)
    assert run(app, ["diff", str(good), str(good)]).exit_code == 0
    found = run(app, ["diff", str(good), str(bad)])
    assert found.exit_code == 1
    assert "1 point newly failing." in found.stdout
    assert "of the new run: The run was cut short before its end." in found.stdout
    missing = run(app, ["diff", str(good), str(tmp_path / "nope")])
    assert missing.exit_code == 2
    assert "cannot be read" in missing.stderr

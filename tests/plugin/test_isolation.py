"""A point that crashes, hangs or leaks costs itself alone; the others' records are those of a clean run."""

import _thread
import ctypes
import hashlib
import importlib.util
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.engine.isolation import Isolated
from parity.engine.run import run_point
from parity.implementations.registry import named, served
from parity.records.record import Record
from parity.records.sentences import sentence
from parity.types import Array, Result
from tests.planted.crashing import IMPLEMENTATION, WAYS, Way, case_file
from tests.plugin.user import SMALL

CLEAN = replace(IMPLEMENTATION, losses={"mse_loss": losses.mse_loss})
SEEDS = range(2)


def points_of(path: Path, text: str) -> list[Point]:
    path.write_text(text)
    return [point for scenario in load(path, served()) for point in expand(scenario)]


def bare(record: Record) -> Record:
    """The record but for what names the implementation, and the notes."""
    return replace(record, notes=[], repeat="")


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    return points_of(tmp_path_factory.mktemp("crashing") / "mse_loss.yaml", case_file())


@pytest.fixture(scope="module")
def records(points: list[Point]) -> dict[str, Record]:
    """Of every point, by one worker after another."""
    with Isolated(named("tests.planted.crashing:IMPLEMENTATION"), timeout=2, memory=400) as isolated:
        return {point.scenario.name: isolated.run(point, SEEDS) for point in points}


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_each_way_to_fail_costs_its_own_point(way: Way, records: dict[str, Record]) -> None:
    record = records[way.name]
    if way.says is None:
        assert record.verdict == "passed", record
    else:
        assert record.verdict == "failed"
        assert way.says in sentence(record.mismatches[0])
        assert "--parity-seed-base" in record.repeat


def test_the_records_of_all_other_points_are_those_of_a_clean_run(
    points: list[Point], records: dict[str, Record]
) -> None:
    assert len(records) == len(points)
    innocent = [point for point in points if "innocent" in point.scenario.name]
    assert len(innocent) > 25
    for point in innocent:
        assert bare(records[point.scenario.name]) == bare(run_point(point, CLEAN, SEEDS))


def test_what_crashes_only_after_others_is_not_accused(records: dict[str, Record]) -> None:
    record = records["innocent after spoils what comes after"]
    assert record.verdict == "passed"
    (note,) = record.notes
    assert "after other points in one process it crashes with SIGSEGV in the forward" in note
    assert "alone it does not; the points before it: mse_loss/spoils what comes after/float32" in note
    assert f"note: {note}" in str(record)


def test_who_finds_no_memory_left_by_others_is_not_accused(records: dict[str, Record]) -> None:
    (note,) = records["needs much for a while"].notes
    assert "after other points in one process it runs out of its memory of 400 MB, alone it does not" in note
    assert note.index("keeps much") < note.index("leaks again")


@pytest.mark.parametrize("way", [way for way in WAYS if way.raises], ids=lambda way: way.name)
def test_what_only_raises_is_the_points_failure_in_this_process_too(way: Way, points: list[Point]) -> None:
    point = next(point for point in points if point.scenario.name == way.name)
    record = run_point(point, IMPLEMENTATION, SEEDS)
    assert record.verdict == "failed"
    assert way.says is not None
    assert way.says in sentence(record.mismatches[0])
    assert len(sentence(record.mismatches[0])) < 400


def test_a_random_twentieth_that_crashes_leaves_a_record_of_every_point() -> None:
    def crashes(input: Array, target: Array, **options: Any) -> Result:
        if hashlib.sha256(input.tobytes() + target.tobytes()).digest()[0] < 13:
            ctypes.string_at(0)
        return losses.mse_loss(input, target, **options)

    only = "*/*-float32"
    by_name = "positional"  # what takes its options by name alone is not offered by position
    clean = parity.check("mse_loss", losses.mse_loss, seeds=1, only=only, exclude=by_name).records
    found = parity.check("mse_loss", crashes, seeds=1, isolate=True, only=only, exclude=by_name).records
    assert [record.id for record in found] == [record.id for record in clean]
    crashed = [record for record in found if record.unexpected]
    assert 0.01 < len(crashed) / len(found) < 0.15
    assert all("crashes with SIGSEGV in" in sentence(record.mismatches[0]) for record in crashed)
    assert all(bare(one) == bare(two) for one, two in zip(clean, found, strict=True) if not two.unexpected)


def test_check_runs_a_live_function_apart_with_a_limit_of_time(tmp_path: Path) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)

    def hangs(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        if reduction == "sum" and input.dtype == torch.float64:
            time.sleep(1000)
        return F.mse_loss(input, target, reduction=reduction)

    report = parity.check("mse_loss", hangs, framework="torch", cases=path, timeout=1)
    assert report.count("passed") == 5
    (failure,) = report.failures
    assert "the process does not finish within 1 s, in the forward (test_isolation.py:" in failure
    with pytest.raises(parity.Misdeclared, match="timeout is 0, expected seconds above 0"):
        parity.check("mse_loss", hangs, framework="torch", cases=path, timeout=0)


def test_an_expected_failure_may_be_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)
    report = parity.check(
        "mse_loss", lambda **arguments: os._exit(1), cases=path, isolate=True, expected_failures={"*": "it exits"}
    )
    assert {record.verdict for record in report.records} == {"xfailed"}


def test_a_name_that_cannot_be_imported_there_is_told(tmp_path: Path) -> None:
    (point, *_) = points_of(tmp_path / "mse_loss.yaml", SMALL)
    with Isolated(replace(CLEAN, origin="no_such_module:NAME")) as isolated:
        for _ in range(3):
            record = isolated.run(point, SEEDS)
            assert record.verdict == "failed"
            assert "no process can be started for crashing: Misdeclared" in sentence(record.mismatches[0])


def test_the_workers_folder_is_the_starters_and_its_stdin_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "somebody.py").write_text(
        "import os, sys, parity\n"
        "def loss(**arguments):\n"
        "    print('in', os.getcwd(), os.environ['MARK'], repr(sys.stdin.read()))\n"
        "    return parity.losses.mse_loss(**arguments)\n"
        "IT = parity.Implementation('somebody', losses={'mse_loss': loss})\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MARK", "marked")
    (point, *_) = points_of(tmp_path / "mse_loss.yaml", SMALL)
    with Isolated(named("somebody:IT")) as isolated:
        assert isolated.run(point, SEEDS).verdict == "passed"
    assert f"in {tmp_path} marked ''" in capfd.readouterr().out


def test_ctrl_c_ends_the_worker_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)

    def sleeps(**arguments: Any) -> Result:
        time.sleep(1000)
        return losses.mse_loss(**arguments)

    threading.Timer(1, _thread.interrupt_main).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        parity.check("mse_loss", sleeps, cases=path, isolate=True)
    assert time.monotonic() - start < 20


def test_where_no_fork_is_safe_a_live_function_travels_as_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cloudpickle")
    (point, *_) = points_of(tmp_path / "mse_loss.yaml", SMALL)
    factor = np.float32(2)

    def double(**arguments: Any) -> Array:
        return losses.mse_loss(**arguments)[0] * factor

    live = parity.Implementation("live", losses={"mse_loss": double}, lacks=["gradient"])
    monkeypatch.setattr(sys, "platform", "darwin")
    isolated = Isolated(live)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(parity.Misdeclared, match="install cloudpickle, or name it module:NAME"):
        Isolated(live)
    monkeypatch.undo()
    with isolated:
        assert "output is 2 times torch's" in sentence(isolated.run(point, SEEDS).mismatches[0])

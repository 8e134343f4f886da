"""The benchmark measures what it says: its tables come out, on a few points and on small arrays."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parity import losses
from parity.bench import engine, memory, plain, sessions
from parity.bench.__main__ import main
from parity.bench.inputs import Large, large_calls
from parity.bench.losses import tables
from parity.bench.sample import files, points, seeds
from parity.bench.sessions import Session
from parity.bench.table import against, table
from parity.cases.points import Point

IDS = {f"sigmoid/plain grid matches torch/std=1-{dtype}" for dtype in ("float32", "float16")}


@pytest.fixture(scope="module")
def few() -> list[Point]:
    """Two points of three seeds each."""
    found = list(points(IDS))
    assert [path.stem for path in files(IDS)] == ["sigmoid"]
    assert {point.id for point in found} == IDS
    assert [len(seeds(point)) for point in found] == [3, 3]
    return found


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds that make round figures, instead of processes."""
    monkeypatch.setattr(sessions, "suite", lambda ids: Session(0.1, 0.5, len(ids), 0))
    monkeypatch.setattr(sessions, "plain_tests", lambda ids: Session(0.1, 3.0, 3 * len(ids), 1))
    monkeypatch.setattr(sessions, "collection", lambda *words: Session(0.25, 0.0, 7 if words else 4321, 0))
    monkeypatch.setattr(sessions, "import_torch", lambda: 2.0)
    monkeypatch.setattr(sessions, "help_time", lambda *command: 0.08 if command else 0.06)
    monkeypatch.setattr(sessions, "first_verdict", lambda path, point: 2.6)


@pytest.mark.usefixtures("no_processes")
def test_tables_of_the_engine(few: list[Point]) -> None:
    measured = engine.measure(few, repetitions=2)
    sweeps = (measured.floor, measured.hand, measured.first, measured.every)
    assert all(len(times) == 2 * engine.SWEEPS for times in sweeps)
    # a lone draw costs less than three, and bare torch less than the engine around it
    assert sum(measured.first[1].values()) < sum(measured.every[1].values())
    assert sum(measured.floor[1].values()) < sum(measured.every[1].values())
    speed = engine.speed(few, measured)
    assert "6 draws of 2 points of 1 losses" in speed
    suite = next(line for line in speed.splitlines() if line.startswith("suite"))
    assert suite.split()[2:4] == ["12", "83,333"]
    assert suite.endswith("6.00 (aim >= 5)")
    assert "1 items failed" in speed
    rows = [line.split() for line in engine.parts(few, measured).splitlines()[4:]]
    assert [(row[0], row[1], len(row)) for row in rows] == [("float32", "3", 8), ("float16", "3", 8), ("all", "6", 8)]


@pytest.mark.usefixtures("no_processes")
def test_table_of_waiting(few: list[Point]) -> None:
    printed = engine.waiting(few[0], starts=1)
    assert "4,321" in printed
    assert "-k 'sigmoid and plain'" in printed
    assert "1.30 (aim <= 1.5)" in printed
    helps = [line.split() for line in printed.splitlines() if "--help" in line]
    assert [(line[:-3], line[-1]) for line in helps] == [(["parity"], "60"), (["parity", "check"], "80")]


def test_help_takes_time_of_a_processor() -> None:
    assert 0.01 < sessions.help_time("check") < 30


def test_a_session_runs_the_points_and_the_plain_tests_beside_them(few: list[Point]) -> None:
    ids = [point.id for point in few]
    done = sessions._session([str(path) for path in files(ids)] + [str(plain.__file__)], ids)
    assert (done.items, done.failed) == (2 + 6, 0)
    assert done.loop > 0
    assert done.collection > 0


def _small() -> Iterator[Large]:
    yield Large("mse_loss", "3 x 2", lambda rng: {"input": rng.random((3, 2)), "target": rng.random((3, 2))})
    yield Large("softmax", "3 x 2", lambda rng: {"input": rng.random((3, 2)), "dim": 1})


def test_table_of_the_losses() -> None:
    (printed,) = tables(_small(), seconds=0.001)
    assert [line.split()[0] for line in printed.splitlines()[4:6]] == ["mse_loss", "softmax"]
    assert "geometric mean of the ratios: " in printed


def test_every_loss_has_a_large_call() -> None:
    assert {large.loss for large in large_calls()} == losses.LOSSES.keys()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not count peak memory")
def test_memory_is_what_a_call_touches() -> None:
    """In a process of its own: here other tests may have left the allocator memory to give again."""
    calls = ("np.ones(64 << 17)", "(np.ones(64 << 17), np.ones(64 << 17))", "np.ones(64 << 17).sum()", "None")
    printed = ", ".join(f"memory.extra(lambda: {call})" for call in calls)
    program = f"import numpy as np; from parity.bench import memory; print([{printed}])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | memory.ALLOCATOR, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == pytest.approx([64, 128, 64, 0], abs=2)


def test_a_ratio_says_whether_it_meets_its_aim() -> None:
    assert against(2.4, 2.5) == "2.40 (aim <= 2.5)"
    assert against(2.6, 2.5) == "2.60 (aim <= 2.5, missed)"
    assert against(4.9, 5, ">=") == "4.90 (aim >= 5, missed)"


def test_columns_are_aligned() -> None:
    assert table("Title", ("", "n"), [("one", "1"), ("three", "12,345")], ["note"]).splitlines() == [
        "Title", "-------------", "            n", "-------------", "one         1", "three  12,345", "note",
    ]  # fmt: skip


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["engin"])
    assert "there is nothing called 'engin' to measure, expected one of engine, losses" in capsys.readouterr().err

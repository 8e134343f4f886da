"""'this changed in torch 2.14' stands beside what has changed there, and beside nothing else."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from parity.cases.points import Point
from parity.engine import since
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.references.snapshots import Outcome, Snapshot, coded

Points = Callable[[str], list[Point]]
CASE = "loss: mse_loss\ncases:\n  - name: some case\n    given: {input: [1.0], target: [2.0]}\n"
ONE, OTHER = {"output": coded([np.ones(3)])}, {"output": coded([np.full(3, 2.0)])}
OLD, NEW = ["RuntimeError", "bool is not for this"], ["NotImplementedError", "bool is not for this"]


def refusal(error: str) -> Mismatch:
    return Mismatch(Subject.REFUSAL, Kind.CLASS, figures={"error": error})


ANSWERS = Mismatch(Subject.REFUSAL, Kind.MISSING, event=Event.ANSWERS)
UNSAFE = Mismatch(Subject.REFUSAL, Kind.MISSING, event=Event.UNSAFE)
RAISES = Mismatch(Subject.OUTPUT, Kind.RAISES, figures={"error": "RuntimeError: bool is not for this (mine.py:3)"})
BUG = Mismatch(Subject.OUTPUT, Kind.RAISES, figures={"error": "RuntimeError: shapes (3) and (4) (mine.py:3)"})
VALUE = Mismatch(Subject.OUTPUT, Kind.VALUE)


@pytest.mark.parametrize(
    ("before", "after", "mismatch", "cause"),
    [
        (ONE, OTHER, VALUE, None), (ONE, ONE, VALUE, None),
        (ONE, OTHER, BUG, None), (ONE, OTHER, Mismatch(Subject.EFFECT, Kind.STATE), None),
        (OLD, NEW, refusal("RuntimeError: no (mine.py:3)"), "NotImplementedError is raised, it was RuntimeError"),
        (OLD, NEW, refusal("KeyError: 'x' (mine.py:3)"), None), (OLD, NEW, ANSWERS, None),
        (OLD, ["RuntimeError", "another text"], refusal("KeyError: 'x'"), None),
        (ONE, OLD, ANSWERS, "torch 2.14 refuses it"), (ONE, OLD, UNSAFE, None),
        (OLD, ONE, RAISES, "torch 2.14 answers what was refused"), (OLD, ONE, BUG, None),
        ("not in torch 2.13: weight of mse_loss", ONE, BUG, None),
    ],
)  # fmt: skip
def test_a_note_is_about_what_failed(
    points: Points, monkeypatch: pytest.MonkeyPatch, before: Outcome, after: Outcome, mismatch: Mismatch,
    cause: str | None,
) -> None:  # fmt: skip
    (point,) = points(CASE)
    snapshots = [
        Snapshot(torch, "2.4.6", {"clamp_at_bound": 1.0}, {}, {point.id: outcome})
        for torch, outcome in (("2.13.0", before), ("2.14.1", after))
    ]
    monkeypatch.setattr(since, "known", lambda: snapshots)
    monkeypatch.setattr("parity.engine.changes._points", lambda ids: [point])
    record = Record(point.id, "mse_loss", "", "", 1, "float32", "mine", {}, verdict="failed", mismatches=[mismatch])
    notes = since.noted(record, point).notes
    assert notes == ([f"this changed in torch 2.14: {cause}"] if cause else [])


def test_a_worker_loads_no_snapshots() -> None:
    """What parity takes for them would count against the memory that a user allows his loss."""
    program = (
        "import json, sys, parity.engine.worker, parity.references.snapshots as s;"
        "from parity.implementations.declaration import Implementation as I; import parity;"
        "from parity.engine.run import run_point; from parity.question import asked;"
        "(q,) = asked('mse_loss', lambda **given: given['input'] * 7, {'lacks': ['gradient']});"
        "print(json.dumps([run_point(q.points[0], q.implementation, [0]).verdict, s.known.cache_info().currsize]))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: Any = json.loads(run.stdout)
    assert found == ["failed", 0]

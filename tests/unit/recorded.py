"""Files of records for the tests: a whole one, and its lines."""

from pathlib import Path
from typing import Any

from parity.records.file import Writer, header
from parity.records.mismatch import Kind, Mismatch, Subject
from parity.records.record import Record


def record(choice: str = "mean-float32", implementation: str = "numpy", **more: Any) -> Record:
    """A point that passes."""
    fields: dict[str, Any] = {
        "loss": "nll_loss", "scenario": "plain grid", "path": "mine/nll_loss.yaml", "line": 3,
        "dtype": choice.rpartition("-")[2], "seeds": [0, 1, 2], "worst": {"output": 0.3, "input": 0.5},
        "ulp": {"output": 1.0, "input": 2.0}, "compared": 6, **more,
    }  # fmt: skip
    point = f"{fields['loss']}/{fields['scenario']}/{choice}"
    return Record(point, implementation=implementation, choice={}, **fields)


def failed(choice: str = "sum-float32", sentence: str = "its sign is flipped", **more: Any) -> Record:
    mismatch = Mismatch(Subject.CASE, Kind.FILE, figures={"text": sentence}, seed=1)
    return record(choice, **{"verdict": "failed", "mismatches": [mismatch], "repeat": "pytest --seeds 1", **more})


def first(planned: int | None = 3, shard: str | None = None, **more: Any) -> dict[str, Any]:
    """The first line of a run."""
    return {**header(["numpy", "textbook"], None, 0, "default", planned, shard), **more}


def written(path: Path, *records: Record, end: int | None = 0, **more: Any) -> Path:
    """A file of these records, all planned; without a last line if `end` is None."""
    writer = Writer(path, first(**{"planned": len(records), **more}))
    for one in records:
        writer.write(one)
    if end is not None:
        writer.close(end)
    assert writer.problem is None
    return path

"""`parity merge` joins the shards of one run, and refuses in a sentence what is not that."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parity.cli import app
from parity.records.file import Writer, read_records
from parity.records.merge import Unmergeable, merge
from tests.unit.recorded import failed, first, record, written


def shard(folder: Path, number: int, of: int = 3, *choices: str, **more: Any) -> Path:
    """The file of a shard: one point that passes, or those that are named."""
    points = [record(f"{choice}-float32") for choice in choices or (f"own{number}",)]
    return written(folder / f"{number}.jsonl", *points, shard=f"{number}/{of}", **more)


def refusal(paths: list[Path], to: Path) -> str:
    with pytest.raises(Unmergeable) as caught:
        merge(paths, to)
    return str(caught.value)


def test_the_shards_of_a_run_are_one_whole_file(tmp_path: Path) -> None:
    paths = [
        shard(tmp_path, 3, cpu="another"), shard(tmp_path, 1, 3, "a", "b"),
        written(tmp_path / "2.jsonl", failed(), shard="2/3", end=1),
    ]  # fmt: skip
    to = tmp_path / "all.jsonl"
    assert merge(paths, to) == 4
    results = read_records(to)
    assert results.problems == []
    assert sorted(one.id for one in results.records) == sorted(
        one.id for path in paths for one in read_records(path).records
    )
    assert (results.header["planned"], results.header["shard"], results.exitstatus) == (4, None, 1)
    assert results.header["cpu"] == "; ".join(sorted({"another", first()["cpu"]}))
    assert results.header["run"] not in {read_records(path).header["run"] for path in paths}


def test_a_shard_without_a_point_is_a_shard(tmp_path: Path) -> None:
    empty = written(tmp_path / "2.jsonl", shard="2/2", end=5)
    assert merge([shard(tmp_path, 1, 2), empty], tmp_path / "all.jsonl") == 1
    results = read_records(tmp_path / "all.jsonl")
    assert (results.problems, results.exitstatus) == ([], 0)


def test_a_shard_need_not_have_a_point_of_each_case_file(tmp_path: Path) -> None:
    one, two = shard(tmp_path, 1, 2, cases={"a.yaml": "1"}), shard(tmp_path, 2, 2, cases={"b.yaml": "2"})
    assert merge([one, two], tmp_path / "all.jsonl") == 2
    assert read_records(tmp_path / "all.jsonl").header["cases"] == {"a.yaml": "1", "b.yaml": "2"}


def test_missing_shards_are_named(tmp_path: Path) -> None:
    one, three = shard(tmp_path, 1), shard(tmp_path, 3)
    to = tmp_path / "all.jsonl"
    assert refusal([one, three], to) == "the shard 2/3 is missing"
    assert refusal([shard(tmp_path, 2, 9)], to) == "the shards 1/9, 3/9, 4/9, 5/9, 6/9 and 3 more are missing"
    assert not to.exists()


def test_what_is_there_twice_is_named(tmp_path: Path) -> None:
    one, two = shard(tmp_path, 1, 2, "a", "b"), shard(tmp_path, 2, 2, "b", "c")
    said = refusal([one, two], tmp_path / "all.jsonl")
    assert said == f"1 point is in both {one} and {two}, such as nll_loss/plain grid/b-float32 (numpy)"
    (tmp_path / "more").mkdir()
    again = shard(tmp_path / "more", 1, 2, "z")
    said = refusal([one, again, two], tmp_path / "all.jsonl")
    assert said.startswith(f"the shard 1/2 is there 2 times: {one}, {again}")


@pytest.mark.parametrize(
    ("fact", "other", "sentence"),
    [
        ("torch", "1.0", "torch (1.0 and "), ("numpy", "1.0", "numpy (1.0 and "),
        ("ml_dtypes", "9", "ml_dtypes (9 and "),
        ("cases", {"mse_loss.yaml": "a", "own.yaml": "b"}, "the cases (mse_loss.yaml)"),
        ("seeds", 7, "the seeds (7 and 3 a point"),
        ("seed_base", 5, "the seed base (5 and 0)"), ("depth", "deep", "the depth (deep and default)"),
        ("parity", "9", "parity (9 and "), ("implementations", ["x"], "the implementations (x and numpy, textbook)"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_named(tmp_path: Path, fact: str, other: Any, sentence: str) -> None:
    one, two = shard(tmp_path, 1, 2), shard(tmp_path, 2, 2, cases={"mse_loss.yaml": "x", "other.yaml": "y"})
    header = {**first(1), "shard": "1/2", fact: other}
    writer = Writer(one, header)
    writer.write(record())
    writer.close(0)
    said = refusal([one, two], tmp_path / "all.jsonl")
    assert said.startswith(f"{one} and {two} do not belong together: they differ in {sentence}")


def test_what_is_no_shard_is_named(tmp_path: Path) -> None:
    to = tmp_path / "all.jsonl"
    whole = written(tmp_path / "whole.jsonl", record())
    assert refusal([whole], to).startswith(f"{whole} holds the whole of a run: expected a shard")
    for word in ("0/2", "2", "a/b", "1/\x1b[0m", "٢/٣"):
        assert "which means nothing" in refusal([written(whole, record(), shard=word)], to)
    assert "there is no such" in refusal([shard(tmp_path, 4, 3), shard(tmp_path, 1)], to)
    assert "one of 2 shards and" in refusal([shard(tmp_path, 1, 2), shard(tmp_path, 2, 3)], to)


def test_a_shard_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    one, two = shard(tmp_path, 1, 2, "a", "b"), shard(tmp_path, 2, 2)
    lines = one.read_text().splitlines(keepends=True)
    one.write_text("".join([lines[0], *lines[2:]]))
    said = refusal([one, two, tmp_path / "nope"], tmp_path / "all.jsonl").splitlines()
    assert said[0].startswith(f"{one} is not whole: 1 of 2 planned points have no record.")
    assert said[1].startswith(f"{tmp_path / 'nope'} is not whole: ")


def test_a_shard_is_not_written_over(tmp_path: Path) -> None:
    one, two = shard(tmp_path, 1, 2), shard(tmp_path, 2, 2)
    before = one.read_bytes()
    assert "is one of the shards" in refusal([one, two], one)
    assert one.read_bytes() == before


def test_the_commands(tmp_path: Path) -> None:
    one, two, to = shard(tmp_path, 1, 2), shard(tmp_path, 2, 2), tmp_path / "all.jsonl"
    run = CliRunner().invoke
    missing = run(app, ["merge", str(one), "--to", str(to)])
    assert (missing.exit_code, missing.stderr) == (1, "parity: the shard 2/2 is missing\n")
    folder = run(app, ["merge", str(one), str(two), "--to", str(tmp_path)])
    assert (folder.exit_code, folder.stderr) == (1, f"parity: {tmp_path} is a folder: the records need a file\n")
    good = run(app, ["merge", str(one), str(two), "--to", str(to)])
    assert (good.exit_code, good.stdout) == (0, "2 records of 2 shards\n")
    report = run(app, ["report", str(to), "--to", str(tmp_path / "out")])
    assert report.exit_code == 0, report.output
    assert report.stdout.startswith("Everything agrees: 2 points, 6 draws")
    assert run(app, ["report", str(one.parent / "nope"), "--to", str(tmp_path / "out")]).exit_code == 1


def test_help_comes_at_once_and_by_example() -> None:
    started = time.monotonic()
    command = [sys.executable, "-X", "importtime", "-m", "parity", "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert time.monotonic() - started < 10  # 0.2 s where nothing else runs
    assert "parity merge one.jsonl two.jsonl --to results.jsonl" in ran.stdout
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & {"torch", "numpy", "pydantic", "jinja2", "pytest"}

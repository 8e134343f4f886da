"""The writer of the file of records: trouble is one sentence, a half line stands alone, a run can be gone on with."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parity.records.file import Unwritable, Writer, done, read_records
from tests.unit.recorded import failed, first, record, written

ROOT = Path(__file__).parents[2]


def test_one_process_writes_what_others_hand_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "for" / "it" / "results.jsonl"
    writer = Writer(path, first(2))
    writer.write(record("a-float32"))
    writer.write(record("b-float32").as_json())
    assert [one.id.rpartition("/")[2] for one in read_records(path).records] == ["a-float32", "b-float32"]
    writer.close(0)
    assert writer.problem is None
    assert read_records(path).problems == []


def test_a_file_of_another_run_is_written_over(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", record("a-float32"), record("b-float32"))
    results = read_records(written(path, record("c-float32")))
    assert (len(results.records), results.problems) == (1, [])


@pytest.mark.parametrize("text", ["", "half a li", "[]", '{"kind": "point"}', "[" * 100_000, '"verdict"'])
def test_what_is_no_record_is_told_and_stops_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.jsonl"
    writer = Writer(path, first(2))
    writer.write(text)
    writer.write(record())
    writer.close(0)
    assert writer.problem is not None
    assert writer.problem.startswith(f"a record could not be written to {path}: ")
    assert read_records(path).problems == ["1 of 2 planned points have no record."]


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(Unwritable) as caught:
        Writer(path, first(), **more)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_cannot_be_opened_is_a_sentence_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("mine")
    assert refused(tmp_path) == f"{tmp_path} is a folder: the records need a file"
    assert refused(tmp_path / "pipe") == f"{tmp_path / 'pipe'} is no regular file: the records need one"
    for device in ("/dev/null", "/dev/full", "/dev/stdin"):
        assert "no regular file" in refused(Path(device))
    assert refused(tmp_path / "file" / "r").startswith(f"{tmp_path / 'file' / 'r'} cannot be written: ")
    assert "cannot be written: embedded null" in refused(Path("a\0b"))
    assert "\\ud800" in refused(Path("\ud800"))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_a_sentence(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", record())
    path.chmod(0o400)
    assert refused(path) == f"{path} cannot be written: Permission denied"


def test_a_read_only_file_is_a_sentence_for_root_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("parity.records.file.os.open", refuse)
    assert refused(tmp_path / "r") == f"{tmp_path / 'r'} cannot be written: Permission denied"


class Disk:
    """os.write of a disk that has room for so many bytes."""

    def __init__(self, room: int, grain: int = 1 << 20) -> None:
        self.room, self.grain, self.write = room, grain, os.write

    def __call__(self, handle: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = self.write(handle, data[: min(self.room, self.grain)])
        self.room -= count
        return count


def test_a_write_in_many_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity.records.file.os.write", Disk(1 << 20, grain=7))
    assert read_records(written(tmp_path / "results.jsonl", record())).problems == []


@pytest.mark.parametrize("cut", [0, 1, 40, 10**6])
def test_a_full_disk_costs_what_did_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    path = tmp_path / "results.jsonl"
    writer = Writer(path, first(4))
    writer.write(record("a-float32"))
    disk = Disk(cut if cut < 10**6 else len(path.read_bytes().splitlines()[1]))  # all but the end of the line
    monkeypatch.setattr("parity.records.file.os.write", disk)
    writer.write(record("b-float32"))
    writer.write(record("c-float32"))
    disk.room = 10**6  # someone has made room
    writer.write(failed("d-float32"))
    writer.close(1)
    assert writer.problem == f"{path} could not be written: No space left on device (2 lines are lost)"
    results = read_records(path)
    whole = 3 if cut == 10**6 else 2
    assert len(results.records) == whole
    assert results.records[-1].verdict == "failed"
    assert f"{4 - whole} of 4 planned points have no record." in results.problems
    assert any("The last line counts 1 failed, 3 passed; there are" in problem for problem in results.problems)


def test_a_full_disk_at_the_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity.records.file.os.write", Disk(0))
    writer = Writer(tmp_path / "results.jsonl", first(1))
    writer.write(record())
    writer.close(0)
    assert writer.problem is not None
    assert "No space left on device (3 lines are lost)" in writer.problem


LIMITED = """
import resource, sys
from pathlib import Path
from parity.records.file import Writer
from tests.unit.recorded import first, record
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
writer = Writer(Path(sys.argv[1]), first(9))
for choice in "abcdefghi":
    writer.write(record(choice + "-float32"))
writer.close(0)
print(writer.problem)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of the process")
def test_a_true_limit_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.stderr == ""
    assert "could not be written: File too large" in ran.stdout
    results = read_records(path)
    assert 1 <= len(results.records) < 9
    assert results.problems[0] == "The run was cut short before its end."


def replace(path: Path) -> None:
    path.unlink()
    path.write_text("another's\n")


def add(path: Path) -> None:
    with path.open("a") as file:
        file.write("another's\n")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (Path.unlink, "was deleted while the run wrote it: its records are lost"),
        (replace, "was replaced while the run wrote it: its records are lost"),
        (add, "was changed by another while the run wrote it"),
        (lambda path: written(path, record("x-float32")), "was changed by another while the run wrote it"),
    ],
)
def test_a_file_that_others_touch_is_told(tmp_path: Path, harm: Callable[[Path], Any], sentence: str) -> None:
    path = tmp_path / "results.jsonl"
    writer = Writer(path, first(2))
    writer.write(record("a-float32"))
    harm(path)
    writer.write(record("b-float32"))
    writer.close(0)
    assert writer.problem == f"{path} {sentence}"
    assert read_records(path).problems


def test_a_second_close_and_a_late_record_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    writer = Writer(path, first(1))
    writer.write(record())
    writer.close(0)
    writer.close(1)
    writer.write(record())
    assert writer.problem == f"a record came after {path} was closed"
    assert read_records(path).problems == []


@pytest.mark.parametrize("end", [None, 2])
@pytest.mark.parametrize("tail", ["", "half a li", '{"kind": "point", "id'])
def test_a_run_goes_on_where_it_stopped(tmp_path: Path, end: int | None, tail: str) -> None:
    path = written(tmp_path / "results.jsonl", record("a-float32"), failed("b-float32"), end=end, planned=4)
    with path.open("a") as file:
        file.write(tail)
    begun = read_records(path)
    assert begun.problems
    assert done(begun).keys() == {(one.id, "numpy") for one in (record("a-float32"), failed("b-float32"))}
    writer = Writer(path, first(4), resume=True)
    assert writer.run == begun.header["run"]
    writer.write(record("c-float32"))
    writer.write(record("d-float32"))
    writer.close(0)
    assert writer.problem is None
    results = read_records(path)
    assert results.problems == []
    assert len(results.records) == 4
    assert results.end is not None
    assert results.end["counts"] == {"passed": 3, "failed": 1}


def test_a_resumed_run_that_runs_a_point_again_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", record("a-float32"), end=None, planned=2)
    writer = Writer(path, first(2), resume=True)
    writer.write(record("a-float32"))
    writer.close(0)
    assert "1 of 2 planned points have no record." in read_records(path).problems
    assert any("recorded twice" in problem for problem in read_records(path).problems)


@pytest.mark.parametrize(
    ("fact", "other", "sentence"),
    [
        ("torch", "1.0", "torch (1.0 and "), ("numpy", "1.0", "numpy (1.0 and "),
        ("cases", {"a.yaml": "x"}, "the cases (a.yaml)"),
        ("seeds", 7, "the seeds (7 and 3 a point"), ("seed_base", 5, "the seed base (5 and 0)"),
        ("depth", "deep", "the depth (deep and default)"), ("planned", 9, "the number of planned points (9 and 3)"),
        ("shard", "1/2", "the shard (1/2 and 2/2)"),
        ("implementations", ["\x1b[1m"], "the implementations (\\x1b[1m and numpy, textbook)"),
    ],
)  # fmt: skip
def test_a_run_of_another_kind_is_not_gone_on_with(tmp_path: Path, fact: str, other: Any, sentence: str) -> None:
    path = tmp_path / "results.jsonl"
    begun = Writer(path, first(3, **{fact: other}) if fact not in ("planned", "shard") else {**first(3), fact: other})
    begun.write(record())
    before = path.read_bytes()
    with pytest.raises(Unwritable) as caught:
        Writer(path, first(3, "2/2" if fact == "shard" else None, cases={"a.yaml": "y"}), resume=True)
    assert str(caught.value).startswith(f"{path} cannot be resumed: its run and this one differ in {sentence}")
    assert path.read_bytes() == before


def test_nothing_to_go_on_with_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert refused(path, resume=True) == f"{path} cannot be resumed: {path} cannot be read: No such file or directory"
    assert not path.exists()
    path.write_text(json.dumps({"kind": "environment"}) + "\n")
    assert "does not begin with the line about its run" in refused(path, resume=True)


def test_a_record_that_is_interrupted_leaves_neither_its_line_nor_its_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.jsonl"
    writer = Writer(path, first(2))
    writer.write(record("a-float32"))

    def interrupted(content: dict[str, Any]) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("parity.records.file.sealed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.write(record("b-float32"))
    writer.close(2)
    results = read_records(path)
    assert results.end is not None
    assert results.end["counts"] == {"passed": 1}
    assert results.problems == ["1 of 2 planned points have no record."]

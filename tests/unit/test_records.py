"""A file of records that lacks anything, or holds anything else, is unsure, and the report says why."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parity.records.file import done, header, read_records
from parity.records.lines import Damaged, sealed, unsealed
from parity.records.mismatch import Kind, Mismatch, Subject
from parity.records.record import Record
from parity.report.__main__ import main
from tests.unit.recorded import failed, first, record, written

Lines = list[str]
THREE = [record("a-float32"), record("b-float32"), record("c-float64", "textbook")]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return written(tmp_path / "results.jsonl", *THREE)


def said(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit status of the report, and its first line."""
    status = main([str(path), "--to", str(path.parent / "out")])
    sentence = capsys.readouterr().out.splitlines()[0]
    assert (path.parent / "out" / "parity.md").read_text(encoding="utf-8").startswith(sentence[:20])
    return status, sentence


def test_a_whole_file_agrees(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = read_records(whole)
    assert results.problems == []
    assert results.records == THREE
    assert (results.header["planned"], results.exitstatus) == (3, 0)
    assert results.end is not None
    assert results.end["counts"] == {"passed": 3}
    assert done(results).keys() == {(one.id, one.implementation) for one in THREE}
    assert said(whole, capsys)[0] == 0


def changed(line: str, **more: Any) -> str:
    """A line with other contents, sealed anew: what a wrong writer would write, not what damage does."""
    content = unsealed(line.encode())
    return sealed({**content, **more})


DAMAGE: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "a point is removed": (lambda lines: [lines[0], *lines[2:]], "1 of 3 planned points have no record."),
    "all points are removed": (lambda lines: [lines[0], lines[-1]], "3 of 3 planned points have no record."),
    "the first line is removed": (lambda lines: lines[1:], "does not begin with the line about its run"),
    "the last line is removed": (lambda lines: lines[:-1], "The run was cut short before its end."),
    "the last line is cut": (lambda lines: [*lines[:-1], lines[-1][:30]], "The run was cut short before its end."),
    "a line is cut": (lambda lines: [*lines[:2], lines[2][:80], *lines[3:]], "1 line is damaged: line 3 "),
    "two lines are joined": (lambda lines: [lines[0], lines[1] + lines[2], *lines[3:]], "1 line is damaged: line 2 "),
    "a digit is changed": (lambda lines: [lines[0], lines[1].replace("0.3", "0.1"), *lines[2:]], "was changed after"),
    "a verdict is changed": (lambda lines: [*lines[:2], lines[2].replace("passed", "failed"), *lines[3:]], "line 3 "),
    "a line is foreign": (lambda lines: [*lines[:2], "loss,dtype", *lines[2:]], "line 3 is no JSON object"),
    "a line has no checksum": (lambda lines: [*lines[:2], '{"kind": "x"}', *lines[2:]], "it has no checksum"),
    "a line is of no kind": (lambda lines: [*lines[:3], changed(lines[3], kind="x"), lines[4]], "of no known kind"),
    "a record is none": (lambda lines: [*lines[:3], changed(lines[3], id=[]), lines[4]], "no record of parity's: id: "),
    "a verdict is none": (lambda lines: [*lines[:3], changed(lines[3], verdict="ok"), lines[4]], "verdict: Input"),
    "a record is deep": (
        lambda lines: [*lines[:3], changed(lines[3], published=json.loads('{"x":' * 60 + "1" + "}" * 60)), lines[4]],
        "is nested more than 40 deep",
    ),
    "a line is doubled": (lambda lines: [*lines[:2], *lines[1:]], "1 point is recorded twice: nll_loss/plain grid/a"),
    "a point is twice, another gone": (lambda lines: [*lines[:2], lines[1], *lines[3:]], "is recorded twice"),
    "the file is doubled": (lambda lines: [*lines, *lines], "is of another run"),
    "a line is of another run": (lambda lines: [*lines[:3], changed(lines[3], run="x"), lines[4]], "Line 4 is of anot"),
    "the end is of another run": (lambda lines: [*lines[:4], changed(lines[4], run="x")], "Line 5 is of another run."),
    "the first line is last": (lambda lines: [*lines[1:], lines[0]], "The line about the run is line 5"),
    "a point is after the end": (lambda lines: [*lines[:3], lines[4], lines[3]], "Line 5 is written after the run's e"),
    "there are two ends": (lambda lines: [*lines, lines[-1]], "Line 6 is written after the run's end."),
    "the end counts others": (
        lambda lines: [*lines[:4], changed(lines[4], counts={"passed": 2, "failed": 1})],
        "The last line counts 1 failed, 2 passed; there are records of 3 passed.",
    ),
    "the end is none": (lambda lines: [*lines[:4], changed(lines[4], exitstatus="ok")], "exitstatus: Input"),
    "fewer were planned": (lambda lines: [changed(lines[0], planned=2), *lines[1:]], "of 3 points, though 2 were plan"),
    "nothing was planned": (lambda lines: [changed(lines[0], planned=None), *lines[1:]], "how many points it planned"),
    "the file is empty": (lambda lines: [], "is empty."),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_makes_the_report_unsure(name: str, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, sentence = DAMAGE[name]
    lines = damage(whole.read_text(encoding="utf-8").splitlines())
    whole.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    problems = read_records(whole).problems
    assert sentence in " ".join(problems)
    assert all(one[0].isupper() or one[0].isdigit() or one[0] == "/" for one in problems)
    assert all(one.endswith(".") for one in problems)
    status, headline = said(whole, capsys)
    assert status == 1
    assert headline.startswith((problems[0], "Nothing was compared with torch. " + problems[0]))
    text = (whole.parent / "out" / "parity.md").read_text(encoding="utf-8")
    assert text.count("\n- ") == len(problems)


def test_a_damaged_line_costs_that_line(whole: Path) -> None:
    lines = whole.read_bytes().splitlines(keepends=True)
    whole.write_bytes(lines[0] + b"\xff\xfe\x00\n" + b"[" * 100_000 + b"\n" + b"".join(lines[1:]))
    results = read_records(whole)
    assert results.records == THREE
    assert results.problems == ["2 lines are damaged, the first: line 2 is not UTF-8 text."]


DOUBT: dict[str, tuple[Record, str]] = {
    "passed with a mismatch": (failed(verdict="passed"), "1 point is recorded as passed and names a mismatch"),
    "an expected failure without one": (record(verdict="xfailed", reason="old"), "expected failure and names no mism"),
    "passed without a draw": (record(seeds=[]), "1 point is recorded without a draw"),
    "a refusal without a draw": (record(seeds=[], raises="ValueError"), "1 point is recorded without a draw"),
    "an expected failure without a draw": (failed(verdict="xfailed", seeds=[]), "is recorded without a draw"),
    "passed and not compared": (record(compared=0), "1 point passed and nothing of it was compared"),
    "a refusal that was not compared": (record(compared=0, raises="ValueError"), "nothing of it was compared"),
}


@pytest.mark.parametrize("name", DOUBT)
def test_a_record_that_contradicts_itself_is_unsure(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful, sentence = DOUBT[name]
    path = written(tmp_path / "results.jsonl", record("other-float32"), doubtful)
    status, headline = said(path, capsys)
    assert status == 1
    assert headline.startswith("1 point ")
    assert sentence in headline


def test_the_worse_of_two_records_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "results.jsonl", record("x-float32"), failed("x-float32"), record("x-float32"), end=1)
    status, headline = said(path, capsys)
    assert status == 1
    assert headline.startswith("1 of 1 point leaves parity: ")
    assert "2 points are recorded twice" in headline


def test_an_end_that_claims_success_contradicts_a_failure(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", record(), failed(), end=0)
    assert read_records(path).problems == ["The last line says that all went well, and the records do not."]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_is_a_sentence_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        assert read_records(path).problems == [f"{path} is no regular file."]
        assert main([str(path), "--to", str(tmp_path / "out")]) == 1
    for path, sentence in ((tmp_path / "nope", "No such file"), (Path("a\0b"), "a\\x00b cannot be read: embedded")):
        assert sentence in read_records(path).problems[0]
        assert main([str(path), "--to", str(tmp_path / "out")]) == 1
    assert "\0" not in capsys.readouterr().err


def test_a_checksum_sees_every_changed_byte() -> None:
    line = sealed({"kind": "point", "worst": {"output": 0.25}, "run": "x"}).encode()
    assert unsealed(line) == {"kind": "point", "worst": {"output": 0.25}, "run": "x"}
    for place in range(len(line)):
        for other in (line[place] ^ 1, line[place] ^ 32, 0, 255):
            if other != line[place]:
                with pytest.raises(Damaged):
                    unsealed(line[:place] + bytes([other]) + line[place + 1 :])


def test_the_first_line_names_what_makes_the_bits(tmp_path: Path) -> None:
    for folder, content in (("a", "x: 1\n"), ("b", "x: 1\r\n"), ("c", "x: 2\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mse_loss.yaml").write_bytes(content.encode())
    lines = {
        folder: header(["numpy"], 3, 7, "deep", 10, "2/8", [tmp_path / folder / "mse_loss.yaml"]) for folder in "abc"
    }
    assert lines["a"]["digest"] == lines["b"]["digest"] != lines["c"]["digest"]
    assert lines["a"]["run"] != lines["b"]["run"]
    named = {name: lines["a"][name] for name in ("seeds", "seed_base", "depth", "planned", "shard", "implementations")}
    assert named == {
        "seeds": 3, "seed_base": 7, "depth": "deep", "planned": 10, "shard": "2/8", "implementations": ["numpy"],
    }  # fmt: skip
    assert all(lines["a"][name] for name in ("torch", "numpy", "ml_dtypes", "parity", "python", "platform", "cpu"))
    assert lines["a"]["commit"] is None
    assert header([], None, 0, "default", 0, None, [tmp_path / "nope.yaml"])["digest"] != first()["digest"]


def test_records_keep_all_their_fields(tmp_path: Path) -> None:
    full = replace(
        record(), notes=["a note"], compiled=True, lenient=2, not_offered=["weight"], reason="why",
        mismatches=[Mismatch(Subject.OUTPUT, Kind.SHAPE, seed=3, figures={"found": [0], "expected": [float("inf")]})],
        verdict="failed", source="an article", published={"figure": [1.5]}, finding={"torch": "x"}, repeat="pytest",
    )  # fmt: skip
    assert read_records(written(tmp_path / "results.jsonl", full, end=1)).records == [full]

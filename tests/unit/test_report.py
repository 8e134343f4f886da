"""The report says what the records say, escapes what they name, and exits by them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parity.comparison.compare import Mismatch
from parity.records.record import Record, Results, read_records
from parity.report.__main__ import main
from parity.report.coverage import Coverage
from parity.report.tables import tables
from parity.report.text import figure, markdown, share
from parity.report.write import render

ENVIRONMENT = {"kind": "environment", "torch": "2.13.0", "implementations": ["numpy", "textbook"]}
NASTY = "a <script>alert(1)</script> | `tick` [x](y) & more"


def record(choice: str = "mean-float32", implementation: str = "numpy", **more: Any) -> Record:
    fields: dict[str, Any] = {
        "loss": "nll_loss", "scenario": "plain grid", "path": "cases/nll_loss.yaml", "line": 3,
        "dtype": choice.rpartition("-")[2], "seeds": [0, 1, 2], "worst": {"output": 0.3, "input": 0.5},
        "ulp": {"output": 1.0, "input": 2.0}, **more,
    }  # fmt: skip
    point = f"{fields['loss']}/{fields['scenario']}/{choice}"
    return Record(point, implementation=implementation, choice={}, **fields)


def failed(choice: str = "sum-float32", sentence: str = "its sign is flipped", **more: Any) -> Record:
    mismatch = Mismatch("output", "value", sentence, seed=1)
    return record(choice, **{"verdict": "failed", "mismatches": [mismatch], "repeat": "pytest --seeds 1", **more})


def results(folder: Path, *records: Record, end: int | None = 0, tail: str = "") -> Path:
    path = folder / "results.jsonl"
    lines = [json.dumps(ENVIRONMENT), *(one.as_json() for one in records)]
    lines += [] if end is None else [json.dumps({"kind": "end", "exitstatus": end})]
    path.write_text("\n".join(lines) + "\n" + tail, encoding="utf-8")
    return path


def report(folder: Path, path: Path) -> tuple[int, str, str]:
    """The exit status of the command, and both files."""
    status = main([str(path), "--to", str(folder / "out")])
    return status, *((folder / "out" / name).read_text(encoding="utf-8") for name in ("parity.md", "parity.html"))


def test_first_line_of_a_green_run(tmp_path: Path) -> None:
    xfailed = failed("none-float32", implementation="textbook", verdict="xfailed", reason="it overflows")
    lacking = record("mean-float16", verdict="not offered", reason="numpy has no halves")
    path = results(tmp_path, record(), record(implementation="textbook"), xfailed, lacking)
    status, text, page = report(tmp_path, path)
    said = "Everything agrees: 2 points, 5 draws, 1 loss, 2 implementations; 1 expected failure."
    assert text.splitlines()[0] == said
    assert f'<h1 class="agrees">{said}</h1>' in page
    assert status == 0
    assert "it overflows" in page
    assert "numpy has no halves" in text


def test_first_line_of_a_red_run_and_its_mismatch_in_full(tmp_path: Path) -> None:
    status, text, page = report(tmp_path, results(tmp_path, record(), failed(), end=1))
    assert status == 1
    assert text.splitlines()[0].startswith("1 point leaves parity: 2 points, 5 draws, 1 loss")
    for told in (text, page):
        assert "its sign is flipped (seed 1)" in told
        assert "repeat: pytest --seeds 1" in told
    assert "1/2" in text


def test_a_pass_that_was_expected_to_fail_is_red(tmp_path: Path) -> None:
    status, text, _ = report(tmp_path, results(tmp_path, record(verdict="xpassed", reason="old"), end=1))
    assert status == 1
    assert text.startswith("1 point passes though it is expected to fail: ")


def test_a_killed_run_is_known(tmp_path: Path) -> None:
    cut = record("sum-float64").as_json()[:90]
    status, text, page = report(tmp_path, results(tmp_path, record(), end=None, tail=cut))
    assert status == 1
    assert text.startswith("The run was cut short before its end. What was run agrees: 1 point, 3 draws")
    assert '<h1 class="unsure">' in page


@pytest.mark.parametrize(("end", "said"), [(1, "Something besides the points failed"), (2, "The run was interrupted")])
def test_green_records_of_a_red_run_are_not_everything(tmp_path: Path, end: int, said: str) -> None:
    status, text, _ = report(tmp_path, results(tmp_path, record(), end=end))
    assert status == 1
    assert text.startswith(said)


def test_nothing_compared_is_no_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = record(verdict="not offered", reason="numpy has no nll_loss")
    status, text, _ = report(tmp_path, results(tmp_path, lacking))
    assert (status, text.splitlines()[0]) == (1, "Nothing was compared with torch.")
    status, text, _ = report(tmp_path, results(tmp_path))
    assert (status, text.splitlines()[0]) == (1, "Nothing was compared with torch.")
    assert "holds no record of a point" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"loss,dtype\n1,2\n", ":1: this line is no JSON"),
        (b"[1, 2]\n", ":1: this is no parity record"),
        (b'{"kind": "point", "id": 3}\n', ":1: this is no parity record: id: "),
        (b"\xff\xfe\x00", "it is not UTF-8 text"),
        (b"[" * 100_000 + b"\n", ":1: this line is no JSON"),
        (b"", "holds no record of a point"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_foreign_file_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    path = tmp_path / "foreign.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "--to", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_names_are_escaped_wherever_they_are_shown(tmp_path: Path) -> None:
    named: dict[str, Any] = {"scenario": NASTY, "source": NASTY, "path": NASTY}
    some = [
        record(published={"figure": NASTY, "torch": 1.0, "ours": [1.0, NASTY], "note": NASTY}, **named),
        record("none-float32", loss=NASTY, implementation=NASTY, not_offered=[NASTY], **named),
        record("a-float32", finding={"torch": NASTY, "output": NASTY}, **named),
        record("b-float32", verdict="not offered", reason=NASTY, **named),
        record("c-float32", raises=NASTY, **named),
        failed("d-float32", f"{NASTY}: torch is the farther", verdict="xfailed", reason=NASTY, **named),
        failed(f"e-{NASTY}", f"{NASTY} ``` torch is the farther", **named),
    ]
    path = results(tmp_path, *some)
    path.write_text(path.read_text().replace("2.13.0", "2.13<script>"))
    _, text, page = report(tmp_path, path)
    assert "<script" not in page
    in_fences = text.split("````text\n")[1].split("\n````")[0]
    assert NASTY in in_fences
    outside = text.replace(in_fences, "")
    assert "<script" not in outside
    rows = [line for line in outside.splitlines() if "alert" in line and line.startswith("|")]
    assert len(rows) > 10
    assert not any(mark in row for row in rows for mark in ("d> |`", " `tick", " [x]"))


def test_matrix_counts_points_and_keeps_the_worst_error() -> None:
    found = tables(Results(ENVIRONMENT, [record(), failed(), record("mean-float64", worst={"input": 0.9})], 1))
    (row,) = found.matrix
    assert (row.total.passed, row.total.compared, row.total.unexpected, row.total.worst) == (2, 3, 1, 0.9)
    assert (row.cells["float32"].passed, row.cells["float32"].compared, row.cells["float32"].state) == (1, 2, "leaves")
    assert found.dtypes == ["float32", "float64"]
    cells = {answer: cells for _, answer, cells in found.losses[0].answers}
    assert cells["input"]["float64"].share == 0.9
    assert cells["output"]["float32"].ulp == 1.0
    assert list(cells) == ["output", "input"]


def test_what_is_not_compared_is_never_agreement() -> None:
    undefined = record("a-float32", finding={"torch": "reads out of bounds", "output": 0.0})
    refused = record("b-float32", raises="IndexError", worst={}, lenient=0)
    lenient = record("c-float16", lenient=2, not_offered=["second derivatives"])
    lacking = record("d-float32", verdict="not offered", reason="no float32")
    found = tables(Results(ENVIRONMENT, [undefined, refused, lenient, lacking], 0))
    assert found.matrix[0].total.compared == 2
    assert [(kind, cells["numpy"].passed) for kind, cells in found.refusals] == [("IndexError", 1)]
    assert [(row.what, row.whole, row.points) for row in found.not_offered] == [
        ("no float32", True, 1), ("second derivatives", False, 1),
    ]  # fmt: skip
    assert [(row.dtype, row.draws, row.lenient, row.answers) for row in found.closeness] == [
        ("float16", 3, 2, [0, 0, 0, 2, 0, 0])
    ]
    assert (found.declared[0].torch, found.declared[0].held) == ("reads out of bounds", 1)


def test_an_example_stands_in_one_row_and_coverage_has_its_place() -> None:
    shown = {"figure": 1.2288, "torch": 1.2288230657577515, "ours": 1.22882294, "note": None}
    both = [record(implementation=name, published=shown, source="An article") for name in ("numpy", "textbook")]
    excused = ((("reduce", "null"), ("weight", "given")), "it has no third value")
    found = tables(Results(ENVIRONMENT, both, 0), [Coverage("nll_loss", 42, [], [excused])])
    text = render("parity.md", found)
    assert "| nll_loss: plain grid | mean-float32 | 1.2288 | 1.2288231 | 1.2288229 | 1.2288229 | yes |" in text
    assert "| nll_loss | 42 | 41 | reduce=null with weight=given: it has no third value |" in text
    assert "it has no third value" in render("parity.html", found)


def test_words_for_numbers() -> None:
    assert [share(value) for value in (0.0, 0.0001, 0.311, 1.0001, 41.2, 12345.0, float("inf"))] == [
        "0", "0.01", "0.32", "1.01", "42", "1e+04", "∞",
    ]  # fmt: skip
    assert figure([[0.25, 1.0], 2]) == "[[0.25, 1], 2]"
    assert markdown("cross_entropy _x_\n|") == r"cross_entropy \_x\_ \|"


def test_the_plugin_closes_the_file(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): assert False\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--parity-results", "made/results.jsonl"]
    subprocess.run([*command, "test_one.py"], cwd=tmp_path, check=False, capture_output=True, timeout=120)
    found = read_records(tmp_path / "made" / "results.jsonl")
    assert (found.records, found.exitstatus) == ([], 1)
    assert found.environment["implementations"] == ["numpy", "textbook"]

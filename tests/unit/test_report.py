"""The report says what the records say, escapes what they name, and exits by them."""

import os
from pathlib import Path
from typing import Any

import pytest

from parity.records.file import Results
from parity.records.record import Record
from parity.report.__main__ import main
from parity.report.coverage import Coverage
from parity.report.coverage import main as coverage
from parity.report.tables import tables
from parity.report.text import figure, markdown, share
from parity.report.write import render
from tests.unit.recorded import failed, record, written

HEADER = {"torch": "2.13.0", "implementations": ["numpy", "textbook"]}
NASTY = "a <script>alert(1)</script> | `tick` [x](y) & more"


def results(folder: Path, *records: Record, end: int | None = 0, **more: Any) -> Path:
    return written(folder / "results.jsonl", *records, end=end, **more)


def report(folder: Path, path: Path) -> tuple[int, str, str]:
    """The exit status of the command, and both files."""
    status = main([str(path), "--to", str(folder / "out")])
    out = folder / "out"
    return status, (out / "parity.md").read_text(encoding="utf-8"), (out / "parity.html").read_text(encoding="utf-8")


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
    assert text.splitlines()[0].startswith("1 of 2 points leaves parity: 5 draws, 1 loss")
    for told in (text, page):
        assert "its sign is flipped (seed 1)" in told
        assert "repeat: pytest --seeds 1" in told
    assert "1/2" in text


def test_a_pass_that_was_expected_to_fail_is_red(tmp_path: Path) -> None:
    status, text, _ = report(tmp_path, results(tmp_path, record(verdict="xpassed", reason="old"), end=1))
    assert status == 1
    assert text.startswith("1 point passes though it is expected to fail: ")


def test_a_killed_run_is_known(tmp_path: Path) -> None:
    path = results(tmp_path, record(), end=None, planned=9)
    with path.open("a") as file:
        file.write(record("sum-float64").as_json()[:90])
    status, text, page = report(tmp_path, path)
    assert status == 1
    assert text.startswith("The run was cut short before its end. 1 line is damaged: line 3 is no JSON object")
    assert "8 of 9 planned points have no record. What was run agrees: 1 point, 3 draws" in text
    assert "<li>8 of 9 planned points have no record.</li>" in page
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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"loss,dtype\n1,2\n", "2 lines are damaged, the first: line 1 is no JSON object or was cut off."),
        (b"[1, 2]\n", "line 1 is no JSON object"),
        (b'{"kind": "point", "id": 3}\n', "line 1 is no line of a file of records: it has no checksum."),
        (b"\xff\xfe\x00", "line 1 is not UTF-8 text"),
        (b"[" * 100_000 + b"\n", "line 1 is no JSON object"),
        (b"", "is empty."),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_foreign_file_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    path = tmp_path / "foreign.jsonl"
    if content is not None:
        path.write_bytes(content)
    status, text, _ = report(tmp_path, path)
    error = capsys.readouterr().err
    assert status == 1
    assert text.startswith("Nothing was compared with torch. ")
    assert said in text
    assert said in error
    assert error.count("\n") == 1


def test_a_report_that_cannot_be_written_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results(tmp_path, record())
    for to in (path, Path("a\0b")):
        assert main([str(path), "--to", str(to)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("parity.report: ")
        assert error.count("\n") == 1
        assert "\0" not in error


ODD = "\x1b[31mred\x1b[0m \u202egnp.exe \x07\ud800"


def test_what_others_wrote_never_steers_the_terminal_or_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named: dict[str, Any] = {"scenario": ODD, "source": ODD, "path": ODD, "loss": ODD}
    some = [
        record(published={"figure": ODD, "torch": 1.0, "ours": [ODD], "note": ODD}, notes=[ODD], **named),
        record("b-float32", verdict="not offered", reason=ODD, **named),
        record("c-float32", raises=ODD, finding={"torch": ODD, "output": ODD}, **named),
        failed(f"e-{ODD}", f"{ODD}\nsecond line: torch is the farther", implementation=ODD, **{**named, "repeat": ODD}),
    ]
    path = results(tmp_path, *some, some[0], end=1, implementations=[ODD], cpu=ODD)
    status, text, page = report(tmp_path, path)
    assert status == 1
    shown = capsys.readouterr().out
    for told in (shown, text, page, *map(str, some)):
        assert told.replace("\n", "").isprintable()
    for told in (shown, text, page, str(some[-1])):
        assert "\\x1b[31mred" in told.replace("\\\\", "\\").replace("\\[", "[")
    assert "\n    second line" in str(some[-1])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_whatever_path_a_record_names_the_report_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    deep = tmp_path / "mse_loss.yaml"
    deep.write_text("loss: mse_loss\ncases: [{name: only deep, given: {input: [1.0], target: [2.0]}, depth: deep}]\n")
    paths = ["a\0b", "\ud800", "\udcff", "/dev/zero", "x" * 5000, ""]
    paths += map(str, (tmp_path, tmp_path / "pipe.yaml", deep))
    some = [record(f"{number}-float32", path=path) for number, path in enumerate(paths)]
    status, text, _ = report(tmp_path, results(tmp_path, *some))
    assert (status, text.splitlines()[0]) == (0, "Everything agrees: 9 points, 27 draws, 1 loss, 1 implementation; "
                                                 "0 expected failures.")  # fmt: skip
    assert "| mse_loss | " in text.partition("## Pairs of options")[2]


def test_notes_and_compiled_points_are_counted(tmp_path: Path) -> None:
    some = [record(f"{letter}-float32", compiled=letter != "c", notes=["takes no seed"]) for letter in "abc"]
    text = report(tmp_path, results(tmp_path, record("x-float32"), *some))[1]
    assert "| numpy | ran compiled | 2 | nll_loss/plain grid/a-float32 |" in text
    assert "| numpy | did not run compiled | 1 | nll_loss/plain grid/c-float32 |" in text
    assert "| numpy | takes no seed | 3 |" in text


def test_odd_numbers_have_words() -> None:
    nan = record(worst={"output": float("nan"), "input": -1.0}, ulp={"output": float("nan")})
    deep: Any = 1.5
    for _ in range(30):
        deep = [deep]
    nested = record("b-float32", published={"figure": deep, "torch": deep, "ours": None}, finding={"torch": deep})
    found = tables(Results(HEADER, [nan, nested], {"exitstatus": 0}, []))
    assert "nan" in render("parity.md", found)
    assert "[[[[[[[...]]]]]]]" in render("parity.html", found)


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
    path = results(tmp_path, *some, end=1, torch="2.13<script>")
    _, text, page = report(tmp_path, path)
    assert page.count("<script") == 2  # the page's own
    assert page.count('<script id="data"') == page.count('<script type="module">') == 1
    in_fences = text.split("````text\n")[1].split("\n````")[0]
    assert NASTY in in_fences
    outside = text.replace(in_fences, "")
    assert "<script" not in outside
    rows = [line for line in outside.splitlines() if "alert" in line and line.startswith("|")]
    assert len(rows) > 10
    assert not any(mark in row for row in rows for mark in ("d> |`", " `tick", " [x]"))


def test_matrix_counts_points_and_keeps_the_worst_error() -> None:
    some = [record(), failed(), record("mean-float64", worst={"input": 0.9})]
    found = tables(Results(HEADER, some, {"exitstatus": 1}, []))
    (row,) = found.matrix
    assert (row.total.passed, row.total.compared, row.total.unexpected, row.total.ulp) == (2, 3, 1, 2.0)
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
    found = tables(Results(HEADER, [undefined, refused, lenient, lacking], {"exitstatus": 0}, []))
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
    found = tables(Results(HEADER, both, {"exitstatus": 0}, []), [Coverage("nll_loss", 42, [], [excused])])
    text = render("parity.md", found)
    assert "| nll_loss: plain grid | mean-float32 | 1.2288 | 1.2288231 | 1.2288229 | 1.2288229 | yes |" in text
    assert "| nll_loss | 42 | 41 | reduce=null with weight=given: it has no third value |" in text
    assert "it has no third value" in render("parity.html", found)


def test_points_are_counted_by_their_facts_and_mismatches_can_be_filtered_by_them(tmp_path: Path) -> None:
    few, many = ["float32", "reduction=mean", "margin=2"], ["float32", "ignored targets", "weight"]
    some = [
        record("a-float32", facts=few),
        failed("b-float32", facts=many),
        record("c-float32", "textbook", facts=many),
    ]
    _, text, page = report(tmp_path, results(tmp_path, *some, end=1))
    table = text.partition("## Facts")[2].partition("##")[0]
    assert [line for line in table.splitlines() if line.startswith("| ") and "---" not in line] == [
        "| fact | numpy | textbook |",
        "| float32 | **1/2 (1 unexpected)** | 1/1 |",
        "| ignored targets | **0/1 (1 unexpected)** | 1/1 |",
        "| reduction=mean | 1/1 | – |",
        "| weight | **0/1 (1 unexpected)** | 1/1 |",
    ]
    assert "facts: float32, ignored targets, weight" in page


def test_coverage_tells_facts_and_looks_at_points_with_some(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage(["l1_loss", "--where", "float16 and not large", "--facts"]) == 1
    told = capsys.readouterr().out
    assert "l1_loss: " in told
    assert " float16\n" in told
    assert " large\n" not in told
    assert coverage(["l1_loss", "--where", "flaot16"]) == 2
    assert "in column 1 there is no fact 'flaot16'; did you mean 'float16'?" in capsys.readouterr().err


def test_words_for_numbers() -> None:
    assert [share(value) for value in (0.0, 0.0001, 0.311, 1.0001, 41.2, 12345.0, float("inf"))] == [
        "0", "0.01", "0.32", "1.01", "42", "1e+04", "∞",
    ]  # fmt: skip
    assert figure([[0.25, 1.0], 2]) == "[[0.25, 1], 2]"
    assert markdown("cross_entropy _x_\n|") == r"cross_entropy \_x\_ \|"

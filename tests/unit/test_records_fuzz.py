"""Whatever becomes of a file of records, the report is written, and agrees only if all records are still there."""

import json
from contextlib import suppress
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from parity.records.file import done, read_records
from parity.records.lines import sealed, unsealed
from parity.records.mismatch import Kind, Mismatch, Subject
from parity.records.record import Record
from parity.report.headline import headline
from parity.report.tables import tables
from parity.report.write import render
from tests.unit.recorded import failed, record, written
from tests.unit.test_reader_fuzz import places

FUZZ = settings(max_examples=60, deadline=None, derandomize=True, database=None)
RECORDS = [
    record("a-float32"),
    record("b-float32", raises="ValueError", worst={}, ulp={}, notes=["a note"], compiled=True),
    record("c-float16", "textbook", lenient=1, not_offered=["weight"], source="An article",
           published={"figure": [1.5, [2]], "torch": 1.5, "ours": 1.5, "note": None}),
    record("d-float32", finding={"torch": "reads beyond the end", "output": [0]}, compared=0),
    record("e-float32", "textbook", verdict="not offered", reason="it has none"),
    failed("f-float32", "far: torch is the farther", implementation="textbook", verdict="xfailed", reason="old"),
]  # fmt: skip


def content() -> bytes:
    with TemporaryDirectory() as folder:
        return written(Path(folder) / "results.jsonl", *RECORDS).read_bytes()


WHOLE = content()
LINES = WHOLE.splitlines(keepends=True)
PLACES = [(number, place) for number, line in enumerate(LINES) for place in places(unsealed(line.rstrip(b"\n")))]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["passed", "failed", "point", "run", "end", "resume", "\0", "\ud800", "\x1b[2J", "\u202e", "2/8"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def by_key(records: list[Record]) -> list[str]:
    return sorted(one.as_json() for one in records)


def agrees(raw: bytes) -> bool:
    """Whether the report of these bytes agrees; everything in it is written and read, and shown as text."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        path.write_bytes(raw)
        results = read_records(path)
    found = tables(results)
    text = render("parity.md", found) + render("parity.html", found) + "".join(map(str, results.records))
    assert not {one for one in text if not one.isprintable()} - {"\n"}
    assert len(done(results)) <= len(results.records)
    state = headline(results.records, results.exitstatus, results.problems).state
    assert (state == "agrees") <= (by_key(results.records) == by_key(RECORDS))
    return state == "agrees"


def test_the_whole_file_agrees() -> None:
    assert agrees(WHOLE)
    assert not agrees(b"")


@FUZZ
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_bytes_are_changed(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(WHOLE)
    for place, value in changes:
        raw[place] = value
    assert agrees(bytes(raw)) == (raw == WHOLE)


@FUZZ
@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.binary(max_size=6))
def test_a_part_is_cut_out_and_another_put_in(one: int, other: int, graft: bytes) -> None:
    agrees(WHOLE[: min(one, other)] + graft + WHOLE[max(one, other) :])
    agrees(WHOLE[:one])
    agrees(WHOLE[one:])


@FUZZ
@given(st.lists(st.sampled_from(LINES), max_size=12) | st.permutations(LINES))
def test_lines_are_removed_doubled_and_shuffled(lines: list[bytes]) -> None:
    agreed = agrees(b"".join(lines))
    assert agreed == (len(lines) == len(LINES) and [lines[0], lines[-1]] == [LINES[0], LINES[-1]]
                      and set(lines) == set(LINES))  # fmt: skip


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3), st.booleans())
def test_values_and_keys_are_others(changes: list[tuple[Any, Any]], resealed: bool) -> None:
    """With a right checksum too: what a wrong writer would write must not stop the report either."""
    lines = [unsealed(line.rstrip(b"\n")) for line in LINES]
    for (number, (*around, last)), value in changes:
        # the first change may have taken away the place of the second
        with suppress(AttributeError, KeyError, IndexError, TypeError):
            inside = reduce(lambda inner, part: inner[part], around, lines[number])
            del inside[last]
            if value is not None:
                inside[last if isinstance(last, int) else last + str(value)[:1] * isinstance(value, str)] = value
    if not resealed:
        assert not agrees("".join(json.dumps(line) + "\n" for line in lines).encode())
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        path.write_text("".join(sealed(line) + "\n" for line in lines))
        results = read_records(path)
    found = tables(results)
    render("parity.md", found)
    render("parity.html", found)
    assert "".join(map(str, results.records)).replace("\n", "").isprintable()


@FUZZ
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_steers_a_terminal(name: str, sentence: str) -> None:
    named = dict.fromkeys(("implementation", "loss", "scenario", "reason"), name)
    odd = failed(f"x-{name}", sentence, repeat=sentence, notes=[sentence], **named)
    odd.mismatches.append(Mismatch(Subject.CASE, Kind.FILE, figures={"text": f"\x1b]0;{sentence}\x07 \u202e\x9b"}))
    with TemporaryDirectory() as folder:
        results = read_records(written(Path(folder) / "results.jsonl", odd, end=1, implementations=[name]))
    assert results.records == [odd]
    found = tables(results)
    for text in (str(odd), render("parity.md", found), render("parity.html", found)):
        assert text.replace("\n", "").isprintable()

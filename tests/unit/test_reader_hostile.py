"""Hostile case files: whatever their size, each is told in a sentence, or read, within two seconds."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from parity.cases.errors import CaseError, nearest
from parity.cases.load import load
from parity.implementations.registry import served

SECONDS = 10  # of processor time: what explodes takes minutes, and other work on the machine some more


def case(*lines: str, loss: str = "mse_loss") -> str:
    return f"loss: {loss}\ncases:\n  - name: some case\n" + "".join(f"    {line}\n" for line in lines)


def many(count: int, one: str) -> str:
    """`one` with each number, separated by commas."""
    return ", ".join(one.replace("%", str(i)) for i in range(count))


def told(text: str, folder: Path) -> str:
    """What is said of a file, within the time."""
    path = folder / "bad.yaml"
    path.write_text(text)
    start, said = time.process_time(), "good"
    try:
        load(path, served())
    except CaseError as error:
        said = str(error).replace(f"{path}:", "")
    assert time.process_time() - start < SECONDS
    assert len(said) < 10_000
    return said


PLAIN = "given: {input: [1.0], target: [1.0]}"
BECAUSE = "because: it is an example"
CORNERS = [f"sizes: {{{many(15, 'N%: 1')}}}", f"across: {{{many(15, 'N%: [1, 2]')}}}"]
ROWS = f"[{many(14_000, '%')}]"
SHAPES = "{labels: {" + many(220, "a%: {normal: [%]}")
ADAPTIVE = "input: {normal: [2, 2]}, target: [1], cutoffs: [1], head_weight: {normal: [2, 2]}"


def given(array: str) -> str:
    return f"given: {{target: 1.0, input: {array}}}"


def positions(one: str) -> str:
    return given(f"{{choice: [2, 2], of: [{many(15, 'N%')}], mask: {{value: 1, at: [{many(28_000, one)}]}}}}")


def xfail(axis: str, labels: str) -> str:
    return f"xfail: {{numpy: {{{BECAUSE}, where: {{{axis}: {labels}}}}}}}"


SLOW = {
    "corners and positions": (case(*CORNERS, positions("[1, 0]")), "good"),
    "corners and a wrong position": (
        case(*CORNERS, positions("[1, 2]")), "found the position [1, 2], expected one in an array of shape [2, 2]",
    ),
    "misspelt labels": (
        case(PLAIN, "sizes: {N: 1}", f"across: {{N: {ROWS}}}", xfail("N", f"[{many(14_000, 'M=%')}]")),
        "7:59: this xfail matches nothing: no N is 'M=0'; did you mean 'N=0'?",
    ),
    "misspelt long labels": (
        case(PLAIN, "sizes: {N: 1}", f"across: {{N: {{labels: {{{many(1400, 'x' * 60 + '%: %')}}}}}}}",
             xfail("N", f"[{many(1400, 'xy' * 35 + '%')}]")),
        "no N is 'xyxy",
    ),
    "right labels": (case(PLAIN, "sizes: {N: 1}", f"across: {{N: {ROWS}}}", xfail("N", ROWS)), "good"),
    "lists of labels": (
        case(PLAIN, f"across: {{grad_output: [{many(9000, '[%.0]')}]}}",
             xfail("grad_output", f"[{many(9000, '[%.5]')}]")),
        "this xfail matches nothing: no grad_output is '[0.5]'",
    ),
    "misspelt sizes": (
        case(f"sizes: {{{many(12_000, 'N%: 1')}}}", given(f"{{normal: [{many(8000, 'M%')}]}}")),
        "there is no size 'M0'",
    ),
    "sizes times points": (
        case(f"sizes: {{{many(9000, 'N%: 1')}}}", PLAIN, f"across: {{N1: [{many(15_000, '%')}]}}"),
        "4:12: found 9000 names with the defaults, expected at most 64",
    ),
    "arguments": (
        case(f"given: {{{ADAPTIVE}, {many(4000, 'tail_%_0_weight: {like: input}')}}}",
             loss="adaptive_log_softmax_with_loss"),
        "4:12: found 4004 names with the defaults, expected at most 64",
    ),
    "labels of one id": (
        case(f"sizes: {{{many(9, 'N%: 1')}}}", PLAIN, f"across: {{{many(9, 'N%: {labels: {' + 'x' * 70 + '%: 1}}')}}}"),
        "found labels of 646 characters in one id, expected at most 500",
    ),
    "labels without the word": (
        case(PLAIN, f"across: {{{many(9, 'N%: {' + 'x' * 900 + '%: 1}')}}}"), "5:18: found 'xxxx",
    ),
    "copies": (
        case("given: {input: {normal: [2]}}", f"across: {{target: {{labels: {{{many(9000, 'k%: {like: input}')}}}}}}}"),
        "good",
    ),
    "shapes times shapes": (
        case(f"across: {{input: {SHAPES}}}}}, target: {SHAPES}, b: {{normal: [9000000, 1]}}}}}}}}"),
        "one draw takes 7.9 GB with its output",
    ),
    "literals": (
        f"loss: mse_loss\ndefaults: {{given: {{target: [1.0], input: [{many(30_000, '1.0')}]}}}}\ncases:\n"
        + "".join(f"  - name: case {i}\n" for i in range(3000)),
        "2:11: found 30005 values for each of 3000 cases, expected at most 400000 in all",
    ),
    "nested figures": (
        case(PLAIN, f"published: {{output: [{many(5000, '[' * 18 + ']' * 18)}]}}"),
        "5:25: found 19 dimensions, expected at most 8",
    ),
    "nested numbers": (case(given("[" * 12 + "1.0" + "]" * 12)), "4:33: found 12 dimensions, expected at most 8"),
    "deep": (case(f"given: {{input: {'[' * 100_000}"), "4:40: values nest more than 24 deep here, expected fewer"),
    "a long name": (case().replace("some case", "x" * 200_000), "expected at most 120 characters"),
    "choices": (
        case(given(f"{{choice: [2], of: [{many(50_000, '[]')}]}}")),
        "found an empty list, expected a number or the name",
    ),
    "huge sizes": (
        case("sizes: {N: 1000000000000000000}", given("{normal: [N, N, N, N]}")),
        "found an array of shape [1000000000000000000, ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), SLOW.values(), ids=SLOW)
def test_a_file_that_would_take_long_is_told_at_once(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in told(text, tmp_path)


MEMORY = [
    ("mse_loss", "input: {normal: [60000000]}, target: {normal: [60000000]}", "float32",
     "4:20: one draw takes 1.7 GB with its output and upstream gradient, expected at most 0.5 GB for all"),
    ("mse_loss", "input: {normal: [60000, 1]}, target: {normal: [1, 60000]}", "float32",
     "4:20: one draw takes 72.0 GB with its output"),
    ("linear_cross_entropy",
     "input: {normal: [60000, 1]}, linear_weight: {normal: [60000, 1]}, target: {classes: [60000], below: 9}",
     "float32", "4:20: one draw takes 72.0 GB with its output"),
    ("mse_loss", "input: {normal: [6000000, 1]}, target: {full: [6000000, 1], value: 0}", "float64",
     "4:20: one draw takes 0.6 GB with its output"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "given", "dtype", "sentence"), MEMORY)
def test_a_point_that_takes_too_much_memory_is_refused(
    tmp_path: Path, loss: str, given: str, dtype: str, sentence: str
) -> None:
    across = f"across: {{dtype: [float16, {dtype}], layout: [sliced, contiguous], reduction: [mean, none]}}"
    assert sentence in told(case(f"given: {{{given}}}", across, loss=loss), tmp_path)


EXPRESSIONS = [
    ("input + 'a' * 3000000000", "5:13: the expression calculates with 'a', expected numbers and arrays"),
    ("input * ('a' + 1)", "the expression calculates with 'a', expected numbers and arrays"),
    ("input + None * 2", "the expression calculates with None, expected numbers and arrays"),
    ("input + True", "the expression calculates with True, expected numbers and arrays"),
    ("input * -False", "the expression calculates with False, expected numbers and arrays"),
    ("input * reduction", "the expression calculates with reduction, expected numbers and arrays"),
    ("mse_loss(input, target, reduction='a' * 2)", "the expression calculates with 'a', expected numbers and arrays"),
    ("input * 9999999999999999999", "'9999999999999999999', expected whole numbers of at most 64 bits"),
    ("input * 4000000000 * (4000000000 * 4000000000)", "'4000000000 * 4000000000', expected whole numbers of at most"),
    ("input * 1e999", "'1e309', expected numbers within float64"),
    ("input * (1e200 * 1e200)", "'1e+200 * 1e+200', expected numbers within float64"),
    ("input * (1 / 0)", "the expression says '1 / 0': division by zero"),
    ("(" * 80 + "input" + " * 99999999)" * 9 + ")" * 71, "good"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), EXPRESSIONS)
def test_an_identity_calculates_with_numbers_and_arrays_only(tmp_path: Path, text: str, sentence: str) -> None:
    given = "given: {input: [1.0], target: [1.0], reduction: sum}"
    assert sentence in told(case(given, f'equals: "{text}"'), tmp_path)


UNSEEN = {
    "\\e": "U+001B", "\\u202e": "U+202E", "\\u2066": "U+2066", "\\u200b": "U+200B", "\\x85": "U+0085", "\\0": "U+0000",
    "\\u2028": "U+2028", "\\uFEFF": "U+FEFF", "\\U000E0041": "U+E0041", "\\xad": "U+00AD", "\\u061c": "U+061C",
}  # fmt: skip


@pytest.mark.parametrize(("escape", "name"), UNSEEN.items())
def test_what_is_not_seen_is_refused_as_it_is_and_as_an_escape(tmp_path: Path, escape: str, name: str) -> None:
    said = f"found the character {name}, expected text without "
    assert f"5:10: {said}" in told(case(PLAIN, f'why: "a{escape}b"'), tmp_path)
    assert f"5:5: {said}" in told(case(PLAIN, f'"wh{escape}y": because'), tmp_path)
    raw = escape.replace("\\e", "\\x1b").replace("\\0", "\\x00").encode().decode("unicode_escape")
    assert f"5:11: {said}" in told(case(PLAIN, f"why: a{raw}b"), tmp_path)


def test_letters_of_every_script_are_read(tmp_path: Path) -> None:
    assert told(case(PLAIN, "why: 'größer als π — 损失, потеря, हानि, απώλεια, ∂L/∂x ≤ 1'"), tmp_path) == "good"


TOLERANCES = [
    ("tolerance: {output: {rtol: 1.0e+308}, because: it is so}",
     "5:32: found the number 1e+308, expected a number <= 0.1"),
    ("tolerance: {gradient: {atol: 2}, because: it is so}", "5:34: found the number 2, expected a number <= 1"),
    ("tolerance: {output: {eps: 1.0e+9}, because: it is so}",
     "found the number 1000000000.0, expected a number <= 1024"),
    ("published: {output: 0.5, atol: 0.4}",
     "5:36: found the number 0.4, expected at most 0.1: a tenth of the largest figure"),
    ("published: {output: [.inf, 20.0], atol: 3}", "found the number 3.0, expected at most 2: a tenth"),
    ("published: {output: [12300], atol: 50}", "good"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "sentence"), TOLERANCES)
def test_a_tolerance_that_tells_nothing_apart_is_refused(tmp_path: Path, line: str, sentence: str) -> None:
    assert sentence in told(case(PLAIN, line), tmp_path)


def test_the_nearest_of_many_words_is_found_in_no_time() -> None:
    words = [f"{'label' * 12}{i}" for i in range(40_000)]
    start = time.process_time()
    for word in ("zzz", "label" * 12 + "12345x", "labol" * 16):
        nearest(word, words)
    assert time.process_time() - start < SECONDS
    assert nearest("row-1234x", [f"row-{i}" for i in range(5000)]).startswith("; did you mean 'row-123")
    for one, other in pairwise(["mean", "sum", "none"]):
        assert nearest(f"{one}x", [one, other]) == f"; did you mean {one!r}?"

"""Bad case files: every sentence that a user can meet, and where it points to. None of them may be slow."""

import time
from pathlib import Path

import pytest

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.implementations.registry import served

HEAD = "loss: soft_margin_loss\ncases:\n"
GOOD = HEAD + "  - name: some case\n    given: {input: [1.0], target: [1.0]}\n"


def refused(text: str, folder: Path) -> str:
    """The sentences with which a file is refused; it must take well under a second."""
    path = folder / "bad.yaml"
    path.write_text(text)
    start = time.process_time()
    with pytest.raises(CaseError) as info:
        load(path, served())
    assert time.process_time() - start < 10, "it is not told at once"
    return str(info.value).replace(f"{path}:", "")


FILES = [
    ("loss: kl_div\ncases:\n  - name: some case\n    given: {full: true, like: [2], input: {normal: [2], stdd: 3}}\n",
     "4:57: unknown key 'stdd'; did you mean 'std'?"),
    ("---\n", "2:1: found nothing, expected a mapping with 'loss:' and 'cases:'"),
    ("- loss: kl_div\n", "1:1: found a list, expected a mapping with 'loss:' and 'cases:'"),
    ("hello\n", "1:1: found the text 'hello', expected a mapping"),
    ("42\n", "1:1: found the number 42, expected a mapping"),
    ("<<: {loss: kl_div}\n", "1:1: unknown key '<<'; expected one of cases, defaults, except, impossible"),
    ("loss: kl_dib\ncases:\n  - name: some case\n", "1:7: there is no loss 'kl_dib'; did you mean 'kl_div'?"),
    ("loss: 3\ncases:\n  - name: some case\n", "1:7: found the number 3, expected a text"),
    ("loss: kl_div\n", "1:1: the key 'cases' is missing here"),
    ("loss: kl_div\ncases: []\n", "2:8: found an empty list, expected at least 1 inside"),
    ("loss: kl_div\ncases: null\n", "2:8: found nothing, expected a list"),
    ("loss: kl_div\ncases: {a: 1}\n", "2:8: found a mapping, expected a list"),
    ("loss: kl_div\ncases: [x, null]\n", "2:9: found the text 'x', expected a mapping\n2:12: found nothing, expected"),
    ("los: kl_div\ncases: []\n", "1:1: unknown key 'los'; did you mean 'loss'?"),
    (f"{GOOD}defaults: {{givn: {{}}}}\n", "5:12: unknown key 'givn'; did you mean 'given'?"),
    (f"{GOOD}defaults:\n", "5:10: found nothing, expected a mapping"),
    (f"{GOOD}defaults: {{given: {{inptu: [1.0]}}}}\n", "5:20: soft_margin_loss has no argument 'inptu'"),
    (f"{GOOD}impossible: [{{options: {{a: b}}, because: no}}]\n", "5:24: found a mapping, expected at least 2 inside"),
    (f"{GOOD}impossible: [{{option: {{a: b}}}}]\n", "5:15: unknown key 'option'; did you mean 'options'?"),
    (GOOD + GOOD[len(HEAD):], "5:11: the name 'some case' stands here again, it is already in line 3"),
    (HEAD + "  - given: {}\n", "3:5: the key 'name' is missing here"),
    (HEAD + "  - name: a/b\n", "3:11: found the text 'a/b', expected words without / : [ ] and control characters"),
    (HEAD + "  - name: 'a: b'\n", "3:11: found the text 'a: b', expected words without"),
    (HEAD + "  - name: 'a [b]'\n", "3:11: found the text 'a [b]', expected words without"),
    (HEAD + '  - name: "a\\nb c"\n', "3:11: found the text 'a\\nb c', expected words without"),
    (HEAD + '  - name: "a\\0b c"\n', "3:11: found the character U+0000, expected text without control characters"),
    (HEAD + "  - name: ab\n", "3:11: found the text 'ab', expected at least 3 characters"),
    (HEAD + f"  - name: {'ab' * 99}\n", "expected at most 120 characters"),
    (HEAD + "  - name: 123\n", "3:11: found the number 123, expected a text"),
]  # fmt: skip

ENTRIES = [
    ("full: 3", "5:5: unknown key 'full'; expected one of across, better, depth"),
    ("giveen: {}", "5:5: unknown key 'giveen'; did you mean 'given'?"),
    ("raises: {ValueErrr: no}", "5:14: there is no exception 'ValueErrr'; did you mean 'ValueError'?"),
    ("raises: {int: no}", "5:14: there is no exception 'int'"),
    ("raises: {}", "5:13: found an empty mapping, expected at least 1 inside"),
    ("raises: {ValueError: a, TypeError: b}", "5:13: found a mapping, expected at most 1 inside"),
    ("raises: ValueError", "5:13: found the text 'ValueError', expected a mapping"),
    ("raises: {ValueError: 3}", "5:26: found the number 3, expected a text"),
    ("raises: {ValueError: no}\n    equals: input", "6:5: 'equals' says nothing beside 'raises'"),
    ("finding: {torch: it is undefined}\n    published: {output: 1}", "6:5: 'published' says nothing beside 'finding'"),
    ("finding: {torch: it is undefined, raises: IndexEror}", "5:47: there is no exception 'IndexEror'; did you mean"),
    ("finding: {torch: it is undefined, raises: IndexError, output: 1}", "5:59: 'output' says nothing beside 'raises'"),
    ("finding: {torch: short}", "5:22: found the text 'short', expected at least 8 characters"),
    ("finding: {torch: it is undefined, output: [x]}", "5:48: found the text 'x' in an array, expected numbers"),
    ("tolerance: {output: {rtol: 1e-3}}", "5:16: the key 'because' is missing here"),
    ("tolerance: {becuse: it is so}", "5:17: unknown key 'becuse'; did you mean 'because'?"),
    ("tolerance: {output: {rtoll: 1}, because: it is so}", "5:26: unknown key 'rtoll'; did you mean 'rtol'?"),
    ("tolerance: {output: {rtol: -1}, because: it is so}", "5:32: found the number -1, expected a number >= 0"),
    ("tolerance: {output: {atol: .inf}, because: it is so}", "5:32: found the number inf, expected a finite number"),
    ("tolerance: {because: no}", "5:26: found the text 'no', expected at least 8 characters"),
    ("tolerance: {because: it is off, by little}", "5:37: unknown key 'by little'; a text with a comma in it"),
    ("tolerance: 1e-3", "5:16: found the number 0.001, expected a mapping"),
    ("published: 1.5", "5:16: found the number 1.5, expected a mapping"),
    ("published: {outpt: 1}", "5:17: unknown key 'outpt'; did you mean 'output'?"),
    ("published: {output: 1.2.3}", "5:25: found the text '1.2.3' in an array, expected numbers"),
    ("published: {output: null}", "5:25: found nothing in an array, expected numbers"),
    ("published: {output: [1, [2]]}", "5:29: the rows are not alike: this one has the shape [1], the first []"),
    ("published: {output: 1, atol: small}", "5:34: found the text 'small', expected a number"),
    ("xfail: numpy", "5:12: found the text 'numpy', expected a mapping"),
    ("xfail: {nunpy: it is unstable}", "5:13: there is no implementation 'nunpy'; did you mean 'numpy'?"),
    ("xfail: {textbook: it is unstable}", "5:13: this xfail matches nothing: textbook has no soft_margin_loss"),
    ("xfail: {numpy: no}", "5:20: found the text 'no', expected at least 8 characters"),
    ("xfail: {numpy: it is unstable, a bit}", "5:36: found nothing, expected a mapping; a text with a comma"),
    ("xfail: {numpy: {reason: it is unstable}}", "5:21: unknown key 'reason'; expected one of because, where"),
    ("xfail: {numpy: [{because: it is unstable}, 3]}", "5:48: found the number 3, expected a mapping"),
    ("xfail: {numpy: {because: it is unstable, where: {dtype: float16}}}",
     "5:61: this xfail matches nothing: no dtype is 'float16'; did you mean 'float32'?"),
    ("xfail: {numpy: {because: it is unstable, where: {dtyp: float32}}}",
     "5:54: this xfail matches nothing: 'dtyp' is not across this case; did you mean 'dtype'?"),
    ("seeds: 0", "5:12: found the number 0, expected a number >= 1"),
    ("seeds: 1001", "5:12: found the number 1001, expected a number <= 1000"),
    ("seeds: 1.5", "5:12: found the number 1.5, expected a whole number"),
    ("seeds: true", "5:12: found true, expected a whole number"),
    ("depth: dep", "5:12: found the text 'dep'; did you mean 'deep'?"),
    ("why: 3", "5:10: found the number 3, expected a text"),
    ("sizes: [5]", "5:12: found a list, expected a mapping"),
    ("sizes: {N: -1}", "5:16: found the number -1, expected a number >= 0"),
    ("sizes: {N: 2.5, M: x, K: null}", "5:16: found the number 2.5, expected a whole number\n5:24: found the text 'x'"),
    ("sizes: {input: 3}", "5:13: the size 'input' has the name of an argument or axis"),
    ("across: {reducton: [mean]}", "5:14: 'reducton' is not an argument of soft_margin_loss, a size, dtype, "),
    ("across: {given.reduction: [mean]}", "5:14: found 'given.reduction', expected 'reduction'"),
    ("across: {reduction: []}", "5:25: found an empty list, expected at least 1 inside"),
    ("across: {reduction: {}}", "5:25: found 'label: value' in braces, expected a list of values, or {labels: {label"),
    ("across: {reduction: mean}", "5:25: found the text 'mean', expected a list"),
    ("across: {reduction: {plain: mean, other: sum}}",
     "5:25: found 'plain: ...' in braces, expected a list of values, or {labels: {plain: ...}}"),
    ("across: {reduction: {labels: {plain: mean}, other: sum}}", "5:49: unknown key 'other'; expected one of labels"),
    ("across: {reduction: {labels: {}}}", "5:34: found an empty mapping, expected at least 1 inside"),
    ("across: {reduction: al}", "5:25: found the text 'al', expected a list or a word; did you mean 'all'?"),
    ("across: {dtype: flaoting}",
     "5:21: found the text 'flaoting', expected a list or a word; did you mean 'floating'?"),
    ("across: {layout: sliced}", "5:22: found the text 'sliced', expected a list or a word; expected one of all"),
    ("across: {size_average: all}", "5:28: found the text 'all', expected a list"),
    ("without: [input]", "5:15: 'input' is not among the defaults of this file"),
    ("without: input", "5:14: found the text 'input', expected a list"),
    ("across: {grad_output: [null]}", "5:28: grad_output is an array, found nothing, expected numbers or a generator"),
    ("across: {reduction: null}", "5:25: found nothing, expected a list"),
    ("across: {reduction: [mean, mean]}", "5:32: two values of reduction have the label 'mean', expected labels: {"),
    ("across: {reduction: {labels: {a/b: mean}}}", "5:35: found the label 'a/b', expected at most 80 characters"),
    ("across: {dtype: [floot32]}", "5:22: found the text 'floot32', expected a dtype; did you mean 'float32'?"),
    ("across: {dtype: [null]}", "5:22: found nothing, expected a dtype; expected one of bfloat16"),
    ("across: {layout: [transposd]}", "5:23: found the text 'transposd', expected a layout; did you mean"),
    ("across: {input: [[1.0], [2.0]]}", "4:13: input stands under 'across' too, which wins"),
    ("across: {size_average: [yes]}", "5:29: size_average is not a text, found the text 'yes', expected a number"),
    ("sizes: {N: 1}\n    across: {N: [2.5]}", "6:18: the size N is the number 2.5, expected a whole number >= 0"),
    ("sizes: {N: 1}\n    across: {N: [-1, true]}", "6:18: the size N is the number -1, expected a"),
    ("sizes: {N: 1, M: 1}\n    across: {N: {labels: {a-b: 1, a: 2}}, M: {labels: {c: 1, b-c: 2}}}",
     "6:13: two points have the id"),
    ("equals: ''", "5:13: found the text '', expected at least 1 characters"),
    ("equals: 3", "5:13: found the number 3, expected a text"),
    (f"equals: '{'-' * 400}input'", "expected at most 300 characters"),
    ("equals: 'kl_dib(input, target)'", "5:13: the expression calls 'kl_dib', which is not a loss; did you mean 'kl"),
]  # fmt: skip

ARRAYS = [
    ("{norml: [2]}", "4:21: there is no generator 'norml'; did you mean 'normal'?"),
    ("{std: 2, norml: [2]}", "4:29: there is no generator 'norml'; did you mean 'normal'?"),
    ("{}", "4:20: input is an array, found an empty mapping, expected numbers or a generator"),
    ("{normal: [2], uniform: [2]}", "4:34: unknown key 'uniform' beside 'normal', expected one generator"),
    ("{normal: [2], stdd: 2}", "4:34: unknown key 'stdd'; did you mean 'std'?"),
    ("{normal: N}", "4:29: found the text 'N', expected a list"),
    ("{normal: [N]}", "4:30: there is no size 'N': this case names no sizes"),
    ("{normal: [-1]}", "4:30: found the number -1, expected a number >= 0 or the name of a size"),
    ("{normal: [2.0]}", "4:30: found the number 2.0, expected a whole number or the name of a size"),
    ("{normal: [true]}", "4:30: found true, expected a whole number or the name of a size"),
    ("{normal: [2], std: [1]}", "4:39: found a list, expected a number or the name of a size"),
    ("{normal: [2], std: S}", "4:39: there is no size 'S'"),
    ("{normal: [2], dtype: flaot32}", "4:41: found the text 'flaot32'; did you mean 'float32'?"),
    ("{normal: [2], layout: slice}", "4:42: found the text 'slice'; did you mean 'sliced'?"),
    ("{integers: [2]}", "4:20: the key 'high' is missing here"),
    ("{integers: [2], high: 1.5}", "4:42: found the number 1.5, expected a whole number or the name of a size"),
    ("{integers: [2], low: 3, high: 3}", "4:50: found low 3 and high 3, expected low < high"),
    ("{uniform: [2], low: 3}", "4:20: found low 3 and high 1, expected low < high"),
    ("{uniform: [2], high: .nan}", "4:41: found low 0 and high nan, expected low < high"),
    ("{uniform: [2], high: .inf}", "4:41: found low 0 and high inf, expected low < high"),
    ("{magnitudes: [2], low: 5}", "4:20: found low 5 and high 4, expected low <= high"),
    ("{classes: [2], below: 0}", "4:42: found below 0, expected at least 1 class"),
    ("{arange: [2], modulo: 0}", "4:42: found modulo 0, expected at least 1"),
    ("{bernoulli: [2], p: 1.5}", "4:40: found p 1.5, expected a probability from 0 to 1"),
    ("{choice: [2], of: []}", "4:38: found an empty list, expected at least 1 inside"),
    ("{choice: [2], of: [1, K]}", "4:42: there is no size 'K'"),
    ("{one_hot: [2, 3], dim: 2}", "4:43: there is no dim 2 in an array of shape [2, 3]"),
    ("{probabilities: [2], dim: -2}", "4:46: there is no dim -2 in an array of shape [2]"),
    ("{log_probabilities: []}", "4:40: there is no dim 0 in an array of shape []"),
    ("{normal: [2], mask: 3}", "4:40: found the number 3, expected a mapping"),
    ("{normal: [2], mask: {value: 1}}", "4:40: this mask sets nothing, expected 'at' or 'share' beside 'value'"),
    ("{normal: [2], mask: {value: 1, att: [[0]]}}", "4:51: unknown key 'att'; did you mean 'at'?"),
    ("{normal: [2], mask: {value: 1, at: [0]}}", "4:56: found the number 0, expected a list"),
    ("{normal: [2], mask: {value: 1, at: [[0], [2]]}}", "4:61: found the position [2], expected one in an array"),
    ("{normal: [2], mask: [{value: 1, at: [[-3]]}]}", "4:57: found the position [-3], expected one in an array of"),
    ("{normal: [2], mask: {value: 1, at: [[0, 0]]}}", "4:56: found the position [0, 0], expected one in an array of"),
    ("{array: [1.0], mask: {value: 1, at: [[1]]}}", "4:57: found the position [1], expected one in an array"),
    ("{normal: [2], mask: {value: 1, share: 1.5}}", "4:58: found the number 1.5, expected a number <= 1"),
    ("{normal: [2], mask: {value: 1, share: 0}}", "4:58: found the number 0, expected a number > 0"),
    ("{classes: [2], below: 3, mask: {value: 0.5, share: 0.5}}", "4:59: found 0.5, expected a whole number"),
    ("{normal: [2], dtype: uint8, mask: {value: .nan, share: 0.5}}", "4:62: found nan, expected a whole number"),
    ("{normal: [2], dtype: bool, mask: {value: 0.5, share: 0.5}}", "4:61: found 0.5, expected a whole number"),
    ("{classes: [2], below: 3, mask: {value: .inf, share: 0.5}}", "4:59: found inf, expected a whole number"),
    ("{classes: [2], below: 3, mask: {value: -.inf, share: 0.5}}", "4:59: found -inf, expected a whole number"),
    ("{like: inptu}", "4:27: found 'inptu', expected an array that stands before input"),
    ("{like: target}", "4:27: found 'target', expected an array that stands before input"),
    ("[[1.0, 2.0], [3.0]]", "4:33: the rows are not alike: this one has the shape [1], the first [2]"),
    ("[[[1], [1, 2]], [[1], [2]]]", "4:27: the rows are not alike: this one has the shape [2], the first [1]"),
    ("[1.0, nan]", "4:26: found the text 'nan' in an array, expected numbers; did you mean '.nan'?"),
    ("[1.0, -Inf]", "4:26: found the text '-Inf' in an array, expected numbers; did you mean '-.inf'?"),
    ("[1.0, null]", "4:26: found nothing in an array, expected numbers"),
    ("[{a: 1}]", "4:21: found a mapping in an array, expected numbers"),
    ("{array: [1, x]}", "4:32: found the text 'x' in an array, expected numbers"),
    ("mean", "4:20: input is an array, found the text 'mean', expected numbers or a generator"),
    ("[1.0], reduction: {normal: [2]}", "4:38: reduction is an option, found the generator 'normal', expected a value"),
    ("[1.0], reduction: {a: 2}", "4:38: reduction is an option, found a mapping, expected a value"),
    ("[1.0], inptu: [1.0]", "4:27: soft_margin_loss has no argument 'inptu'; did you mean 'input'?"),
    ("null", "4:20: input is an array, found nothing, expected numbers or a generator"),
    ("{tuple: [a]}", "4:29: found the text 'a', expected a number"),
    ("{normal: [1000000, 1000000]}", "4:29: found an array of shape [1000000, 1000000], expected at most"),
    ("{full: [0, 999999999999], value: 1}", "4:27: found an array of shape [0, 999999999999], expected"),
    ("{normal: [1, 1, 1, 1, 1, 1, 1, 1, 1]}", "4:29: found 9 dimensions, expected at most 8"),
]  # fmt: skip


# A case with sizes, with what is given, and across what, in lines 4, 5 and 6.
MATRICES = [
    ("N: 999999999999", "input: {normal: [N]}", "dtype: [float32]",
     "5:29: found an array of shape [999999999999], expected at most 268435456 elements in 1 dimensions"),
    ("N: 2", "input: {normal: [N]}", "N: [2, 999999999999]", "5:29: found an array of shape [999999999999], expected"),
    ("N: 99999, M: 2", "input: {normal: [N, M]}", "M: [1, 99999]", "5:29: found an array of shape [99999, 99999]"),
    ("N: 2", "reduction: sum", "input: [{normal: [2]}, {full: [999999999999], value: 0, dtype: int8}]",
     "6:44: found an array of shape [999999999999], expected"),
    ("N: 2", "input: {normal: [N], dtype: complex128}", "N: {labels: {many: 999999999999}}",
     "5:29: found an array of shape"),
    ("N: 5", "input: {normal: [N], mask: {value: 0, at: [[2]]}}", "N: [2, 5]",
     "5:56: found the position [2], expected one in an array of shape [2]"),
    ("C: 4", "input: {integers: [3], low: 1, high: C}", "C: [1, 4]", "5:50: found low 1 and high 1, expected low <"),
    ("N: 1", "input: [1.0]", "input: {normal: [2]}", "6:21: found the generator 'normal' itself, expected a list"),
    ("N: 1", "reduction: sum", "input: [{normal: [2]}, {normal: [3]}]", "6:37: two values of input have the"),
    ("N: 1", "reduction: sum", "input: {labels: {one: {normal: [2], stdd: 3}}}",
     "6:50: unknown key 'stdd'; did you mean 'std'?"),
    ("N: 1", "reduction: sum", "input: {labels: {one: {normal: [2], std: [3]}}}", "6:55: found a list, expected a"),
    ("N: 1", "input: {like: weight}", "reduction: [sum]", "5:27: found 'weight', expected an array that"),
    ("N: 1", "input: {normal: [2]}, grad_output: {like: reduce}", "reduce: [null]", "5:55: found 'reduce', expected"),
    ("N: 1", "input: [1.0]", f"N: [{', '.join(map(str, range(9000)))}], layout: [sliced, expanded]",
     "6:13: this file has 54000 points up to here, expected at most 50000"),
    (", ".join(f"N{i}: 1" for i in range(30)), "input: [1.0]", ", ".join(f"N{i}: [1, 2, 3]" for i in range(30)),
     "6:13: this file has 205891132094649 points up to here, expected at most 50000"),
]  # fmt: skip

# Hostile files of 100 kB: refused at once all the same.
HUGE = [
    ("words", f"    given: {{target: [1.0], input: [{'x, ' * 40_000}]}}", "4:36: found the text 'x' in"),
    ("sizes", f"    given: {{target: [1.0], input: {{normal: [{'N, ' * 40_000}]}}}}", "4:45: there is no size 'N'"),
    ("masks", f"    given: {{input: {{normal: [2], mask: {{value: 1, at: [{'[9], ' * 20_000}]}}}}}}", "4:56: found"),
    ("keys", f"    given: {{{', '.join(f'k{i}: 1' for i in range(10_000))}}}", "4:13: soft_margin_loss has no"),
    ("axes", f"    across: {{{', '.join(f'k{i}: [1]' for i in range(6_000))}}}", "4:14: 'k0' is not an argument of"),
    ("values", f"    across: {{reduction: [{'mean, ' * 20_000}]}}", "4:32: two values of reduction have the label"),
    ("cases", "\n".join(f"  - name: case {i}" for i in range(10_000)), "3:11: 'some case' gives no input"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), FILES)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refused(text, tmp_path)


@pytest.mark.parametrize(("entry", "sentence"), ENTRIES)
def test_a_wrong_entry_of_a_case_is_refused(tmp_path: Path, entry: str, sentence: str) -> None:
    assert sentence in refused(f"{GOOD}    {entry}\n", tmp_path)


@pytest.mark.parametrize(("value", "sentence"), ARRAYS)
def test_a_wrong_array_is_refused(tmp_path: Path, value: str, sentence: str) -> None:
    text = f"{HEAD}  - name: some case\n    given: {{input: {value}, target: [1.0]}}\n"
    assert sentence in refused(text, tmp_path)


@pytest.mark.parametrize(("sizes", "given", "across", "sentence"), MATRICES)
def test_a_wrong_matrix_is_refused(tmp_path: Path, sizes: str, given: str, across: str, sentence: str) -> None:
    case = f"    sizes: {{{sizes}}}\n    given: {{{given}, target: [1.0]}}\n    across: {{{across}}}\n"
    assert sentence in refused(f"{HEAD}  - name: some case\n{case}", tmp_path)


@pytest.mark.parametrize(("entry", "sentence"), [row[1:] for row in HUGE], ids=[row[0] for row in HUGE])
def test_a_huge_wrong_file_is_refused_at_once(tmp_path: Path, entry: str, sentence: str) -> None:
    assert sentence in refused(f"{HEAD}  - name: some case\n{entry}\n", tmp_path)


def test_a_problem_with_a_default_points_to_the_default(tmp_path: Path) -> None:
    text = f"defaults: {{given: {{weigth: [1.0], input: {{normal: [N]}}}}, across: {{layuot: [sliced]}}}}\n{GOOD}"
    problems = refused(text.replace("soft_margin_loss", "l1_loss"), tmp_path).splitlines()
    assert problems == [
        "1:20: l1_loss has no argument 'weigth'; did you mean 'weight'?",
        "1:67: 'layuot' is not an argument of l1_loss, a size, dtype, layout or around; did you mean 'layout'?",
    ]


def test_all_problems_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    wrong = GOOD.replace("given: {", "given: {inptu: [1.0], ") + "    seeds: 3\n    raises: {ValueErrr: no}\n"
    assert [line.split(":")[0] for line in refused(wrong + GOOD[len(HEAD) :], tmp_path).splitlines()] == ["4", "6", "7"]


def test_many_problems_are_told_in_part(tmp_path: Path) -> None:
    said = refused(HEAD + "  - {}\n" * 1000, tmp_path).splitlines()
    assert len(said) == 21
    assert said[0] == "3:5: the key 'name' is missing here"
    assert said[-1].endswith("and more")

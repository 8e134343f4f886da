"""Causes: failing points are grouped by what is observed, joined where one condition explains them, told in order."""

from dataclasses import replace
from time import process_time
from typing import Any

import numpy as np
import pytest

from parity.causes.apart import Condition, told_apart
from parity.causes.cause import Cause, Seen
from parity.causes.group import causes
from parity.causes.sign import Family, sign_of
from parity.causes.text import hint, told
from parity.records.mismatch import About, Event, Kind, Mismatch, Subject
from parity.records.record import Record
from tests.unit.recorded import record

OUTPUT, INPUT = About(Subject.OUTPUT), About(Subject.GRADIENT, "input")


def value(answer: About = OUTPUT, diagnosis: str = "", **figures: Any) -> Mismatch:
    """A mismatch of numbers."""
    held = {
        "count": 1, "size": 4, "index": [0], "actual": 1.5, "expected": 1.0, "absolute": 0.5, "relative": 0.5,
        "ulp": 1e6, "allowed": 1e-6, "digits": 9, **figures,
    }  # fmt: skip
    mismatch = answer.mismatch(Kind.VALUE, figures=held)
    mismatch.diagnosis = diagnosis
    return mismatch


def point(number: int, *facts: str, mismatches: Any = (), **more: Any) -> Record:
    """A point with facts, which fails if it has mismatches."""
    verdict = "failed" if mismatches else "passed"
    made = record(f"{number}-float32", **{"verdict": verdict, "mismatches": list(mismatches), **more})
    made.facts = sorted(facts)
    return made


def only(records: list[Record]) -> Cause:
    (cause,) = causes(records)
    return cause


def shaped(found: list[int], expected: list[int]) -> Mismatch:
    return OUTPUT.mismatch(Kind.SHAPE, figures={"found": found, "expected": expected})


def raising(text: str, event: Event = Event.FORWARD) -> Mismatch:
    return OUTPUT.mismatch(Kind.RAISES, event, {"error": text})


@pytest.mark.parametrize(
    ("mismatches", "family", "key"),
    [
        ([raising("KeyError: 3 rows")], Family.RAISES, "the forward raises KeyError: ... rows, {reference} answers"),
        ([shaped([1], [])], Family.SHAPE, "rank 1 where {reference} has rank 0"),
        ([shaped([3], [2])], Family.SHAPE, "other sizes"),
        ([value(), value(INPUT, actual=float("nan"))], Family.NOT_FINITE, "nan where {reference} has a number"),
        ([value(actual=0.0, expected=1e-40)], Family.FLUSHED, "flushed"),
        ([value(diagnosis="is 2 times {reference}'s")], Family.VALUE, "factor"),
        ([INPUT.mismatch(Kind.EXTRA), value()], Family.VALUE, ""),
        ([INPUT.mismatch(Kind.EXTRA)], Family.EXTRA, "extra"),
        ([value(relative=1e-7, dtype="float64")], Family.ROUNDED, "single"),
        ([value(relative=1e-7)], Family.VALUE, ""),
    ],
)  # fmt: skip
def test_the_first_family_that_matches_is_the_sign(mismatches: list[Mismatch], family: Family, key: str) -> None:
    sign, _ = sign_of(record(verdict="failed", mismatches=mismatches))
    assert (sign.family, sign.key) == (family, key)


def test_a_bug_of_one_option_is_one_cause_with_its_facts() -> None:
    failing = [point(n, "weight", "reduction=mean", mismatches=[value()]) for n in range(20)]
    passing = [point(100 + n, "weight", "reduction=sum") for n in range(20)]
    passing += [point(200 + n, "reduction=mean") for n in range(20)]
    cause = only([*failing, *passing])
    assert set(cause.facts) == {"weight", "reduction=mean"}
    assert cause.where == "weight and reduction=mean"
    assert cause.sentence == "output differs: only with weight and reduction=mean; 40 other points agree"
    assert len(cause.points) == 20


def test_facts_of_which_one_suffices_are_joined_by_or() -> None:
    failing = [
        point(n, "reduction=mean", "weight" if n % 2 else "ignored targets", mismatches=[value()]) for n in range(60)
    ]
    passing = [point(100 + n, "reduction=sum", "weight" if n % 2 else "ignored targets") for n in range(60)]
    passing += [point(200 + n, "reduction=mean", "large" if n % 2 else "float16") for n in range(60)]
    assert only([*failing, *passing]).where == "reduction=mean and (ignored targets or weight)"


def test_exceptions_are_counted_on_both_sides() -> None:
    failing = [point(n, "weight", mismatches=[value()]) for n in range(50)] + [point(50, mismatches=[value()])]
    passing = [point(100 + n, "weight") for n in range(2)] + [point(200 + n) for n in range(80)]
    cause = only([*failing, *passing])
    assert (cause.where, cause.without, len(cause.exceptions), cause.agree) == ("weight", 1, 2, 80)
    assert "1 of them without these facts; 2 points with these facts agree; 80 other points agree" in cause.sentence


def test_what_fails_everywhere_has_no_facts() -> None:
    cause = only([point(n, "weight", mismatches=[value()]) for n in range(9)])
    assert (cause.facts, cause.sentence) == ((), "output differs")


def test_one_bug_that_shows_as_wrong_numbers_and_as_nan_is_one_cause() -> None:
    failing = [point(n, "weight", mismatches=[value()]) for n in range(20)]
    failing += [point(20 + n, "weight", mismatches=[value(actual=float("nan"))]) for n in range(5)]
    cause = only([*failing, *(point(100 + n) for n in range(50))])
    assert cause.sentence.startswith("output has nan where torch has a number: only with weight")


def test_two_bugs_are_two_causes() -> None:
    failing = [point(n, "weight", mismatches=[value()]) for n in range(20)]
    failing += [point(20 + n, "float16", mismatches=[value(actual=float("nan"))]) for n in range(20)]
    found = causes([*failing, *(point(100 + n) for n in range(50))])
    assert [cause.where for cause in found] == ["weight", "float16"] or [cause.where for cause in found] == [
        "float16",
        "weight",
    ]


def test_an_exception_is_one_cause_across_losses() -> None:
    failing = [
        point(n, "float16", mismatches=[raising(f"RuntimeError: no kernel for {n} rows (x.py:{n})")], loss=loss)
        for n in range(5) for loss in ("mse_loss", "l1_loss")
    ]  # fmt: skip
    cause = only([*failing, *(point(100 + n, loss=loss) for n in range(9) for loss in ("mse_loss", "l1_loss"))])
    assert cause.losses == ("mse_loss", "l1_loss")
    assert cause.sentence.startswith("the forward raises RuntimeError: no kernel for ... rows")
    assert cause.where == "float16"


def test_an_exception_where_torch_answers_is_told_before_its_class_where_torch_refuses() -> None:
    error = "KeyError: None"
    other = Mismatch(Subject.REFUSAL, Kind.CLASS, figures={"error": error, "wanted": "ValueError"})
    failing = [point(n, "refuses", mismatches=[other], raises="ValueError") for n in range(3)]
    failing += [point(9 + n, "weight", mismatches=[raising(error.replace("None", "'average'"))]) for n in range(2)]
    cause = only([*failing, *(point(100 + n) for n in range(50))])
    assert cause.observed == "the forward raises KeyError: 'average', torch answers"
    assert cause.where == "weight"


def test_wrong_answers_come_before_clauses_of_the_contract() -> None:
    extra = [point(n, mismatches=[INPUT.mismatch(Kind.EXTRA, hint="; declare it")]) for n in range(40)]
    wrong = [point(100 + n, "weight", "large", mismatches=[value()]) for n in range(2)]
    found = causes([*extra, *wrong, *(point(200 + n) for n in range(50))])
    assert [cause.family for cause in found] == [Family.VALUE, Family.EXTRA]
    lines = told(found)
    assert lines[0] == "42 points, 2 causes:"
    assert lines[-1].startswith("2. 40 points: gradient of input is given, torch has none")
    assert lines[-1].endswith("; declare it")
    assert "smallest example:" in lines[2]


def test_the_word_that_would_waive_a_cause_is_told_though_a_few_of_its_points_show_more() -> None:
    extra = [point(n, "float16", mismatches=[INPUT.mismatch(Kind.EXTRA, hint="; declare it")]) for n in range(9)]
    effect = Mismatch(Subject.EFFECT, Kind.RAISES, event=Event.SECOND_CALL, figures={"error": "KeyError: 1"})
    more = [point(20 + n, "float16", mismatches=[effect]) for n in range(2)]
    cause = Cause("yours", ("mse_loss",), *_signed([*extra, *more]))
    assert hint(cause) == "; declare it"
    assert "at 2 points" in cause.observed


def _signed(records: list[Record]) -> tuple[Any, tuple[Seen, ...], Condition]:
    seen = tuple(Seen(one, *sign_of(one)) for one in records)
    return seen[0].sign, seen, Condition(())


def test_an_example_is_the_smallest_point_that_has_the_facts() -> None:
    failing = [point(n, "weight", mismatches=[value(size=10 - n)]) for n in range(5)]
    failing.append(point(9, mismatches=[value(size=1)]))
    cause = only([*failing, *(point(100 + n) for n in range(99))])
    assert cause.where == "weight"
    assert cause.example.mismatches[0].figures["size"] == 6


def test_facts_that_only_arrays_show_are_never_said_to_be_absent() -> None:
    """A point that passes has them by any of its draws, one that fails by the draw that fails."""
    assert told_apart([{"a"}] * 9, [{"a", "upstream expanded"}] * 9).terms == ()


def test_twenty_thousand_records_are_grouped_in_a_moment() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(120)])
    records = []
    for number in range(20_000):
        facts = set(rng.choice(words, 20, replace=False))
        wrong = {"wordaa", "wordab"} <= facts
        records.append(point(number, *facts, mismatches=[value()] if wrong else (), loss=f"loss{number % 28}"))
    start = process_time()
    found = causes(records)
    assert process_time() - start < 20  # of the processor; 2 s where nothing else runs
    assert {cause.where for cause in found} == {"wordaa and wordab"}


def test_a_factor_is_explained_by_what_explains_most_of_its_points() -> None:
    rows = "the batch size / the sum of the weights"
    said = "is 2 times {reference}'s throughout (a wrong denominator or factor: 2)"
    failing = [
        point(n, "weight", mismatches=[value(diagnosis=said, because=["2", f"{rows} ({2 * n} / {n})"])])
        for n in range(3)
    ]  # fmt: skip
    failing += [
        point(9 + n, "weight", mismatches=[value(diagnosis=said, because=[f"{rows} (4 / 2)"])]) for n in range(3)
    ]
    cause = only([*failing, *(point(100 + n) for n in range(50))])
    assert cause.sentence.startswith(f"output is 2 times torch's throughout: {rows}: only with weight")


def test_factors_of_one_denominator_are_told_by_it() -> None:
    said = "is 2 times {reference}'s throughout (a wrong denominator or factor: 2)"
    ratios = ("the sum of the weights / the batch size (6 / 3)", "the number of targets / the batch size (2 / 1)")
    known = [["2", ratios[0]], [ratios[1]], [ratios[0]], ["2", ratios[1]]]
    failing = [point(n, "weight", mismatches=[value(diagnosis=said, because=one)]) for n, one in enumerate(known)]
    cause = only([*failing, *(point(100 + n) for n in range(50))])
    assert cause.observed == "output is 2 times torch's throughout, as if divided by the batch size"


def test_a_stray_point_beside_many_is_told_with_them() -> None:
    failing = [point(n, "weight", mismatches=[value()]) for n in range(60)]
    failing.append(point(60, "large", mismatches=[value(actual=float("nan"))]))
    cause = only([*failing, *(point(100 + n) for n in range(50))])
    assert cause.without == 1
    assert (
        "at 1 point output has nan where torch has a number: only with weight; 1 of them without these facts"
        in cause.sentence
    )


def test_an_exception_at_every_point_is_one_cause_of_the_set_up_with_its_place() -> None:
    text = "InterpreterError: no {} (kernel.py:7), caused by KeyError: 'dot{}' (kernel.py:5)"
    failing = [point(n, mismatches=[raising(text.format(n, n))]) for n in range(30)]
    failing += [point(30 + n, mismatches=[replace(raising(text.format(n, n)), asked="under vmap, ")]) for n in range(4)]
    figures = {"error": text.format(1, 1), "wanted": "ValueError", "message": "no"}
    failing.append(point(40, mismatches=[About(Subject.REFUSAL).mismatch(Kind.CLASS, figures=figures)]))
    first = only([*failing, point(50)])
    assert first.everywhere
    assert first.sentence == (
        "the forward raises InterpreterError: no ... (kernel.py:7), caused by KeyError: ... (kernel.py:5), "
        "torch answers: at nearly every point, so look at the set-up first; 1 other point agrees"
    )
    wrong = [point(100 + n, mismatches=[value()]) for n in range(9)]
    assert not any(cause.everywhere for cause in causes([*failing, *wrong]))


def test_what_several_points_have_in_common_is_said_once() -> None:
    found = [("complex64", "float32"), ("float32", "float64"), ("float32", "float64")]
    dtypes = [OUTPUT.mismatch(Kind.DTYPE, figures={"found": one, "expected": other}) for one, other in found]
    cause = only([point(n, mismatches=[dtype]) for n, dtype in enumerate(dtypes)])
    assert cause.sentence == "output has dtype complex64 where torch has float32, float32 where torch has float64"
    both = [value(diagnosis="has its sign flipped"), value(INPUT, diagnosis="has its sign flipped")]
    assert only([point(1, mismatches=both)]).sentence == "output and gradient of input have their signs flipped"


def test_a_second_call_that_is_refused_is_a_clause_of_the_contract() -> None:
    effect = Mismatch(
        Subject.EFFECT, Kind.RAISES, event=Event.SECOND_CALL, figures={"error": "KeyError: 1"}, hint="; declare it"
    )
    cause = only([point(n, mismatches=[effect]) for n in range(30)] + [point(40)])
    assert (cause.family, cause.everywhere, hint(cause)) == (Family.EFFECT, False, "; declare it")


def test_the_same_under_a_transformation_adds_nothing() -> None:
    wrong = value(diagnosis="is zero everywhere")
    seen = [point(n, mismatches=[wrong]) for n in range(9)]
    seen.append(point(20, mismatches=[replace(wrong, asked="under vmap, ")]))
    assert only(seen).sentence == "output is zero everywhere"


def test_exceptions_that_differ_in_their_dtypes_are_one_cause() -> None:
    texts = [f"TypeError: no kernel for {dtype} and int64" for dtype in ("uint8", "bool", "bfloat16")]
    cause = only([point(n, "integer input", mismatches=[raising(text)]) for n, text in enumerate(texts)])
    assert cause.observed == "the forward raises TypeError: no kernel for ... and int64, torch answers"


def test_an_option_that_is_ignored_is_one_cause_if_an_answer_shows_it() -> None:
    """An exception alone does not: without its option a call may be refused for many a reason."""
    options = {"ignored": ["dtype"]}
    dtype = OUTPUT.mismatch(Kind.DTYPE, figures={"found": "float32", "expected": "float64", **options})
    refused = OUTPUT.mismatch(Kind.RAISES, Event.FORWARD, {"error": "TypeError: int8", **options})
    answers = About(Subject.REFUSAL).mismatch(Kind.MISSING, Event.ANSWERS, {"wanted": "TypeError", **options})
    passing = [point(number, "dim") for number in range(40, 60)]
    shown = [point(number, "dtype", mismatches=[dtype]) for number in range(4)]
    others = [
        *(point(number, "dtype", "integer input", mismatches=[refused]) for number in range(10, 20)),
        *(point(number, "dtype", "refuses", mismatches=[answers], raises="TypeError") for number in range(20, 24)),
    ]
    cause = only([*shown, *others, *passing])
    assert cause.facts == ("dtype",)
    assert "output has dtype float32 where torch has float64, as if dtype were absent" in cause.sentence
    assert len(causes([*others, *passing])) == 2

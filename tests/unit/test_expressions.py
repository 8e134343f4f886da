"""Expressions of facts: what they hold of, and the sentence about each that means nothing."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.cli import app
from parity.facts.expression import Misspelt, parse
from parity.facts.words import MADE, WORDS
from parity.implementations.registry import served

FACTS = {"ignored targets", "large", "float16", "not contiguous", "weight", "reduction=none", "eps=1e-06", "swap=true"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("large", True),
        ("empty", False),
        ("ignored targets", True),
        ("ignored   targets", True),
        ("ignored targets and large", True),
        ("ignored targets and not large", False),
        ("not large or float16", True),
        ("not (large or float16)", False),
        ("empty or large and float64", False),
        ("(empty or large) and float16", True),
        ("not not large", True),
        ("not contiguous", True),
        ("contiguous", False),
        ("not not contiguous", False),
        ("weight and reduction=none", True),
        ("reduction=mean or weight", True),
        ("eps=0.000001", True),
        ("swap=True", True),
        ("swap=false", False),
        ("input strided", False),
        ("(((large)))", True),
    ],
)
def test_an_expression_holds_or_not(text: str, holds: bool) -> None:
    assert parse(text).holds(FACTS) is holds


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ignored targts", "in column 1 there is no fact 'ignored targts'; did you mean 'ignored targets'?"),
        ("large and wieght", "in column 11 there is no fact 'wieght'; did you mean 'weight'?"),
        ("large and (empty or reduction=nnoe)", "in column 21 reduction is never 'nnoe'; did you mean 'none'?"),
        ("large, empty", "found ',' in 'large, empty', expected 'and', 'or' or 'not' between facts"),
        ("reduction=mean & large", "found '&' in 'reduction=mean & large', expected"),
        ("wieght strided", "in column 1 there is no fact 'wieght strided'"),
        ("large and", "the expression ends where a fact is expected"),
        ("large or and", "found 'and' in column 10, expected a fact"),
        ("and large", "found 'and' in column 1, expected a fact"),
        ("not", "the expression ends where a fact is expected"),
        ("(large", "the parenthesis in column 1 is not closed"),
        ("large)", "found ')' in column 6, expected 'and', 'or' or the end"),
        ("large not empty", "found 'not' in column 7, expected 'and', 'or' or the end"),
        ("", "found nothing, expected a fact such as 'ignored targets'"),
        ("()", "found ')' in column 2, expected a fact"),
        ("qqqq", "in column 1 there is no fact 'qqqq'; `parity facts` lists them all"),
        ("not " * 200 + "large", "found 201 words and signs, expected at most 100"),
    ],
)
def test_what_is_no_expression_is_a_sentence_with_its_column(text: str, sentence: str) -> None:
    with pytest.raises(Misspelt) as error:
        parse(text)
    assert str(error.value).startswith(sentence)


def test_words_of_ones_own_may_be_added() -> None:
    assert parse("variant=hard", frozenset({"variant=hard"})).holds({"variant=hard"})
    with pytest.raises(Misspelt, match="did you mean 'variant=hard'"):
        parse("variant=hrad", frozenset({"variant=hard"}))


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("large and flaot16", "5:53: found 'large and flaot16': in column 11 there is no fact 'flaot16'; did you mean"),
        ("large or", "5:53: found 'large or': the expression ends where a fact is expected"),
        ("large and not float16", "5:53: this xfail matches nothing: no point has 'large and not float16'"),
        ("''", "5:53: found the text '', expected"),
        ("3", "5:53: found the number 3, expected a mapping or a text"),
    ],
)
def test_a_wrong_expression_in_a_case_has_its_place(
    case_file: Callable[[str], Path], where: str, sentence: str
) -> None:
    case = "  - name: some case\n    given: {input: [1.0], target: [1.0]}\n"
    xfail = f"    xfail: {{numpy: {{because: it is unstable, where: {where}}}}}\n"
    with pytest.raises(CaseError, match=re.escape(sentence)):
        load(case_file(f"loss: soft_margin_loss\ncases:\n{case}{xfail}"), served())


def test_the_command_lists_every_word() -> None:
    told = CliRunner().invoke(app, ["facts"])
    assert told.exit_code == 0
    for word in [*WORDS, *MADE, "label_smoothing"]:
        assert word in told.output


def test_arrays_are_not_asked_for_where_the_specification_decides() -> None:
    asked: list[str] = []

    class Facts:
        def __contains__(self, word: object) -> bool:
            asked.append(str(word))
            return word == "large"

    assert parse("large or ties").holds(Facts())
    assert not parse("not large and ties").holds(Facts())
    assert asked == ["large", "large"]
    assert parse("large or ties").drawn
    assert not parse("large and not float16").drawn


def expressions() -> st.SearchStrategy[str]:
    word = st.sampled_from(sorted(WORDS))
    return st.recursive(
        word,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda some: f"({' '.join(some)})"),
            inner.map(lambda one: f"not {one}" if one != "not contiguous" else f"not ({one})"),
        ),
        max_leaves=6,
    )


def as_python(text: str, facts: set[str]) -> str:
    """The same expression for Python: each word replaced by its truth."""

    for word in sorted(WORDS, key=len, reverse=True):
        if word != "not contiguous":
            text = text.replace(word, "1" if word in facts else "0")
    return text


@given(expressions(), st.sets(st.sampled_from(sorted(WORDS.keys() - {"not contiguous"}))))
def test_expressions_mean_what_python_means(text: str, facts: set[str]) -> None:
    whole = facts | (set() if "contiguous" in facts else {"not contiguous"})
    assert parse(text).holds(whole) == bool(eval(as_python(text, facts)))


@given(st.text(alphabet=" ()andortlrge=01", max_size=40))
def test_no_text_is_a_traceback(text: str) -> None:
    with suppress(Misspelt):
        parse(text).holds(FACTS)

"""Expressions of facts: words joined by `and`, `or`, `not` and parentheses, as in "ignored targets and not large"."""

import re
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from parity.facts.words import canonical, drawn, unknown

_PART = re.compile(r"[()]|[^\s()]+")
_SIGNS = ("and", "or", "not", "(", ")")
_FOREIGN = re.compile(r"[,;&|!]")
_MOST = 100
Holds = Callable[[Container[str]], bool]


class Misspelt(ValueError):
    """A text that is no expression of facts; the message is a sentence with the column, counted from 1."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A sign, or a word that may contain blanks, and the column where it begins."""

    text: str
    column: int
    word: bool = False


@dataclass(frozen=True)
class Expression:
    """An expression as it was written; made by `parse`."""

    text: str
    words: tuple[str, ...]
    holds: Holds
    """Whether it holds where these facts are. It asks for no more of them than it needs."""

    @cached_property
    def drawn(self) -> bool:
        """Whether it needs facts that only the arrays of a draw show."""
        return any(map(drawn, self.words))


@lru_cache(1024)
def parse(text: str, also: frozenset[str] = frozenset()) -> Expression:
    """The expression that a text is.

    `not` binds before `and`, `and` before `or`. `also` are words beyond the documented ones: those of the user's own
    losses. Raises Misspelt for a word that no fact has, with the nearest one, and for what is no expression.
    """
    parts = list(_parts(text))
    if not parts:
        raise Misspelt("found nothing, expected a fact such as 'ignored targets'")
    if len(parts) > _MOST:
        raise Misspelt(f"found {len(parts)} words and signs, expected at most {_MOST}")
    reader = _Reader(parts, also)
    holds = reader.either()
    if reader.left:
        here = reader.left[0]
        raise Misspelt(f"found {here.text!r} in column {here.column}, expected 'and', 'or' or the end")
    return Expression(text, tuple(reader.words), holds)


def _parts(text: str) -> Iterator[_Part]:
    """The signs and words of a text: what stands between two signs is one word."""
    between: list[re.Match[str]] = []
    for found in _PART.finditer(text):
        # "weight not contiguous" is no word: `not` is a sign wherever it stands
        if found[0] not in _SIGNS:
            between.append(found)
            continue
        yield from _joined(between)
        between = []
        yield _Part(found[0], found.start() + 1)
    yield from _joined(between)


def _joined(between: list[re.Match[str]]) -> Iterator[_Part]:
    if between:
        yield _Part(" ".join(found[0] for found in between), between[0].start() + 1, word=True)


class _Reader:
    """Reads the parts from left to right, a method a rank of signs."""

    def __init__(self, parts: list[_Part], also: Collection[str]) -> None:
        self.left, self.also = parts, also
        self.words: list[str] = []

    def either(self) -> Holds:
        one = self.both()
        while self._next("or"):
            one = _or(one, self.both())
        return one

    def both(self) -> Holds:
        one = self.negated()
        while self._next("and"):
            one = _and(one, self.negated())
        return one

    def negated(self) -> Holds:
        return _not(self.negated()) if self._next("not") else self.single()

    def single(self) -> Holds:
        if not self.left:
            raise Misspelt("the expression ends where a fact is expected")
        here = self.left.pop(0)
        if here.text == "(":
            inner = self.either()
            if not self._next(")"):
                raise Misspelt(f"the parenthesis in column {here.column} is not closed")
            return inner
        if not here.word:
            raise Misspelt(f"found {here.text!r} in column {here.column}, expected a fact")
        word = canonical(here.text)
        wrong = unknown(word, self.also)
        if wrong is not None:
            sign = _FOREIGN.search(here.text)
            said = f"found {sign[0]!r} in {here.text!r}, expected 'and', 'or' or 'not' between facts" if sign else ""
            raise Misspelt(said or f"in column {here.column} {wrong}")
        self.words.append(word)
        return lambda facts: word in facts

    def _next(self, sign: str) -> bool:
        """Whether the next part is this sign, which is then taken."""
        if self.left and self.left[0].text == sign:
            self.left.pop(0)
            return True
        return False


def _or(one: Holds, other: Holds) -> Holds:
    return lambda facts: one(facts) or other(facts)


def _and(one: Holds, other: Holds) -> Holds:
    return lambda facts: one(facts) and other(facts)


def _not(one: Holds) -> Holds:
    return lambda facts: not one(facts)

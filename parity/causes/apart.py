"""Which facts tell the points that fail from those that pass: the shortest description of where a bug shows.

The condition is found by its description length in bits: what its words cost, and what it costs to name the exceptions
that it leaves. So three points alone are described by few words, and three hundred by as many as they pay for.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np

from parity.facts.words import drawn
from parity.types import Array

Facts: TypeAlias = Collection[str]
# The cost of a term in bits: of a word, of one that must not hold, of a number's exact value.
WORD, ABSENT, EXACT, EITHER = 6.0, 4.0, 3.0, 2.0
# A point that fails without the facts is a worse exception than one that agrees with them: it may agree by luck.
MISSED = 2.0
# What more than a third of the points lack is no fact of theirs.
LACK = 3
# At most so many terms, and no more than failing points: of one point alone many a fact is chance.
TERMS = 3
# Each exception beyond a half of the points, in bits: the others would be the rule, and it the exception.
MORE = 2.0
BEAM = 12
# Disjunctions are made of so many words, those that most of the failing points have, each of at least such a part.
JOINED, PART = 24, 0.04


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a condition: the point has one of the words, or none of them if it is `absent`."""

    words: tuple[str, ...]
    absent: bool = False

    def holds(self, facts: Facts) -> bool:
        return any(word in facts for word in self.words) != self.absent

    def text(self, alone: bool) -> str:
        """The term in an expression of facts."""
        if self.absent:
            return f"not {self.words[0]}"
        joined = " or ".join(self.words)
        return joined if alone or len(self.words) == 1 else f"({joined})"

    @property
    def bits(self) -> float:
        exact = sum(_is_exact(word) for word in self.words)
        return len(self.words) * WORD + exact * EXACT + self.absent * ABSENT + (len(self.words) - 1) * EITHER


@dataclass(frozen=True, slots=True)
class Condition:
    """Terms that hold together, none of them for 'everywhere'; `bits` is what the whole description costs."""

    terms: tuple[Term, ...] = ()
    bits: float = 0.0

    def holds(self, facts: Facts) -> bool:
        return all(term.holds(facts) for term in self.terms)

    @property
    def words(self) -> tuple[str, ...]:
        """The words that occur in it."""
        return tuple(word for term in self.terms for word in term.words)

    def __str__(self) -> str:
        """An expression of facts: 'reduction=mean and (ignored targets or weight)'."""
        return " and ".join(term.text(len(self.terms) == 1) for term in self.terms)


def told_apart(failing: Sequence[Facts], passing: Sequence[Facts]) -> Condition:
    """The condition that tells the failing points from the passing ones by the fewest bits."""
    if not failing:
        return Condition()
    table = _Table(failing, passing)
    best = Condition((), table.bits(np.ones((1, table.points), np.float32))[0])
    if not passing:
        return best
    beam: list[tuple[float, tuple[int, ...]]] = [(best.bits, ())]
    for _ in range(min(TERMS, len(failing))):
        beam = table.longer(beam)
        if not beam:
            break
        bits, chosen = beam[0]
        if bits < best.bits:
            best = Condition(tuple(sorted((table.terms[index] for index in chosen), key=_order)), bits)
    return best


class _Table:
    """Every term that may be of use, and which points it holds for, failing ones first."""

    def __init__(self, failing: Sequence[Facts], passing: Sequence[Facts]) -> None:
        self.failing, self.points = len(failing), len(failing) + len(passing)
        words = sorted(set().union(*failing))
        column = {word: index for index, word in enumerate(sorted({*words, *set().union(*passing)}))}
        has = np.zeros((len(column), self.points), bool)
        for row, facts in enumerate((*failing, *passing)):
            has[[column[word] for word in facts], row] = True
        self.log = np.concatenate([[0.0], np.cumsum(np.log2(np.arange(1, self.points + 1)))])
        self.terms: list[Term] = []
        held: list[Array] = []
        for term, points in self._terms(words, column, has):
            self.terms.append(term)
            held.append(points)
        self.held = np.array(held, np.float32).reshape(len(held), self.points)
        self.cost = np.array([term.bits for term in self.terms])

    def _terms(self, words: list[str], column: dict[str, int], has: Array) -> Iterator[tuple[Term, Array]]:
        seen: set[bytes] = set()
        plain = [(Term((word,)), has[column[word]]) for word in sorted(words, key=_familiar)]
        # Of a fact that only arrays show a point that passes has it by any of its draws: none is known to lack it.
        absent = [
            (Term((word,), absent=True), ~has[index]) for word, index in column.items()
            if not _is_exact(word) and not drawn(word) and not has[index, : self.failing].all()
        ]  # fmt: skip
        often = sorted(words, key=lambda word: -int(has[column[word], : self.failing].sum()))
        least = max(PART * self.failing, 1)
        often = [word for word in often if least <= has[column[word], : self.failing].sum() < self.failing][:JOINED]
        either = [
            (Term(pair), has[column[pair[0]]] | has[column[pair[1]]])
            for pair in combinations(sorted(often, key=_familiar), 2)
        ]
        for term, points in (*plain, *absent, *either):
            key = points.tobytes()
            if key not in seen and not points.all() and points[: self.failing].any():
                seen.add(key)
                yield term, points

    def bits(self, held: Array) -> Array:
        """What it costs to name the exceptions, of each row of points that a condition holds for."""
        missed = self.failing - held[:, : self.failing].sum(axis=1).astype(int)
        agree = held[:, self.failing :].sum(axis=1).astype(int)
        inside = self.failing - missed + agree
        named = self._choose(inside, agree) + MISSED * self._choose(self.points - inside, missed)
        return np.where(LACK * missed > self.failing, np.inf, named)

    def _choose(self, points: Array, some: Array) -> Array:
        """log2 of the number of ways to choose so many of the points; of more than a half it grows on."""
        few = np.minimum(some, points // 2)
        return np.asarray(self.log[points] - self.log[few] - self.log[points - few] + MORE * (some - few))

    def longer(self, beam: list[tuple[float, tuple[int, ...]]]) -> list[tuple[float, tuple[int, ...]]]:
        """The best conditions with one term more than those of the beam."""
        found: dict[tuple[int, ...], float] = {}
        for _, chosen in beam:
            start = self.held[list(chosen)].prod(axis=0) if chosen else np.ones(self.points, np.float32)
            bits = self.bits(self.held * start) + self.cost + self.cost[list(chosen)].sum()
            for index in np.argsort(bits, kind="stable")[: 2 * BEAM]:
                if int(index) not in chosen:
                    found[tuple(sorted((*chosen, int(index))))] = float(bits[index])
        return sorted((bits, chosen) for chosen, bits in found.items())[:BEAM]


def _is_exact(word: str) -> bool:
    """Whether a word gives a number's exact value: a bug seldom is about that."""
    value = word.partition("=")[2]
    return bool(value) and value.lstrip("-")[:1].isdigit()


# Of words that hold for the same points, the one that says most comes first.
def _familiar(word: str) -> tuple[bool, bool, str]:
    return _is_exact(word), "=" in word, word


def _order(term: Term) -> tuple[bool, bool, tuple[bool, bool, str]]:
    """What must be there before what must not, the plain words first."""
    return term.absent, len(term.words) > 1, _familiar(term.words[0])

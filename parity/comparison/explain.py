"""A value that is wrong, explained: by what it shows, by other answers of the reference, by where it differs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from parity.comparison.call import Call
from parity.comparison.diagnosis import WIDER, diagnose
from parity.comparison.experience import Experience
from parity.comparison.factors import Factors
from parity.comparison.hypotheses import EPSILONS, Asked, hypotheses
from parity.comparison.places import where
from parity.comparison.tolerance import Bound
from parity.comparison.truth import Values
from parity.dtypes import FLOATING, row_of
from parity.records.mismatch import Mismatch
from parity.records.sentences import FLUSHES
from parity.types import Array

HALF = tuple(row for row in FLOATING.values() if row.half)
FEW = 3


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong answer: `missed` is what each element may be missed by, `bad` those that are missed by more."""

    expected: Array
    actual: Array
    missed: Array
    bad: Array
    bound: Bound

    @property
    def wide(self) -> Any:
        """The dtype to compute in."""
        return np.complex128 if self.expected.dtype.kind == "c" else np.float64

    @property
    def few(self) -> bool:
        """Whether there are too few elements to show a pattern."""
        return self.expected.size < FEW


class Explanations:
    """The explanations of one draw: what is asked of the reference is asked once for all of its answers.

    The draw is one of `scenario`. Those that have held before are tried first, and the others where `experience` says.
    """

    def __init__(self, call: Call, scenario: str = "", experience: Experience | None = None) -> None:
        self.call, self.scenario, self.experience = call, scenario, experience or Experience()
        self._answers: dict[int, Values] = {}

    @cached_property
    def _hypotheses(self) -> list[tuple[str, Asked]]:
        return list(hypotheses(self.call))

    @cached_property
    def _searches(self) -> bool:
        return self.experience.searches(self.scenario)

    @cached_property
    def factors(self) -> Factors:
        return Factors(self.call.signature.loss, self.call.arguments)

    def explain(self, problem: Mismatch, name: str, wrong: Wrong, under_ones: Callable[[], Array | None]) -> None:
        """Say in the mismatch what the difference looks like, if it looks like anything.

        `under_ones` gives the reference's gradient for a grad_output of ones.
        """
        with np.errstate(all="ignore"):
            problem.diagnosis = _flushed(wrong) or _rounded(wrong) or self._pattern(problem, name, wrong, under_ones)

    def _pattern(
        self, problem: Mismatch, name: str, wrong: Wrong, under_ones: Callable[[], Array | None]
    ) -> str:  # fmt: skip
        plain = diagnose(name, wrong.expected, wrong.actual, under_ones, wrong.missed, self.factors)
        if plain and "factor" not in plain:
            return plain
        found = self._other_answer(name, wrong, plain)
        if found or plain:
            if not found:
                problem.figures["because"] = self.factors.last
            return found or plain
        return _inside_logarithm(wrong) or where(wrong.bad, self.call.arguments)

    def _other_answer(self, name: str, wrong: Wrong, plain: str) -> str:
        """The hypothesis that gives the answer, and not the expected one; `plain` is what it looks like by itself."""
        found = self.experience.found
        for text, values in self._answered(lambda text: text in found):
            if _gives(text, values, name, wrong):
                return text
        if self.experience.gives_up(plain) or not self._searches:
            return ""
        for text, values in self._answered(lambda text: text not in found):
            if _gives(text, values, name, wrong):
                found.add(text)
                return text
        self.experience.in_vain[plain] += 1
        return ""

    def _answered(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Values]]:
        """The hypotheses that are wanted, each with its answers."""
        for number, (text, asked) in enumerate(self._hypotheses):
            if wanted(text):
                if number not in self._answers:
                    self._answers[number] = asked()
                yield text, self._answers[number]


def _gives(text: str, values: Values, name: str, wrong: Wrong) -> bool:
    """Whether a hypothesis gives the wrong answer, and not the expected one."""
    # a single half is near many answers by chance
    vague = wrong.few and row_of(wrong.actual.dtype) in HALF
    value = values.get(name, values.get("*"))
    if value is None or value.shape != wrong.actual.shape or (vague and not text.startswith("saturates")):
        return False
    v, a, e = (np.asarray(one).astype(wrong.wide) for one in (value, wrong.actual, wrong.expected))
    if not np.isfinite(v).any() or (text == "equals softmax(input)" and not np.ptp(v[np.isfinite(v)])):
        return False  # what is nan throughout, or one number, has many reasons
    if wrong.few and not (np.isfinite(v).all() and v.all()):
        return False
    near = WIDER * (wrong.bound.rtol * np.abs(v) + wrong.bound.atol)
    return _alike(v, a, near) and not _alike(v, e, near)


def _alike(one: Array, other: Array, near: Array) -> bool:
    return bool(((one == other) | (np.isnan(one) & np.isnan(other)) | (np.abs(one - other) <= near)).all())


def _flushed(wrong: Wrong) -> str:
    """Whether what is wrong is 0 where numbers below the normal ones are expected, of any number of elements."""
    row = row_of(wrong.expected.dtype)
    expected, actual = wrong.expected[wrong.bad], wrong.actual[wrong.bad]
    if row is None or actual.any() or not (np.abs(expected) < row.tiny).all():
        return ""
    return FLUSHES


def _rounded(wrong: Wrong) -> str:
    """Whether the answer is the right one with the digits of a narrower dtype."""
    row = row_of(wrong.expected.dtype)
    if row is None or wrong.few or wrong.wide is np.complex128:
        return ""
    e, a = wrong.expected.astype(np.float64), wrong.actual.astype(np.float64)
    if not a.any():  # 0 is a number of every dtype
        return ""
    size = np.where(np.isfinite(e), np.abs(e), 0.0)  # an infinite one is near nothing else
    narrower = [other for other in FLOATING.values() if other.eps > row.eps and other.numpy.kind != "c"]
    for other in sorted(narrower, key=lambda other: other.eps):
        near = 2 * other.eps * size + 2 * other.smallest
        if _alike(a.astype(other.numpy).astype(np.float64), a, np.zeros(())) and _alike(e, a, near):
            return f"is rounded to {other.name}"
    return ""


def _inside_logarithm(wrong: Wrong) -> str:
    """Whether a small number is added inside a logarithm, or stands in for a smaller one."""
    if wrong.wide is np.complex128 or row_of(wrong.expected.dtype) is None:
        return ""
    e, a, bad = wrong.expected.astype(np.float64), wrong.actual.astype(np.float64), wrong.bad
    if len(np.unique(e[bad])) < FEW or not np.isfinite(a[bad]).all():  # one number is near some logarithm by chance
        return ""
    sign = -1.0 if (e[bad] < 0).all() else 1.0
    near = WIDER * wrong.bound.rtol * np.abs(a) + wrong.bound.atol
    for eps in EPSILONS:
        value = -sign * np.log(np.exp(-sign * e) + eps)
        if _alike(value, a, near) and not _alike(value[bad], e[bad], near[bad]):
            return f"is {{reference}}'s with {eps:g} added inside the logarithm"
        if _alike(np.full_like(a[bad], -sign * np.log(eps)), a[bad], near[bad]):
            return f"is cut off at the logarithm of {eps:g}"
    return ""

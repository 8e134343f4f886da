"""Torch's answers to one draw, and what is held against them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from parity.cases.schema import Tolerance
from parity.comparison import compare, glance, truth
from parity.comparison.allowances import Allowances
from parity.comparison.call import Answer, Call
from parity.comparison.explain import Explanations, Wrong
from parity.comparison.tolerance import Bound, bound
from parity.dtypes import HALVES, name_of
from parity.implementations.contract import Contract
from parity.records.mismatch import Mismatch, about, titled
from parity.types import Array, DType

# An error up to so many times one that an earlier draw of the point was measured to owe to rounding is a rounding too.
ALIKE = 2.0


class Expectation:
    """The reference's answer to one call, and what each of its values may be missed by.

    `lenient` tells whether some value needed the draw's own allowance. `roundings` is shared by the draws of a
    point: the largest error of each value that was measured to be a rounding, as a share of its largest number.
    What the contract grants is granted.
    """

    def __init__(
        self, call: Call, answer: Answer, tolerance: Tolerance | None, roundings: dict[str, float],
        contract: Contract | None = None, explanations: Explanations | None = None,
    ) -> None:  # fmt: skip
        self.call, self.answer = call, answer
        self.tolerance, self.roundings, self.contract = tolerance, roundings, contract
        self.lenient = False
        self.allowances = Allowances(call, answer, tolerance)
        self.explanations = explanations or Explanations(call)
        self._ones: truth.Values | None = None

    @np.errstate(all="ignore")
    def compare(self, name: str, actual: Array) -> tuple[float, float, Mismatch | None]:
        """The worst error of a value as a share of its allowance and in ulp, and the mismatch if it is too far."""
        expected = self.answer.value(name)
        problem = compare.form(about(name), expected, actual)
        if problem:
            same = self.conformed(name, actual)
            if same is None:
                return np.inf, np.inf, problem
            actual = same
        dtype = self.allowances.precision(name)
        allowed = self._bound(dtype, name)
        if expected.size > glance.BLOCK:
            worst, ulps = glance.at_blocks(expected, actual, allowed)
            if worst <= 1:
                return worst, ulps, None
        elif expected.tobytes() == actual.tobytes():
            return 0.0, 0.0, None
        worst, share = compare.judge(expected, actual, allowed)
        ulps = glance.ulps(expected, actual, share)
        if worst <= 1:
            return worst, ulps, None
        extra = None
        self.lenient = True
        if name in self.roundings:
            like_before = ALIKE * self.roundings[name] * float(truth.largest(expected))
            alike = Bound(allowed.rtol, allowed.atol + like_before)
            worst, share = compare.judge(expected, actual, alike)
            if worst <= 1:
                return worst, ulps, None
        exact = self.allowances.exact().get(name) if dtype in HALVES else None

        def excuses(most: Array) -> bool:
            return compare.judge(expected, actual, allowed, most)[0] <= 1

        experience = self.explanations.experience
        for number, extra in enumerate(self.allowances.steps(name, excuses)):
            worst, share = compare.judge(expected, actual, allowed, extra, exact)
            if worst <= 1:
                self._learn(name, expected, actual)
                return worst, ulps, None
            if worst == np.inf:
                break  # nan or inf in the wrong place
            if number == 0 and self.allowances.hopeless(name, actual, allowed, experience.known):
                experience.wrong += 1
                break  # what no rounding explains: no allowance helps
        missed = compare.allowance(expected, allowed, extra)
        problem = compare.describe(about(name), expected, actual, share, missed, self.allowances.exact().get(name))
        if (
            not self.allowances.is_double() and name in self.allowances.exact()
        ):  # of doubles no truth is known that isn't our own
            problem.figures["right"] = compare.is_right(actual, self.allowances.exact()[name], expected, share, allowed)
        wrong = Wrong(expected, actual, missed, np.asarray(share > 1), allowed)
        self.explanations.explain(problem, name, wrong, lambda: self.under_ones(name))
        return worst, ulps, problem

    def known(self, name: str, actual: Array) -> tuple[Array, Array, Array] | None:
        """An answer, torch's and the exact one; None where that is not known, or a wider tolerance is given."""
        expected, exact = self.answer.value(name), self.allowances.exact().get(name)
        granted = self.widest(name_of(expected.dtype), titled(name)) != (0.0, 0.0)
        if self.tolerance or granted or not self.allowances.more_exact(name):
            return None
        if exact is None or exact.shape != expected.shape:
            return None
        return None if compare.form(about(name), expected, actual) else (actual, expected, exact)

    def conformed(self, name: str, actual: Any) -> Array | None:
        """An answer of another dtype or rank in the reference's, if that is granted."""
        granted = self.contract.granted if self.contract else ()
        return compare.conformed(about(name), self.answer.value(name), actual, granted) if granted else None

    def _bound(self, dtype: DType, name: str) -> Bound:
        own = bound(dtype, name, self.tolerance)
        if self.contract is None or not self.contract.granted:
            return own
        rtol, atol = self.widest(name_of(self.answer.value(name).dtype), titled(name))
        return Bound(max(own.rtol, rtol), max(own.atol, atol)) if rtol or atol else own

    def widest(self, dtype: str, subject: str) -> tuple[float, float]:
        """rtol and atol that the contract grants such an answer: 'output', 'second derivative by input', ..."""
        return self.contract.widest(dtype, subject) if self.contract and self.contract.granted else (0.0, 0.0)

    def _learn(self, name: str, expected: Array, actual: Array) -> None:
        """Keep the size of an error that was measured to be a rounding."""
        scale = 0.0 if self.allowances.is_half() else float(truth.largest(expected))
        if scale:
            error = float(truth.largest(actual - expected)) / scale
            self.roundings[name] = max(error, self.roundings.get(name, 0.0))

    @np.errstate(all="ignore")
    def identity(
        self, name: str, left: Array, right: Array, text: str, noise: Callable[[], truth.Values]
    ) -> Mismatch | None:
        """A mismatch between two forms of one function, each of which may be off by its own rounding.

        `noise` gives the rounding of the right one by torch, and is asked last.
        """
        right = np.asarray(right, left.dtype)
        problem = compare.form(about(name), left, right)
        own = self._bound(left.dtype, name)
        allowed = Bound(4 * own.rtol, 4 * own.atol)
        if problem is None:
            worst, share = compare.judge(left, right, allowed)
            if worst <= 1:
                return None
            extra = np.asarray(0.0)
            for extra in self._identity_allowances(name, noise):
                worst, share = compare.judge(left, right, allowed, extra)
                if worst <= 1:
                    return None
            missed = compare.allowance(left, allowed, extra)
            problem = compare.describe(about(name), left, right, share, missed, None)
        problem.against, problem.asked = "the loss itself", f"{text}: "
        return problem

    def _identity_allowances(self, name: str, noise: Callable[[], truth.Values]) -> Iterator[Array]:
        allowance = np.asarray(0.0)
        for allowance in self.allowances.steps(name):
            yield 4 * allowance
        yield 4 * (allowance + noise().get(name, 0.0))

    def under_ones(self, name: str) -> Array | None:
        """Torch's gradient for a grad_output of ones: for one number throughout it is known already."""
        given, expected = self.call.grad_output, self.answer.value(name)
        number = given.flat[0] if given.size and expected.dtype not in HALVES else 0
        if number and np.isfinite(number) and (given == number).all():
            return np.asarray(expected / number)
        if self._ones is None:
            output, vjp = self.call.function(**self.call.arguments)
            self._ones = vjp(np.ones_like(output))
        return self._ones.get(name)

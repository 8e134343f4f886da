"""Torch's answers to one draw, and what each of its values may be missed by; the costly allowances only on demand."""

from collections.abc import Callable, Iterator
from itertools import tee
from typing import Any

import numpy as np

from parity.cases.schema import Tolerance
from parity.comparison import compare, glance, truth
from parity.comparison.call import Answer, Call
from parity.comparison.explain import Explanations, Wrong
from parity.comparison.tolerance import Bound, bound
from parity.dtypes import FLOATING, HALVES, Row, is_floating, name_of, row_of
from parity.implementations.contract import Contract
from parity.records.mismatch import Mismatch, about, titled
from parity.types import Array, DType

# An error up to so many times one that an earlier draw of the point was measured to owe to rounding is a rounding too.
ALIKE = 2.0
# An error of so many steps of the dtype at the scale of the largest number of the call, and of so many times what the
# draw's own condition allows, is no rounding: of 120,000 draws of right losses none that neighbours excuse had more
# than 0.6 of such steps. Neighbours take 36 calls: they are not asked then, nor beside another answer so wrong.
STEPS, TIMES = 16.0, 8.0
# What a gradient of halves that is exactly 0 may be missed by, as a share of the largest upstream number: four
# roundings of float32, in which its terms are computed and cancel. Torch's own may hit 0 by chance, at all neighbours
# too: of 518,000 draws one softmax of 65,539 rows was accused for 3.5e-8 in two numbers.
CANCELLED = 4 * FLOATING["float32"].eps


# What a condition may add, as a multiple of torch's own error there and nearby: where the exact answer is known, and
# torch is near it, nobody else need be far from it.
CAPPED = 2.0


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
        self.explanations = explanations or Explanations(call)
        self._exact: truth.Values | None = None
        self._wrong = False
        self._ones: truth.Values | None = None
        # made late: they hold this object, which would then outlive its draw
        self._measured: tuple[Iterator[truth.Values], ...] | None = None

    def compare(self, name: str, actual: Array) -> tuple[float, float, Mismatch | None]:
        """The worst error of a value as a share of its allowance and in ulp, and the mismatch if it is too far."""
        expected = self._expected(name)
        problem = compare.form(about(name), expected, actual)
        if problem:
            same = self.conformed(name, actual)
            if same is None:
                return np.inf, np.inf, problem
            actual = same
        dtype = self.precision(name)
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
        exact = self.exact().get(name) if dtype in HALVES else None
        for number, extra in enumerate(self.allowances(name)):
            worst, share = compare.judge(expected, actual, allowed, extra, exact)
            if worst <= 1:
                self._learn(name, expected, actual)
                return worst, ulps, None
            if worst == np.inf or (number == 0 and self._hopeless(name, actual, allowed)):
                break  # nan or inf in the wrong place, or what no rounding explains: no allowance helps
        missed = compare.allowance(expected, allowed, extra)
        problem = compare.describe(about(name), expected, actual, share, missed, self.exact().get(name))
        if not self._double() and name in self.exact():  # of doubles no truth is known that isn't our own
            problem.figures["right"] = compare.is_right(actual, self.exact()[name], expected, share, allowed)
        wrong = Wrong(expected, actual, missed, np.asarray(share > 1), allowed)
        self.explanations.explain(problem, name, wrong, lambda: self.under_ones(name))
        return worst, ulps, problem

    def _hopeless(self, name: str, actual: Array, allowed: Bound) -> bool:
        """Whether neighbours, which take many calls, need not be asked: the answer, or another, is far beyond them."""
        if self._is_large():
            return False
        extra = np.asarray(self.own_error(name) if self.own_error(name) is not None else 0.0)
        probes = [measured[name] for measured in self._measurements()[1] if name in measured]
        for measured in probes:
            extra = np.maximum(extra, measured)
        share = compare.judge(self._expected(name), actual, allowed, extra)[1]
        self._wrong = self._wrong or self._beyond(name, actual, share)
        return self._wrong and bool((share > 1).any())

    def _is_large(self) -> bool:
        return any(value.size > glance.MOST for value in self.answer.values.values())

    def _beyond(self, name: str, actual: Array, share: Array) -> bool:
        """Whether some number is off by far more than a rounding can be, the condition of the point counted in."""
        row = row_of(self.precision(name))
        if row is None or not (share > TIMES).any():
            return False
        expected = self._expected(name)
        numbers = [value for value in self.call.arguments.values() if isinstance(value, np.ndarray)]
        scale = max([1.0, *(float(truth.largest(value)) for value in numbers if is_floating(value))])
        scale *= 1.0 if name == "output" else float(truth.largest(self.call.grad_output))
        scale = max(scale, float(truth.largest(expected)))
        wide = np.complex128 if expected.dtype.kind == "c" else np.float64
        far = np.abs(actual.astype(wide) - expected.astype(wide)) > STEPS * row.eps * scale
        return bool((far & (share > TIMES)).any())

    def known(self, name: str, actual: Array) -> tuple[Array, Array, Array] | None:
        """An answer, torch's and the exact one; None where that is not known, or a wider tolerance is given."""
        expected, exact = self._expected(name), self.exact().get(name)
        granted = self.widest(name_of(expected.dtype), titled(name)) != (0.0, 0.0)
        if exact is None or exact.shape != expected.shape or self.tolerance or granted:
            return None
        return None if compare.form(about(name), expected, actual) else (actual, expected, exact)

    def conformed(self, name: str, actual: Any) -> Array | None:
        """An answer of another dtype or rank in the reference's, if that is granted."""
        granted = self.contract.granted if self.contract else ()
        return compare.conformed(about(name), self._expected(name), actual, granted) if granted else None

    def _bound(self, dtype: DType, name: str) -> Bound:
        own = bound(dtype, name, self.tolerance)
        if self.contract is None or not self.contract.granted:
            return own
        rtol, atol = self.widest(name_of(self._expected(name).dtype), titled(name))
        return Bound(max(own.rtol, rtol), max(own.atol, atol)) if rtol or atol else own

    def widest(self, dtype: str, subject: str) -> tuple[float, float]:
        """rtol and atol that the contract grants such an answer: 'output', 'second derivative by input', ..."""
        return self.contract.widest(dtype, subject) if self.contract and self.contract.granted else (0.0, 0.0)

    def _learn(self, name: str, expected: Array, actual: Array) -> None:
        """Keep the size of an error that was measured to be a rounding."""
        scale = 0.0 if self._half() else float(truth.largest(expected))
        if scale:
            error = float(truth.largest(actual - expected)) / scale
            self.roundings[name] = max(error, self.roundings.get(name, 0.0))

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
        for allowance in self.allowances(name):
            yield 4 * allowance
        yield 4 * (allowance + noise().get(name, 0.0))

    def exact(self) -> truth.Values:
        """The answers in a wider dtype; empty where torch refuses that."""
        if self._exact is None:
            self._exact = truth.exact(self.call)
        return self._exact

    def own_error(self, name: str) -> Array | None:
        """Twice torch's own distance from the exact answer, there or elsewhere; none where that is not known."""
        value, exact = self._expected(name), self.exact().get(name)
        if exact is None or exact.shape != value.shape:
            return None
        error = 2 * np.abs(exact - value.astype(exact.dtype))
        error = truth.believed(error, value) if self._double() else truth.finite(error)
        if self._half():
            return error
        return error + truth.elsewhere(error, exact, bound(self.precision(name), name).atol)

    def allowances(self, name: str) -> Iterator[Array]:
        """What the draw itself allows an answer, each wider than the one before, and measured only when asked for.

        Torch's own error; with it that at neighbours; then the condition of the point, and of its sums, as far as
        torch's own error is of their size.
        """
        own = self.own_error(name)
        if own is not None:
            yield own
            if self._is_large():
                return  # the rest would call torch on millions of numbers some forty times
        total: Any = 0.0 if own is None else own
        near, probes, sums = self._measurements()
        widest: Any = 0.0
        for measurement in near:
            if name in measurement:
                widest = np.maximum(widest, measurement[name])
                yield np.asarray(total + widest)
        total = total + widest
        most = CAPPED * (total + self._table(name)) if own is not None else np.inf
        for measurements in (probes, sums):
            widest = 0.0
            for measurement in measurements:
                if name in measurement:
                    widest = np.maximum(widest, measurement[name])
                    yield np.asarray(total + np.minimum(widest, most))
            total = total + np.minimum(widest, most)
        exact = self.exact().get(name) if self._half() and name != "output" else None
        if exact is not None:
            yield np.asarray(total + np.where(exact == 0, CANCELLED * truth.largest(self.call.grad_output), 0.0))

    def _measurements(self) -> tuple[Iterator[truth.Values], ...]:
        """Those of neighbours, of the condition and of its sums, each made once and only when asked for."""
        if self._measured is None:
            self._measured = (self.nearby(), self._probes(), self._sums())
        measured, self._measured = zip(*map(tee, self._measured), strict=True)
        return measured

    def _table(self, name: str) -> Array:
        """The bound by dtype alone, an element each."""
        return compare.allowance(self._expected(name), bound(self.precision(name), name, self.tolerance), None)

    def _probes(self) -> Iterator[truth.Values]:
        yield from truth.probes(self.call, self._base(), self._rows())

    def nearby(self) -> Iterator[truth.Values]:
        """Torch's own error at neighbours of the draw, times its factor."""
        yield from truth.neighbours(self.call, self._base(), self._rows())

    def _base(self) -> truth.Values:
        """The answers in float64."""
        return self.answer.values if self._double() else self.exact()

    def _sums(self) -> Iterator[truth.Values]:
        yield truth.sums(self.call, self._rows())

    def under_ones(self, name: str) -> Array | None:
        """Torch's gradient for a grad_output of ones."""
        if self._ones is None:
            output, vjp = self.call.function(**self.call.arguments)
            self._ones = vjp(np.ones_like(output))
        return self._ones.get(name)

    def precision(self, name: str) -> DType:
        """The dtype whose step an answer is judged by: a gradient comes through the output's, if that is coarser."""
        own, outer = self._expected(name).dtype, self.answer.output.dtype
        if own == outer:
            return own
        inside, outside = row_of(own), row_of(outer)
        return outer if inside and outside and outside.eps > inside.eps else own

    def _half(self) -> bool:
        """Whether numbers come in half precision: there a few roundings more (a sum kept in halves) are a bug."""
        return any(isinstance(value, np.ndarray) and value.dtype in HALVES for value in self.call.arguments.values())

    def _double(self) -> bool:
        return truth.is_double(self.call.arguments, self.call.grad_output)

    def _rows(self) -> dict[str, Row]:
        """The dtype that each answer is judged by, if it is a floating one."""
        rows = {name: row_of(self.precision(name)) for name in self.answer.values}
        return {name: row for name, row in rows.items() if row}

    def _expected(self, name: str) -> Array:
        return self.answer.output if name == "output" else self.answer.gradients[name]

"""Torch's answers to one draw, and what each may be missed by; the costly allowances only on demand."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from parity.cases.schema import Tolerance
from parity.comparison import compare, truth
from parity.comparison.compare import Mismatch
from parity.comparison.diagnosis import diagnose
from parity.comparison.tolerance import STEPS, Bound, bound, name_of
from parity.types import Array, DType, Gradients, Loss


class Answers:
    """The output and gradients that torch gives, by 'output' and argument name.

    `fresh` draws the arguments again, whatever an implementation did to the first ones. `lenient` tells
    whether some answer needed the draw's own allowance.
    """

    def __init__(
        self, loss: str, reference: Loss, fresh: Callable[[], dict[str, Any]], output: Array, gradients: Gradients,
        grad_output: Array, tolerance: Tolerance | None,
    ) -> None:  # fmt: skip
        self.loss, self.reference, self.fresh = loss, reference, fresh
        self.output, self.gradients, self.grad_output = output, gradients, grad_output
        self.tolerance = tolerance
        self.lenient = False
        self._condition: truth.Answers | None = None
        self._rounding: truth.Answers | None = None
        self._exact: truth.Answers | None = None

    def compare(self, name: str, actual: Array) -> tuple[float, float, Mismatch | None]:
        """The worst error of an answer as a share of its allowance and in ulp, and the mismatch if it is too far."""
        what, expected = titled(name), self._expected(name)
        problem = compare.form(what, expected, actual)
        if problem:
            return np.inf, np.inf, problem
        dtype = self.precision(name)
        allowed = bound(dtype, what, self.tolerance)
        step = STEPS.get(name_of(dtype))
        in_ulp = allowed.rtol / step.eps if step else 1.0
        share = compare.shares(expected, actual, allowed) if step else np.nan
        if share <= 1:
            return share, share * in_ulp, None
        share, bad = compare.judge(expected, actual, allowed)
        if share <= 1:
            return share, share * in_ulp, None
        strict, exact, extra = share, self.exact().get(name), None
        self.lenient = True
        for extra in self.allowances(name):
            share, bad = compare.judge(expected, actual, allowed, extra, exact)
            if share <= 1:
                return share, strict * in_ulp, None
        problem = compare.describe(what, expected, actual, bad, allowed, extra, exact)
        problem.lead(diagnose(what, expected, actual, lambda: self.under_ones(name)))
        return share, strict * in_ulp, problem

    def identity(self, name: str, left: Array, right: Array, text: str) -> Mismatch | None:
        """A mismatch between two forms of one function, each of which may be off by its own rounding."""
        what = titled(name)
        right = np.asarray(right, left.dtype)
        problem = compare.form(what, left, right)
        own = bound(left.dtype, what, self.tolerance)
        allowed = Bound(4 * own.rtol, 4 * own.atol)
        if problem is None:
            share, bad = compare.judge(left, right, allowed)
            if share <= 1:
                return None
            extra = None
            for allowance in self.allowances(name):
                extra = 4 * allowance
                share, bad = compare.judge(left, right, allowed, extra)
                if share <= 1:
                    return None
            problem = compare.describe(what, left, right, bad, allowed, extra, None)
            problem.sentence = problem.sentence.replace("torch has", "the loss itself has")
        problem.sentence = f"{text}: {problem.sentence}"
        return problem

    def exact(self) -> truth.Answers:
        """The answers in a wider dtype; empty where torch refuses that."""
        if self._exact is None:
            self._exact = truth.exact(self.loss, self.reference, self.fresh(), self.grad_output) or {}
        return self._exact

    def own_error(self, name: str) -> Array | None:
        """Twice torch's own distance from its float64 answer, below float64."""
        value = self._expected(name)
        exact = self.exact().get(name)
        if exact is None or exact.shape != value.shape or name_of(self.precision(name)) in ("float64", "complex128"):
            return None
        with np.errstate(all="ignore"):
            error = 2 * np.abs(exact - value.astype(exact.dtype))
        return np.where(np.isfinite(error), error, 0.0)

    def allowances(self, name: str) -> Iterator[Array]:
        """What the draw itself allows an answer, each wider than the one before, and costlier to measure.

        Torch's own error; with it the condition of the point; with both the roundings inside the loss.
        """
        own = self.own_error(name)
        if own is not None:
            yield own
        if self._condition is None:
            self._condition = truth.condition(self.reference, self.fresh(), self.grad_output, self._steps())
        total = np.asarray(self._condition.get(name, 0.0) + (0.0 if own is None else own))
        yield total
        if self._rounding is None:
            self._rounding = truth.rounding(self.reference, self.fresh(), self.grad_output, self._steps())
        yield np.asarray(total + self._rounding.get(name, 0.0))

    def under_ones(self, name: str) -> Array | None:
        """Torch's gradient for a grad_output of ones."""
        output, vjp = self.reference(**self.fresh())
        return vjp(np.ones_like(output)).get(name)

    def precision(self, name: str) -> DType:
        """The dtype whose step an answer is judged by: a gradient comes through the output's, if that is coarser."""
        own, outer = self._expected(name).dtype, self.output.dtype
        if own == outer:
            return own
        steps = [STEPS.get(name_of(dtype)) for dtype in (own, outer)]
        return outer if steps[0] and steps[1] and steps[1].eps > steps[0].eps else own

    def _steps(self) -> dict[str, str]:
        """The dtype that each answer is judged by, of those that have a step."""
        dtypes = {answer: name_of(self.precision(answer)) for answer in ("output", *self.gradients)}
        return {answer: dtype for answer, dtype in dtypes.items() if dtype in STEPS}

    def _expected(self, name: str) -> Array:
        return self.output if name == "output" else self.gradients[name]


def titled(name: str) -> str:
    """'output', or 'gradient of' the argument."""
    return name if name == "output" else f"gradient of {name}"

"""What a draw allows each answer beyond its dtype's bound: torch's own error, there and nearby, and the condition."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice, tee
from typing import Any

import numpy as np

from parity.cases.schema import Tolerance
from parity.comparison import compare, glance, truth
from parity.comparison.call import Answer, Call
from parity.comparison.tolerance import Bound, bound
from parity.dtypes import FLOATING, Row, row_of
from parity.types import Array, DType

# An error of so many steps of the dtype at the scale of the largest number of the call, and of so many times what the
# draw's own condition allows, is no rounding: of 120,000 draws of right losses none that neighbours excuse had more
# than 0.6 of such steps. Neighbours take 36 calls: they are not asked then, nor beside another answer so wrong.
STEPS, TIMES = 16.0, 8.0
# So many times as far off, what one rounding of the inputs moves the answer by is not asked for either, once other
# draws have shown the loss to be wrong: beside an exact answer a condition may add no more than torch's own error does.
FARTHER = 16.0
# What a gradient that is exactly 0 may be missed by, in eps of the largest upstream number: four roundings of its
# terms, which cancel; those of halves are computed in float32. Torch's own may hit 0 by luck, at all neighbours too: of
# 518,000 draws one softmax of 65,539 rows was accused for 3.5e-8 in two numbers. What computes the exact answer rounds
# it too: a hundredth of an eps is a 0. A small number that torch has digits of is none: the slope of a sigmoid at -25
# is 1e-11, and terms that cancel leave torch no digit of what is left.
CANCELLED, ZERO, DIGITS = 4.0, 0.01, 1e-3
# What a condition may add, as a multiple of torch's own error there and nearby: where the exact answer is known, and
# torch is near it, nobody else need be far from it.
CAPPED = 2.0
# Of millions of numbers so many probes are asked: the second shrinks what the first left alone.
PAIR = 2


class Allowances:
    """What each value of the reference's answer to one call may be missed by, measured only when asked for."""

    def __init__(self, call: Call, answer: Answer, tolerance: Tolerance | None) -> None:
        self.call, self.answer, self.tolerance = call, answer, tolerance
        self._exact: truth.Values | None = None
        self._own: dict[str, Array | None] = {}
        self._wrong = False
        # made late: they hold this object, which would then outlive its draw
        self._measured: tuple[Iterator[truth.Values], ...] | None = None

    def exact(self) -> truth.Values:
        """The answers in a wider dtype; empty where torch refuses that."""
        if self._exact is None:
            self._exact = truth.exact(self.call)
        return self._exact

    @cached_property
    def _extended(self) -> truth.Values:
        """The answers of our own loss in extended precision, where a double stands among singles."""
        return truth.extended(self.call)

    @cached_property
    def _scale(self) -> float:
        return truth.scale_of(self.call.arguments) * float(truth.largest(self.call.grad_output))

    def own_error(self, name: str) -> Array | None:
        """Twice torch's own distance from the exact answer, there or elsewhere; none where that is not known."""
        if name not in self._own:
            self._own[name] = self._own_error(name)
        return self._own[name]

    def _own_error(self, name: str) -> Array | None:
        value, exact = self.answer.value(name), self.exact().get(name)
        if exact is None or exact.shape != value.shape:
            return None
        error = 2 * np.abs(exact - value.astype(exact.dtype))
        error = truth.believed(error, value, self._scale) if self.is_double() else truth.finite(error)
        wider = None if self.more_exact(name) else self._extended.get(name)
        if wider is not None and wider.shape == value.shape:  # what rounds no number to a single has an error too
            error = np.maximum(error, truth.believed(2 * np.abs(wider - value), value, self._scale))
        if self.is_half():
            return error
        return error + truth.elsewhere(error, exact, bound(self.precision(name), name).atol)

    def steps(self, name: str, excuses: Callable[[Array], bool] | None = None) -> Iterator[Array]:
        """What the draw itself allows an answer, each wider than the one before.

        Torch's own error; with it that at neighbours; then the condition of the point, and of its sums, as far as
        torch's own error is of their size, and unless the most that they may add excuses nothing. Whole numbers and
        booleans are not rounded.
        """
        if self.answer.value(name).dtype.kind in "biu":
            return
        own = self.own_error(name)
        if own is not None:
            yield own
        total: Any = 0.0 if own is None else own
        near, probes, sums = self.measurements()
        large = own is not None and self._is_large()
        if large:  # neighbours would call torch on millions of numbers, some forty times
            near, probes, sums = iter(()), islice(probes, PAIR), iter(())
        widest: Any = 0.0
        for measurement in near:
            if name in measurement:
                widest = np.maximum(widest, measurement[name])
                yield np.asarray(total + widest)
        total = total + widest
        exact = self.exact().get(name)
        if exact is not None:
            terms = self.answer.value(name) if large else self.call.grad_output
            total = total + (self.reordered(exact) if name == "output" else self.cancelled(name, exact, terms))
            yield np.asarray(total)
        most: Any = np.inf
        if own is not None and self.more_exact(name):
            most = CAPPED * (total + self._table(name))
            if excuses is not None and not excuses(np.asarray(total + 2 * most)):
                return
        for measurements in (probes, sums):
            widest = 0.0
            for measurement in measurements:
                if name in measurement:
                    widest = np.maximum(widest, measurement[name])
                    yield np.asarray(total + np.minimum(widest, most))
            total = total + np.minimum(widest, most)

    def more_exact(self, name: str) -> bool:
        """Whether the exact answer has more digits than torch's: of a double among singles it is torch's own."""
        row = row_of(self.precision(name))
        return self.is_double() or row is None or not row.double

    def reordered(self, exact: Array) -> Array:
        """What an output that is a sum may be missed by for another order of it; halves are summed in float32."""
        row = FLOATING["float32"] if self.is_half() else row_of(self.precision("output"))
        return np.zeros(exact.shape) if row is None else truth.reordered(self.call, exact, row)

    def cancelled(self, name: str, exact: Array, terms: Array) -> Array:
        """What a gradient may be missed by where it is exactly 0, or what roundings of `terms` that cancel leave.

        Those are as large as the upstream gradient, or, in an array of millions, as its largest number.
        """
        value, own = self.answer.value(name), row_of(self.precision(name))
        row = FLOATING["float32"] if self.is_half() else own
        if own is None or row is None or value.shape != exact.shape:
            return np.zeros(exact.shape)
        step, size = row.eps * truth.largest(terms), np.abs(exact)
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(value.astype(exact.dtype) - exact)
            known = (size > 0) & (not self._as_wide()) & (apart <= max(DIGITS, 8 * own.eps) * size + 8 * own.smallest)
        return np.where((size <= ZERO * step) & ~known, CANCELLED * step, 0.0)

    def _as_wide(self) -> bool:
        """Whether torch computes in float64, and the exact answer does no more: both have the same rounding for a 0."""
        output = row_of(self.answer.output.dtype)
        asked = "float64" in str(self.call.arguments.get("options"))
        return not self.is_double() and (asked or (output is not None and output.double))

    def hopeless(self, name: str, actual: Array, allowed: Bound, known: bool = False) -> bool:
        """Whether neighbours, which take many calls, need not be asked: the answer, or another, is far beyond them.

        `known` says that other draws have shown the loss to be wrong.
        """
        if self._is_large():
            return False
        own, expected = self.own_error(name), self.answer.value(name)
        share = compare.judge(expected, actual, allowed, own)[1]
        if not self._wrong and not self._beyond(name, actual, share):
            return False  # nor is it with the condition, which only adds to what is allowed
        if known and own is not None and self.more_exact(name) and self._beyond(name, actual, share, FARTHER):
            self._wrong = True
            return True
        widest: Any = 0.0
        for measurement in self.measurements()[1]:
            widest = np.maximum(widest, measurement.get(name, 0.0))
        extra = np.asarray(widest if own is None else own + widest)
        share = compare.judge(expected, actual, allowed, extra)[1]
        self._wrong = self._wrong or self._beyond(name, actual, share)
        return self._wrong and bool((share > 1).any())

    def _is_large(self) -> bool:
        return any(value.size > glance.MOST for value in self.answer.values.values())

    def _beyond(self, name: str, actual: Array, share: Array, farther: float = 1.0) -> bool:
        """Whether some number is off by far more than a rounding can be, the condition of the point counted in."""
        row = row_of(self.precision(name))
        if row is None or not (share > TIMES * farther).any():
            return False
        expected = self.answer.value(name)
        arrays = (value for value in self.call.arguments.values() if isinstance(value, np.ndarray))
        # of singles beside doubles torch takes the logarithm in single precision
        eps = max([row.eps, *(found.eps for value in arrays if (found := row_of(value.dtype)))])
        scale = truth.scale_of(self.call.arguments) if name == "output" else self._scale
        scale = max(scale, float(truth.largest(expected)))
        wide = np.complex128 if expected.dtype.kind == "c" else np.float64
        far = np.abs(actual.astype(wide) - expected.astype(wide)) > farther * STEPS * eps * scale
        return bool((far & (share > TIMES * farther)).any())

    def measurements(self) -> tuple[Iterator[truth.Values], ...]:
        """Those of neighbours, of the condition and of its sums, each made once and only when asked for."""
        if self._measured is None:
            self._measured = (self.nearby(), self._probes(), self._sums())
        measured, self._measured = zip(*map(tee, self._measured), strict=True)
        return measured

    def _table(self, name: str) -> Array:
        """The bound by dtype alone, an element each."""
        return compare.allowance(self.answer.value(name), bound(self.precision(name), name, self.tolerance), None)

    def _probes(self) -> Iterator[truth.Values]:
        yield from truth.probes(self.call, self._base(), self.rows())

    def nearby(self) -> Iterator[truth.Values]:
        """Torch's own error at neighbours of the draw, times its factor."""
        yield from truth.neighbours(self.call, self._base(), self.rows())

    def _base(self) -> truth.Values:
        """The answers in float64."""
        return self.answer.values if self.is_double() else self.exact()

    def _sums(self) -> Iterator[truth.Values]:
        yield truth.sums(self.call, self.rows())

    def precision(self, name: str) -> DType:
        """The dtype whose step an answer is judged by: a gradient comes through the output's, if that is coarser."""
        own, outer = self.answer.value(name).dtype, self.answer.output.dtype
        if own == outer:
            return own
        inside, outside = row_of(own), row_of(outer)
        return outer if inside and outside and outside.eps > inside.eps else own

    def is_half(self) -> bool:
        """Whether numbers come in half precision: there a few roundings more (a sum kept in halves) are a bug."""
        return truth.has_half(self.call.arguments)

    def is_double(self) -> bool:
        return truth.is_double(self.call.arguments, self.call.grad_output)

    def rows(self) -> dict[str, Row]:
        """The dtype that each answer is judged by, if it is a floating one."""
        rows = {name: row_of(self.precision(name)) for name in self.answer.values}
        return {name: row for name, row in rows.items() if row}

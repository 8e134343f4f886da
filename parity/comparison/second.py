"""Second derivatives: the gradient of <gradients, random directions> by every argument and by grad_output."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from parity.cases.schema import Tolerance
from parity.comparison import compare
from parity.comparison.diagnosis import diagnose
from parity.comparison.tolerance import Bound, bound
from parity.dtypes import FLOATING, name_of
from parity.records.mismatch import About, Kind, Mismatch, Subject
from parity.types import Array, DType, Gradients, NotOffered
from parity.wording import OUT_OF_MEMORY, in_words, message

DTYPES = ("float32", "float64")
FACTOR = 64


def directions(gradients: Gradients, rng: np.random.Generator) -> Gradients:
    """A random direction for each gradient."""
    return {name: rng.standard_normal(g.shape).astype(g.dtype) for name, g in gradients.items()}


def second_derivatives(
    vjp: Any, reference_vjp: Any, grad_output: Array, along: Gradients, tolerance: Tolerance | None,
    exact: Callable[[], Gradients],
) -> Iterator[Mismatch]:  # fmt: skip
    """Mismatches of the second derivatives, where torch has them.

    They carry the rounding of two passes, so they get `FACTOR` times the gradients' bound, at the scale of
    the largest element, and as many eps at the scale of the largest of all: terms of that size may have
    cancelled. The coarsest dtype counts. No entry means zero, as autograd has it. What still is too far may be
    so by torch's own distance from its float64 answers, which are asked only then.
    """
    if name_of(grad_output.dtype) not in DTYPES or not along:
        return
    try:
        expected = reference_vjp.second(grad_output, along)
    except RuntimeError as error:
        if OUT_OF_MEMORY.search(message(error)):
            raise
        return
    try:
        actual = vjp.second(grad_output, along)
    except (NotOffered, KeyboardInterrupt):
        raise
    except BaseException as error:
        yield Mismatch(Subject.SECOND, Kind.RAISES, figures={"error": in_words(error)})
        return
    coarsest = max((value.dtype for value in (grad_output, *along.values())), key=_eps)
    rtol = FACTOR * bound(coarsest, "gradient", tolerance).rtol
    noise = FACTOR * _eps(coarsest) * max(map(_scale, expected.values()), default=0.0)
    for name in (expected.keys() | actual.keys()) & {"grad_output", *along}:  # what is lacking is not compared
        value = expected[name] if name in expected else np.zeros_like(actual[name])
        found = actual[name] if name in actual else np.zeros_like(value)
        answer = About(Subject.SECOND, name)
        problem = compare.form(answer, value, found)
        if problem is None:
            allowed = Bound(rtol, rtol * _scale(value) + noise + FLOATING[name_of(value.dtype)].tiny)
            worst, share = compare.judge(value, found, allowed)
            if worst <= 1:
                continue
            truth = exact().get(name)
            extra = None if truth is None else 2 * np.abs(truth - value)
            worst, share = compare.judge(value, found, allowed, extra, truth)
            if worst <= 1:
                continue
            problem = compare.describe(answer, value, found, share, compare.allowance(value, allowed, extra), truth)
            problem.diagnosis = diagnose("output", value, found, lambda: None)
        yield problem


def _scale(values: Array) -> float:
    """The largest of the finite magnitudes."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _eps(dtype: DType) -> float:
    return FLOATING[name_of(dtype)].eps

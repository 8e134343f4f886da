"""Second derivatives: the gradient of <gradients, random directions> by every argument and by grad_output."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from parity.comparison import compare, truth
from parity.comparison.call import Call
from parity.comparison.diagnosis import diagnose
from parity.comparison.expectation import Expectation
from parity.comparison.tolerance import Bound, bound
from parity.dtypes import FLOATING, name_of
from parity.records.mismatch import About, Kind, Mismatch, Subject
from parity.types import Array, DType, Gradients, NotOffered
from parity.wording import OUT_OF_MEMORY, in_words, message

DTYPES = ("float32", "float64")
FACTOR = 64
# Of a central difference, and what each side counts: in extended precision its cut, of the fourth order, and its
# roundings are some 1e-14 of a slope.
STEP = 1e-4
SIDES = {1: 2 / 3, -1: -2 / 3, 2: -1 / 12, -2: 1 / 12}


def directions(gradients: Gradients, rng: np.random.Generator) -> Gradients:
    """A random direction for each gradient."""
    return {name: rng.standard_normal(g.shape).astype(g.dtype) for name, g in gradients.items()}


def second_derivatives(vjp: Any, upstream: Array, expected: Expectation, along: Gradients) -> Iterator[Mismatch]:
    """Mismatches of the second derivatives, where torch has them; `upstream` is the grad_output that the loss is given.

    They carry the rounding of two passes, so they get `FACTOR` times the gradients' bound, at the scale of
    the largest element, and as many eps at the scale of the largest of all: terms of that size may have
    cancelled. The coarsest dtype counts. No entry means zero, as autograd has it. What still is too far may be
    so by torch's own distance from its float64 answers, which are asked only then; and it may be right where torch
    in float64 is not either, far in a tail.
    """
    grad_output = expected.call.grad_output
    if name_of(grad_output.dtype) not in DTYPES or not along:
        return
    try:
        wanted = expected.answer.vjp.second(grad_output, along)
    except RuntimeError as error:
        if OUT_OF_MEMORY.search(message(error)):
            raise
        return
    try:
        actual = vjp.second(upstream, along)
    except (NotOffered, KeyboardInterrupt):
        raise
    except BaseException as error:
        yield Mismatch(Subject.SECOND, Kind.RAISES, figures={"error": in_words(error)})
        return
    if "grad_output" in actual and (upstream.dtype, upstream.shape) != (grad_output.dtype, grad_output.shape):
        actual["grad_output"] = np.asarray(actual["grad_output"].reshape(grad_output.shape), grad_output.dtype)
    coarsest = max((value.dtype for value in (grad_output, *along.values())), key=_eps)
    rtol = FACTOR * bound(coarsest, "gradient", expected.tolerance).rtol
    noise = FACTOR * _eps(coarsest) * max(map(_scale, wanted.values()), default=0.0)
    exact: Gradients | None = None
    slopes: Gradients | None = None
    for name in (wanted.keys() | actual.keys()) & {"grad_output", *along}:  # what is lacking is not compared
        value = wanted[name] if name in wanted else np.zeros_like(actual[name])
        found = actual[name] if name in actual else np.zeros_like(value)
        if _of_nothing(expected.call.arguments) and found.shape == value.shape:
            value = np.where(np.isnan(value) & (found == 0), found, value).astype(value.dtype)
        answer = About(Subject.SECOND, name)
        problem = compare.form(answer, value, found)
        if problem is None:
            row = FLOATING[name_of(value.dtype)]
            own_rtol, own_atol = expected.widest(row.name, answer.what)
            wide = max(rtol, own_rtol)
            allowed = Bound(wide, max(wide * _scale(value) + noise + row.tiny, own_atol))
            worst, share = compare.judge(value, found, allowed)
            if worst <= 1:
                continue
            exact = in_float64(expected.call, along) if exact is None else exact
            true = exact.get(name)
            extra = None if true is None else 2 * np.abs(true - value)
            worst, share = compare.judge(value, found, allowed, extra, true)
            if worst <= 1:
                continue
            slopes = in_extended(expected.call, along) if slopes is None else slopes
            slope = slopes.get(name)
            right = slope is not None and compare.is_right(found, slope, value, share, allowed)
            true = slope if right else true
            problem = compare.describe(answer, value, found, share, compare.allowance(value, allowed, extra), true)
            problem.figures["right"] = right
            problem.diagnosis = diagnose("output", value, found, lambda: None)
        yield problem


def in_float64(call: Call, along: Gradients) -> Gradients:
    """Torch's second derivatives in float64; none where it refuses them."""
    wide = truth.widened({**call.arguments, "grad_output": call.grad_output}, "float64")
    upstream = wide.pop("grad_output")
    try:
        vjp: Any = call.function(**wide)[1]
        found: Gradients = vjp.second(upstream, truth.widened(along, "float64"))
    except Exception:
        return {}
    return found


def in_extended(call: Call, along: Gradients) -> Gradients:
    """The second derivatives as a difference of our own loss in extended precision; none where it has no answer.

    The gradients are those of one function of the arguments and grad_output, its Hessian is symmetric: the gradient of
    <gradients, along> is how far the gradients, and for grad_output the output, move along it.
    """
    wide = truth.widened(call.arguments, "longdouble")
    sides = []
    for side, share in SIDES.items():
        moved = {name: wide[name] + side * STEP * direction for name, direction in along.items()}
        sides.append((share / STEP, truth.extended(replace(call, arguments=wide | moved))))
    names = set.intersection(*(set(answers) for _, answers in sides))
    return {
        "grad_output" if name == "output" else name: np.asarray(sum(share * answers[name] for share, answers in sides))
        for name in names
    }


def _of_nothing(arguments: Mapping[str, Any]) -> bool:
    """Whether a call is about no element: a sum of none is 0, and nan if its divisor of 0 is applied after it."""
    return any(isinstance(value, np.ndarray) and not value.size for value in arguments.values())


def _scale(values: Array) -> float:
    """The largest of the finite magnitudes."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _eps(dtype: DType) -> float:
    return FLOATING[name_of(dtype)].eps

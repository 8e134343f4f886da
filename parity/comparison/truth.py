"""What a draw allows by its own nature: its condition, torch's own rounding, and the exact answer for blame."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from parity.comparison.call import Call
from parity.draws.draw import generator
from parity.dtypes import FLOATING, HALVES, Row, is_floating, row_of
from parity.frameworks.numpy import option
from parity.losses.arguments import unbroadcast
from parity.types import Array

Values = dict[str, Array]
# An even number: the second of each pair shrinks what the first left alone, so that no number is spared.
PROBES = 4
# What a condition, or a sum of terms that cancel, is taken times.
FACTOR = 16.0
# A half is computed wide, and rounded at the end or once on the way.
HALF_FACTOR = 4.0
# What torch's own error at a neighbour is taken times.
NEAR_FACTOR = 16.0
HALF_NEAR_FACTOR = 2.0
# Relative distances of the neighbours: near enough to be alike, far enough to round differently. That of halves is
# larger than their step.
NEARBY = 3 * (0.05, 1e-3, 1e-6)
HALF_NEARBY = 6 * (0.03,)
# Of a neighbour whose answer is more times as large as here only as much counts as of one so many times as large: the
# loss of logits around 10,000 is 1 here, and 300 where they are moved by a twentieth. All counts of the nearest ones:
# an answer that is 0 since its terms cancel is small by itself.
LARGER = 4.0
# What is taken for a float64 rounding, as a share of an array's largest number: a constant in float32 is off by more.
ROUNDING = 1e-10
# Where longdouble is a float64, as on Windows and on macOS on arm, nothing is known to be more exact than a double.
EXTENDED = bool(np.finfo(np.longdouble).eps < np.finfo(np.float64).eps)
_COMPLEX: dict[str, Any] = {"float32": np.complex64, "float64": np.complex128, "longdouble": np.clongdouble}


def ask(loss: Callable[..., Any], arguments: Mapping[str, Any], grad_output: Array) -> Values:
    """The output and every gradient of one call, by 'output' and argument name; none of what is refused."""
    try:
        output, vjp = loss(**arguments)
    except Exception:
        return {}
    try:
        return {"output": output, **vjp(grad_output.astype(output.dtype, copy=False))}
    except Exception:
        return {"output": output}


def widened(arguments: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """The arguments with every floating array (and a dtype option) in `dtype`."""
    return {name: _wide(name, value, dtype) for name, value in arguments.items()}


def _wide(name: str, value: Any, dtype: str) -> Any:
    if isinstance(value, np.ndarray) and is_floating(value):
        if value.dtype.kind == "c":
            return value.astype(_COMPLEX[dtype])
        return value.astype(dtype)
    if name == "options" and isinstance(value, Mapping):
        return {field: inner for field, inner in value.items() if field != "acc_dtype"}
    return dtype if name == "dtype" and value is not None else value


def is_double(arguments: Mapping[str, Any], grad_output: Array) -> bool:
    """Whether every number is of double precision, so that torch cannot be asked in a wider dtype."""
    arrays = [value for value in arguments.values() if isinstance(value, np.ndarray)]
    return all((row := row_of(array.dtype)) is None or row.double for array in (grad_output, *arrays))


def exact(call: Call) -> Values:
    """The values in a wider dtype: the reference's own in float64, or of torch's losses ours in extended precision."""
    if not is_double(call.arguments, call.grad_output):
        return ask(call.function, widened(call.arguments, "float64"), call.grad_output)
    return extended(call)


def extended(call: Call) -> Values:
    """The values of our own loss in extended precision; none where there is no such loss, or no such precision."""
    if not EXTENDED or call.extended is None:
        return {}
    wide = {name: option(name, value) for name, value in widened(call.arguments, "longdouble").items()}
    return ask(call.extended, wide, call.grad_output)


def rounding(loss: Callable[..., Any], arguments: Mapping[str, Any], grad_output: Array) -> Values:
    """The largest distance of each answer from the same in float64; a double's from its float32 answer, scaled."""
    scale = 1.0
    if is_double(arguments, grad_output):
        single = widened({**arguments, "grad_output": grad_output}, "float32")
        grad_output, arguments = single.pop("grad_output"), single
        scale = FLOATING["float64"].eps / FLOATING["float32"].eps
    narrow = ask(loss, arguments, grad_output)
    exact = ask(loss, widened(arguments, "float64"), grad_output)
    return {name: largest(narrow[name] - exact[name]) * scale for name in narrow.keys() & exact.keys()}


def probes(call: Call, base: Values, rows: Mapping[str, Row]) -> Iterator[Values]:
    """What one rounding of the inputs may move each answer by, times its factor: a measurement a probe.

    Each probe shrinks a random half of the numbers of every floating array and of grad_output a little (so
    that probabilities, variances and masks stay what they are) and watches torch's float64 answers move away
    from `base`. `rows` gives each answer's dtype.
    """
    wide = widened({**call.arguments, "grad_output": call.grad_output}, "float64")
    rounded = {name for name, value in wide.items() if _is_rounded(value)}
    upstream = row_of(call.grad_output.dtype)
    shrink = upstream.probe if upstream else FLOATING["float32"].probe
    for probe in range(PROBES):
        rng, other = generator(f"probe {probe // 2}"), probe % 2 == 1
        nudged = {name: _nudged(wide[name], rng, other, shrink) if name in rounded else wide[name] for name in wide}
        found = ask(call.function, nudged, nudged.pop("grad_output"))
        yield {
            name: finite(np.abs(found[name] - base[name]) * (_margin(row) / shrink))
            for name, row in rows.items() if name in found and name in base
        }  # fmt: skip


def neighbours(call: Call, base: Values, rows: Mapping[str, Row]) -> Iterator[Values]:
    """Torch's own error near this draw, times its factor, there and elsewhere in the array: a measurement a neighbour.

    Where terms cancel (the slope of a softmax with one likely class is a difference of numbers near 1), torch's
    answer at one point may be exact by luck. So torch's answers, in the call's own dtypes, are held against the
    exact answers to the same numbers at a few neighbours, half of them with other signs of grad_output. Of doubles
    without a more exact answer those in float32 are, and scaled to each answer's eps. `base`, `rows` as in `probes`.
    """
    double = is_double(call.arguments, call.grad_output)
    single = double and call.extended is None
    start = {**call.arguments, "grad_output": call.grad_output}
    start = widened(start, "float32") if single else start
    distances = HALF_NEARBY if has_half(start) else NEARBY
    for number, distance in enumerate(distances):
        rng = generator(f"neighbour {number}")
        nearby = {name: neighbour(value, rng, distance) for name, value in start.items()}
        upstream = nearby.pop("grad_output")
        if number % 2:
            upstream = np.where(rng.random(upstream.shape) < 0.5, upstream, -upstream)
        found = ask(call.function, nearby, upstream)
        scale = scale_of(nearby) * float(largest(upstream)) if double else 0.0
        wide = exact(replace(call, arguments=nearby, grad_output=upstream))
        measured: Values = {}
        for name, row in rows.items():
            if name in found and name in wide and found[name].shape == wide[name].shape:
                error = np.abs(wide[name] - found[name].astype(wide[name].dtype))
                error = believed(error, found[name], scale) if double and not single else finite(error)
                error = error * (row.eps / FLOATING["float32"].eps if single else 1.0)
                error = error + elsewhere(error, wide[name], 8 * row.smallest)
                if distance > min(distances) and name in base:
                    error = error * _alike(base[name], wide[name])
                measured[name] = error * (HALF_NEAR_FACTOR if row.half else NEAR_FACTOR)
        yield measured


def sums(call: Call, rows: Mapping[str, Row]) -> Values:
    """The dtype's eps at the scale of the sum that the gradient of a broadcast argument is, times its factor.

    Terms of one size and either sign may cancel to nothing in one order and not in another, and no probe tells
    them apart. So each such argument is given to torch at its full shape, where every term is an element.
    """
    wide = widened(call.arguments, "float64")
    arrays = {name: value for name, value in wide.items() if isinstance(value, np.ndarray)}
    try:
        shape = np.broadcast_shapes(*(value.shape for value in arrays.values()))
    except ValueError:
        return {}
    found: Values = {}
    for name in rows.keys() & arrays.keys():
        value = arrays[name]
        if value.shape != shape:
            whole = {**wide, name: np.broadcast_to(value, shape).copy()}
            terms = ask(call.function, whole, call.grad_output).get(name)
            if terms is not None:
                found[name] = finite(_margin(rows[name]) * unbroadcast(np.abs(terms), value.shape))
    return found


def reordered(call: Call, exact: Array, row: Row) -> Array:
    """What another order of the sum that an output is may move it by: half an eps at the scale of its terms.

    Where they cancel, torch's own order may be exact by its shape, at all neighbours too: -0.02 + 0.59 - 0.63 + 0.06.
    """
    asked = call.arguments.get("reduction", "mean")
    if exact.ndim or "reduction" not in call.signature.names or asked not in ("mean", "sum"):
        return np.zeros(exact.shape)
    try:
        terms = call.function(**widened(call.arguments, "float64") | {"reduction": "none"})[0]
    except Exception:
        return np.zeros(exact.shape)
    total = np.abs(np.add.reduce(terms, None))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.abs(exact) / total  # 1 of a sum, and 1 / n of a mean
        return finite(np.asarray(row.eps / 2 * np.add.reduce(np.abs(terms), None) * share))


def believed(error: Array, value: Array, scale: float) -> Array:
    """The error where it can be a rounding: extended precision is our own loss's answer, which may be wrong.

    Where all terms of an array cancel its numbers are far below what was rounded, an eps of the `scale` of the call.
    """
    return np.where(error <= max(ROUNDING * float(largest(value)), FLOATING["float64"].eps * scale), error, 0.0)


def scale_of(arguments: Mapping[str, Any]) -> float:
    """The largest number of a call, and 1 if there is none larger."""
    numbers = (value for value in arguments.values() if isinstance(value, np.ndarray) and is_floating(value))
    return max([1.0, *(float(largest(value)) for value in numbers)])


def elsewhere(error: Array, exact: Array, least: float) -> Array:
    """The largest error in the array, but no more of each answer than the largest relative error.

    Numbers of one array are rounded alike, and torch may hit one of them by luck. An error up to `least` is a step
    between subnormals, however large beside one of them, and tells nothing of other numbers.
    """
    size = np.abs(finite(exact))
    above = np.where(error > least, error, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        relative = largest(above / size)
        return np.asarray(np.minimum(largest(error), relative * size))


def finite(error: Array) -> Array:
    """The error where it is a number, else 0."""
    known = np.isfinite(error)
    return error if known.all() else np.where(known, error, 0)


def largest(values: Array) -> Array:
    """The largest size among the numbers that are finite, as a 0-d array; 0 if there is none."""
    found = np.asarray(np.abs(values).max(initial=0.0))
    return found if np.isfinite(found) else np.asarray(np.abs(finite(values)).max(initial=0.0))


def _margin(row: Row) -> float:
    """The dtype's eps times its factor."""
    return row.eps * (HALF_FACTOR if row.half else FACTOR)


def neighbour(value: Any, rng: np.random.Generator, distance: float) -> Any:
    """An argument with its numbers up to so much, relatively, nearer to 0."""
    if not _is_rounded(value):
        return value
    return np.asarray(value * (1 - distance * rng.random(value.shape)), value.dtype)


def _nudged(value: Array, rng: np.random.Generator, other: bool, shrink: float) -> Array:
    if value.dtype.kind == "c":
        nudged = value.copy()
        nudged.real, nudged.imag = (_nudged(part, rng, other, shrink) for part in (value.real, value.imag))
        return nudged
    return np.asarray(value * (1 - shrink * ((rng.random(value.shape) < 0.5) != other)))


def _alike(here: Array, there: Array) -> float:
    """How much of an error there counts here, by the sizes of the two answers."""
    size = float(largest(there))
    return min(1.0, LARGER * float(largest(here)) / size) if size else 1.0


def has_half(arguments: Mapping[str, Any]) -> bool:
    """Whether some numbers come in half precision."""
    return any(isinstance(value, np.ndarray) and value.dtype in HALVES for value in arguments.values())


def _is_rounded(value: Any) -> bool:
    """Whether an argument is an array of numbers that may carry a rounding: 0, 1 and -1 alone are labels, and exact."""
    return isinstance(value, np.ndarray) and is_floating(value) and not np.isin(value, (-1, 0, 1)).all()

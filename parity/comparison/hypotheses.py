"""Other answers that a wrong one may be: the reference's to a changed call, and what is computed from the arguments.

The reference is asked only for a draw that has failed, each changed call once.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from parity.comparison.call import Call
from parity.comparison.truth import Values, ask, is_double, widened
from parity.dtypes import HALVES, is_floating, name_of, row_of
from parity.references.torch import TORCH
from parity.types import Array

# What people clip probabilities to, or add inside a logarithm.
EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
# Beyond so many elements an answer is not asked for: the smaller points of the same cause tell the same.
LARGEST = 1 << 18
# A sum in half precision has saturated if it misses so much of itself.
STOPPED = 0.05


def hypotheses(call: Call) -> Iterator[tuple[str, Values]]:
    """Each hypothesis in words, as a predicate, and the answers that it would give."""
    if max((value.size for value in call.arguments.values() if isinstance(value, np.ndarray)), default=0) > LARGEST:
        return
    for text, arguments in _changed(call):
        yield f"is {{reference}}'s as if {text}", ask(call.function, arguments, _upstream(call, arguments))
    yield from _exchanged(call)
    yield from _transposed(call)
    yield from _other_dimension(call)
    yield from _kept_in_halves(call)
    yield from _arguments(call)


def _upstream(call: Call, arguments: Mapping[str, Any]) -> Array:
    """The upstream gradient; one of the right shape if the changed call has another output."""
    given: Array = call.grad_output
    wanted = arguments.get("reduction")
    if wanted is None or wanted == call.arguments.get("reduction"):
        return given
    try:
        output: Array = call.function(**arguments)[0]
    except Exception:
        return given
    return given if output.shape == given.shape else np.ones_like(output)


def _changed(call: Call) -> Iterator[tuple[str, dict[str, Any]]]:
    """The call with one argument left out, another reduction, an argument used twice, another dtype."""
    arguments, signature = call.arguments, call.signature
    for name, default in signature.defaults.items():
        value = arguments.get(name)
        if name != "reduction" and (isinstance(value, np.ndarray) or (value is not None and value != default)):
            yield f"{name} were absent", {word: given for word, given in arguments.items() if word != name}
    plain = {word: given for word, given in arguments.items() if word not in ("size_average", "reduce")}
    if signature.takes("reduction"):
        own = arguments.get("reduction", "mean")
        for reduction in ("mean", "sum", "none"):
            if reduction != own or len(plain) < len(arguments):
                yield f"reduction were {reduction}", {**plain, "reduction": reduction}
    for name in ("weight", "pos_weight"):
        value = arguments.get(name)
        if isinstance(value, np.ndarray):
            yield f"{name} were applied twice", {**arguments, name: np.asarray(value * value, value.dtype)}
    scores = arguments.get("input")
    if call.signature.loss == "binary_cross_entropy" and isinstance(scores, np.ndarray) and is_floating(scores):
        for eps in EPSILONS:
            clipped = np.clip(scores, scores.dtype.type(eps), scores.dtype.type(1 - eps))
            yield f"input were clipped to [{eps:g}, 1 - {eps:g}]", {**arguments, "input": clipped}
    if is_double(arguments, call.grad_output):
        yield "it were computed in float32", widened(arguments, "float32")


def _exchanged(call: Call) -> Iterator[tuple[str, Values]]:
    """Two arrays of one shape that change their places."""
    arguments = call.arguments
    arrays = [name for name, value in arguments.items() if isinstance(value, np.ndarray)]
    for one, other in combinations(arrays, 2):
        left, right = arguments[one], arguments[other]
        if left.shape == right.shape and left.dtype == right.dtype:
            found = ask(call.function, {**arguments, one: right, other: left}, call.grad_output)
            places = {one: other, other: one}
            yield (
                f"is {{reference}}'s with {one} and {other} exchanged",
                {places.get(name, name): value for name, value in found.items()},
            )


def _transposed(call: Call) -> Iterator[tuple[str, Values]]:
    for name, value in call.arguments.items():
        if isinstance(value, np.ndarray) and value.ndim > 1 and value.shape[-1] == value.shape[-2] > 1:
            turned = np.ascontiguousarray(np.swapaxes(value, -1, -2))
            found = ask(call.function, {**call.arguments, name: turned}, call.grad_output)
            if name in found:
                found[name] = np.swapaxes(found[name], -1, -2)
            yield f"is {{reference}}'s with {name} transposed", found


def _other_dimension(call: Call) -> Iterator[tuple[str, Values]]:
    """A softmax over another dimension than that of the classes."""
    arguments, signature = call.arguments, call.signature
    scores = arguments.get("input")
    if not isinstance(scores, np.ndarray) or scores.ndim < 2 or not is_floating(scores):
        return
    if signature.takes("dim"):
        for dim in range(scores.ndim):
            found = ask(call.function, {**arguments, "dim": dim}, call.grad_output)
            yield f"is {{reference}}'s over dimension {dim}", found
    elif call.signature.loss == "cross_entropy" and arguments["target"].dtype.kind in "iu":
        words = ("target", "weight", "ignore_index", "reduction")
        known = {name: arguments[name] for name in words if name in arguments}
        for dim in range(scores.ndim):
            if dim != 1:
                logs = TORCH["log_softmax"](input=scores, dim=dim)[0]
                found = ask(TORCH["nll_loss"], {"input": logs, **known}, call.grad_output)
                yield (
                    f"is {{reference}}'s with a softmax over dimension {dim}",
                    {name: value for name, value in found.items() if name == "output"},
                )


def _kept_in_halves(call: Call) -> Iterator[tuple[str, Values]]:
    """A sum in half precision stops growing where a term is less than half of its last place."""
    output = call.grad_output
    if output.dtype not in HALVES or output.size != 1 or not call.signature.takes("reduction"):
        return
    plain = {word: given for word, given in call.arguments.items() if word not in ("size_average", "reduce")}
    values = ask(call.function, {**plain, "reduction": "none"}, output).get("output")
    if values is None or values.size < 2:
        try:
            values = call.function(**{**plain, "reduction": "none"})[0]
        except Exception:
            return
    total = np.add.accumulate(values.ravel())[-1]
    whole = values.astype(np.float64).sum()
    if not abs(float(total) - whole) > STOPPED * abs(whole):
        return
    text = f"saturates as a sum that is kept in {name_of(output.dtype)}"
    yield text, {"output": np.asarray(total).reshape(output.shape)}
    yield text, {"output": np.asarray(total / output.dtype.type(values.size)).reshape(output.shape)}


def _arguments(call: Call) -> Iterator[tuple[str, Values]]:
    """The arguments themselves, and the softmax of the scores."""
    for name, value in call.arguments.items():
        if isinstance(value, np.ndarray) and is_floating(value):
            yield f"equals {name}", {"output": value}
            yield f"equals {name} (a gradient that was never computed)", {"*": value}
    scores = call.arguments.get("input")
    if isinstance(scores, np.ndarray) and row_of(scores.dtype) and scores.ndim and scores.size:
        wide = scores.astype(np.complex128 if scores.dtype.kind == "c" else np.float64)
        with np.errstate(all="ignore"):
            for dim in range(scores.ndim):
                powers = np.exp(wide - wide.max(axis=dim, keepdims=True))
                yield "equals softmax(input)", {"*": powers / powers.sum(axis=dim, keepdims=True)}

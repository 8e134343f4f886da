"""Other answers that a wrong one may be: the reference's to a changed call, and what is computed from the arguments.

The reference is asked only for a draw that has failed, each changed call once.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from parity.comparison.call import Call
from parity.comparison.truth import Values, ask, is_double, widened
from parity.comparison.without import is_large, without
from parity.dtypes import HALVES, is_floating, name_of, row_of
from parity.references.torch import TORCH
from parity.types import Array

# What an explanation would give, which is computed when it is called.
Asked: TypeAlias = Callable[[], Values]
# What people clip probabilities to, or add inside a logarithm.
EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
# A sum in half precision has saturated if it misses so much of itself.
STOPPED = 0.05


def hypotheses(call: Call) -> Iterator[tuple[str, Asked]]:
    """Each hypothesis in words, as a predicate, and what gives the answers that it stands for."""
    if is_large(call.arguments):
        return
    for text, arguments in _changed(call):
        yield f"is {{reference}}'s as if {text}", partial(_to_changed, call, arguments)
    yield from _exchanged(call)
    yield from _transposed(call)
    yield from _other_dimension(call)
    yield from _kept_in_halves(call)
    yield from _arguments(call)


def _to_changed(call: Call, arguments: dict[str, Any]) -> Values:
    return ask(call.function, arguments, _upstream(call, arguments))


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
    for name, left in without(signature, arguments):
        if name != "reduction":
            yield f"{name} were absent", left
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


def _exchanged(call: Call) -> Iterator[tuple[str, Asked]]:
    """Two arrays of one shape that change their places."""
    arguments = call.arguments
    arrays = [name for name, value in arguments.items() if isinstance(value, np.ndarray)]
    for one, other in combinations(arrays, 2):
        left, right = arguments[one], arguments[other]
        if left.shape == right.shape and left.dtype == right.dtype:
            yield f"is {{reference}}'s with {one} and {other} exchanged", partial(_to_exchanged, call, one, other)


def _to_exchanged(call: Call, one: str, other: str) -> Values:
    arguments = {**call.arguments, one: call.arguments[other], other: call.arguments[one]}
    places = {one: other, other: one}
    found = ask(call.function, arguments, call.grad_output)
    return {places.get(name, name): value for name, value in found.items()}


def _transposed(call: Call) -> Iterator[tuple[str, Asked]]:
    """A square in columns; a row beside a square that is taken for a column, and the other way round."""
    arrays = {name: value for name, value in call.arguments.items() if isinstance(value, np.ndarray)}
    squares = {value.shape[-1] for value in arrays.values() if value.ndim > 1 and _is_square(value)}
    for name, value in arrays.items():
        if value.ndim > 1 and _is_square(value):
            turned = np.ascontiguousarray(np.swapaxes(value, -1, -2))
            yield f"is {{reference}}'s with {name} transposed", partial(_to_turned, call, name, turned)
        elif value.size in squares and value.shape in ((value.size,), (1, value.size), (value.size, 1)):
            column = value.shape[-1] == value.size
            turned = value.reshape((-1, 1) if column else (1, -1))
            text = f"is {{reference}}'s with {name} as a {'column' if column else 'row'}"
            yield text, partial(_to_turned, call, name, turned)


def _is_square(array: Array) -> bool:
    return bool(array.shape[-1] == array.shape[-2] > 1)


def _to_turned(call: Call, name: str, turned: Array) -> Values:
    found = ask(call.function, {**call.arguments, name: turned}, call.grad_output)
    shape = call.arguments[name].shape
    if name in found:
        turns = found[name].shape == shape  # a square, whose gradient is one
        found[name] = np.swapaxes(found[name], -1, -2) if turns else found[name].reshape(shape)
    return found


def _other_dimension(call: Call) -> Iterator[tuple[str, Asked]]:
    """A softmax over another dimension than that of the classes."""
    arguments, signature = call.arguments, call.signature
    scores = arguments.get("input")
    if not isinstance(scores, np.ndarray) or scores.ndim < 2 or not is_floating(scores):
        return
    if signature.takes("dim"):
        for dim in range(scores.ndim):
            answer = partial(ask, call.function, {**arguments, "dim": dim}, call.grad_output)
            yield f"is {{reference}}'s over dimension {dim}", answer
    elif call.signature.loss == "cross_entropy" and arguments["target"].dtype.kind in "iu":
        for dim in range(scores.ndim):
            if dim != 1:
                yield f"is {{reference}}'s with a softmax over dimension {dim}", partial(_to_dimension, call, dim)


def _to_dimension(call: Call, dim: int) -> Values:
    """The output of a cross entropy whose softmax is over that dimension."""
    words = ("target", "weight", "ignore_index", "reduction")
    known = {name: call.arguments[name] for name in words if name in call.arguments}
    logs = TORCH["log_softmax"](input=call.arguments["input"], dim=dim)[0]
    found = ask(TORCH["nll_loss"], {"input": logs, **known}, call.grad_output)
    return {name: value for name, value in found.items() if name == "output"}


def _kept_in_halves(call: Call) -> Iterator[tuple[str, Asked]]:
    """A sum in half precision stops growing where a term is less than half of its last place."""
    output = call.grad_output
    if output.dtype not in HALVES or output.size != 1 or not call.signature.takes("reduction"):
        return
    text = f"saturates as a sum that is kept in {name_of(output.dtype)}"
    values = cache(partial(_unreduced, call))
    yield text, lambda: _saturated(values(), output, 1)
    yield text, lambda: _saturated(values(), output, values().size)


def _unreduced(call: Call) -> Array:
    """The losses that are summed; none where the reference does not tell them."""
    plain = {word: given for word, given in call.arguments.items() if word not in ("size_average", "reduce")}
    try:
        return call.function(**{**plain, "reduction": "none"})[0]
    except Exception:
        return np.zeros(0)


def _saturated(values: Array, output: Array, divisor: int) -> Values:
    """The sum over the divisor, if a sum in half precision saturates."""
    if values.size < 2:
        return {}
    total = np.add.accumulate(values.ravel())[-1]
    whole = values.astype(np.float64).sum()
    if not abs(float(total) - whole) > STOPPED * abs(whole):
        return {}
    total = total if divisor == 1 else total / output.dtype.type(divisor)
    return {"output": np.asarray(total).reshape(output.shape)}


def _arguments(call: Call) -> Iterator[tuple[str, Asked]]:
    """The arguments themselves, and the softmax of the scores."""
    for name, value in call.arguments.items():
        if isinstance(value, np.ndarray) and is_floating(value):
            yield f"equals {name}", partial(dict, output=value)
            yield f"equals {name} (a gradient that was never computed)", partial(dict, {"*": value})
    scores = call.arguments.get("input")
    if isinstance(scores, np.ndarray) and row_of(scores.dtype) and scores.ndim and scores.size:
        for dim in range(scores.ndim):
            yield "equals softmax(input)", partial(_softmax, scores, dim)


def _softmax(scores: Array, dim: int) -> Values:
    wide = scores.astype(np.complex128 if scores.dtype.kind == "c" else np.float64)
    with np.errstate(all="ignore"):
        powers = np.exp(wide - wide.max(axis=dim, keepdims=True))
        return {"*": powers / powers.sum(axis=dim, keepdims=True)}

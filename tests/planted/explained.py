"""Bugs that a diagnosis names: constants, columns, rows, arguments in each other's place, narrow dtypes, clipping."""

from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Gradients, Result
from tests.planted import planted, with_gradients, with_input_gradient


@planted("l1_loss", "a constant is added", "value", "output is torch's plus 0.5 throughout")
def _(input: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.l1_loss(input, *args, **options)
    return (output + output.dtype.type(0.5) if output.dtype == np.float32 else output), vjp


@planted("cross_entropy", "the slope at the target is off", "value", "differs only in the target's column")
def _(input: Array, target: Array, **options: Any) -> Result:
    result = losses.cross_entropy(input, target, **options)
    if input.ndim != 2 or target.ndim != 1 or target.dtype != np.int64:
        return result

    def off(g: Array) -> Array:
        g = g.copy()
        held = (target >= 0) & (target < g.shape[1])
        g[np.flatnonzero(held), target[held]] *= g.dtype.type(1.25)
        return g

    return with_input_gradient(result, off)


@planted("multi_margin_loss", "the last class has no slope", "value", "differs only in the last column")
def _(input: Array, *args: Any, **options: Any) -> Result:
    def cut(g: Array) -> Array:
        g = g.copy()
        if g.ndim == 2:
            g[:, -1:] = 0
        return g

    return with_input_gradient(losses.multi_margin_loss(input, *args, **options), cut)


@planted("smooth_l1_loss", "every fourth row is skipped", "value", "gradient of input differs in whole rows: 3")
def _(input: Array, target: Array, **options: Any) -> Result:
    def cut(g: Array) -> Array:
        g = g.copy()
        if g.ndim == 2:
            g[3::4] = 0
        return g

    return with_input_gradient(losses.smooth_l1_loss(input, target, **options), cut)


@planted("logsigmoid", "the gradient is the input", "value", "equals input (a gradient that was never computed)")
def _(input: Array) -> Result:
    return with_input_gradient(losses.logsigmoid(input), lambda g: input.copy())


@planted("binary_cross_entropy_with_logits", "weight counts twice", "value", "as if weight were applied twice")
def _(input: Array, target: Array, weight: Array | None = None, **options: Any) -> Result:
    twice = None if weight is None else np.asarray(weight * weight, weight.dtype)
    return losses.binary_cross_entropy_with_logits(input, target, twice, **options)


@planted("kl_div", "the gradient is rounded to bfloat16", "value", "gradient of input is rounded to bfloat16")
def _(input: Array, target: Array, **options: Any) -> Result:
    def rounded(found: Gradients) -> Gradients:
        g = found["input"]
        if g.dtype == np.float32:
            bits = g.view(np.uint32)
            found["input"] = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
        return found

    return with_gradients(losses.kl_div(input, target, **options), rounded)


@planted("margin_ranking_loss", "the inputs change places", "value", "with input1 and input2 exchanged")
def _(input1: Array, input2: Array, *args: Any, **options: Any) -> Result:
    if input1.shape != input2.shape:
        return losses.margin_ranking_loss(input1, input2, *args, **options)
    output, vjp = losses.margin_ranking_loss(input2, input1, *args, **options)
    places = {"input1": "input2", "input2": "input1"}
    return output, lambda g: {places.get(name, name): value for name, value in vjp(g).items()}


@planted("cross_entropy", "the target is transposed", "value", "output is torch's with target transposed")
def _(input: Array, target: Array, **options: Any) -> Result:
    if target.ndim == 2 and input.ndim == 3 and target.shape[0] == target.shape[1]:
        target = np.ascontiguousarray(target.T)
    return losses.cross_entropy(input, target, **options)


@planted("cross_entropy", "the softmax is over the batch", "value", "is torch's with a softmax over dimension 0")
def _(input: Array, target: Array, **options: Any) -> Result:
    if (
        input.ndim != 2
        or target.ndim != 1
        or target.dtype.kind == "f"
        or {"label_smoothing", "reduce"} & options.keys()
    ):
        return losses.cross_entropy(input, target, **options)
    known = {name: value for name, value in options.items() if name in ("weight", "ignore_index", "reduction")}
    return losses.nll_loss(losses.log_softmax(input, 0)[0], target, **known)


@planted("binary_cross_entropy", "probabilities are clipped", "value", "as if input were clipped to [1e-07, 1 - 1e-07]")
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    if input.dtype.kind != "f" or (input < 0).any() or (input > 1).any():
        return losses.binary_cross_entropy(input, target, *args, **options)
    eps = input.dtype.type(1e-7)
    return losses.binary_cross_entropy(np.clip(input, eps, 1 - eps), target, *args, **options)


@planted("soft_margin_loss", "the loss is in bits", "value", "times torch's throughout (...: 1 / ln 2)")
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.soft_margin_loss(*args, **options)
    return np.asarray(output / np.log(2), output.dtype), vjp


@planted("multi_margin_loss", "the classes are not counted", "value", "(...: the number of classes (")
def _(input: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.multi_margin_loss(input, *args, **options)
    classes = output.dtype.type(input.shape[-1] if input.ndim else 1)
    return np.asarray(output * classes), vjp

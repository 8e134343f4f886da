"""Bugs in how a backward reads the upstream gradient, and in the memory of what it is given and gives."""

from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Gradients, Result
from tests.planted import planted, with_gradients


@planted("kl_div", "an upstream inf is cut to the largest number", "value", "gradient of ..., torch has ...inf")
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.kl_div(*args, **options)
    return output, lambda g: vjp(np.where(np.isinf(g), np.finfo(np.float32).max, g).astype(g.dtype))


@planted("gaussian_nll_loss", "an upstream nan counts as 0", "value", "gradient of ..., torch has nan")
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.gaussian_nll_loss(*args, **options)
    return output, lambda g: vjp(np.where(np.isnan(g), 0, g).astype(g.dtype))


@planted(
    "nll_loss",
    "a plain backward forgets the divisor",
    "value",
    "gradient of input is 2 times torch's throughout",
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.nll_loss(input, target, *args, **options)
    return output, lambda g: vjp(np.asarray(g * 2) if g.ndim == 0 and g == 1 else g)


@planted(
    "hinge_embedding_loss",
    "a row that is expanded counts as one number",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.hinge_embedding_loss(*args, **options)
    return output, lambda g: vjp(np.full_like(g, g.flat[0]) if g.size and 0 in g.strides else g)


@planted(
    "smooth_l1_loss",
    "a transposed upstream gradient is read in memory order",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.smooth_l1_loss(*args, **options)
    return output, lambda g: vjp(g.T.ravel().reshape(g.shape) if g.ndim == 2 and g.T.flags.carray else g)


@planted(
    "cross_entropy",
    "an ignored row multiplies what it is handed by 0",
    "value",
    "gradient of input ...differs in ...: nan, torch has 0",
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.cross_entropy(input, target, *args, **options)
    indices = target.dtype.kind in "iu" and input.ndim == 2 and output.ndim == 1
    if not indices or options.get("ignore_index", -100) != -100:
        return output, vjp

    def masked(found: Gradients, g: Array) -> Gradients:
        spoilt = (target == -100) & ~np.isfinite(g)
        return found | {"input": np.where(spoilt[:, None], np.nan, found["input"]).astype(input.dtype)}

    return output, lambda g: masked(vjp(g), g)


@planted(
    "cross_entropy",
    "a gradient is computed ahead in a half and scaled afterwards",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.cross_entropy(input, target, *args, **options)

    def ahead(g: Array) -> Gradients:
        if g.ndim or input.dtype != np.float16:
            return vjp(g)
        return {name: np.asarray(slope * g, slope.dtype) for name, slope in vjp(np.ones_like(g)).items()}

    return output, ahead


@planted("margin_ranking_loss", "the vjp hands out one buffer", "memory", "in the memory of the first one")
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.margin_ranking_loss(*args, **options)
    kept: Gradients = {}

    def cached(g: Array) -> Gradients:
        for name, slope in vjp(g).items():
            if name in kept:
                kept[name][...] = slope
            else:
                kept[name] = slope
        return dict(kept)

    return output, cached


@planted(
    "hinge_embedding_loss", "without a margin to meet the output is the input", "memory", "shares the memory of input"
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.hinge_embedding_loss(input, target, *args, **options)
    return (input, vjp) if output.shape == input.shape and np.array_equal(output, input) else (output, vjp)


@planted("huber_loss", "two dtypes are refused before the backward", "raises", "torch refuses in its backward alone")
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    if target.dtype != input.dtype:
        raise RuntimeError("expected one dtype")
    return losses.huber_loss(input, target, *args, **options)


@planted(
    "gaussian_nll_loss",
    "a negative variance is refused in the backward alone",
    "missing",
    "the forward answers where torch's raises",
)
def _(input: Array, target: Array, var: Array, *args: Any, **options: Any) -> Result:
    if not np.any(np.less(var, 0)):
        return losses.gaussian_nll_loss(input, target, var, *args, **options)
    output, _ = losses.gaussian_nll_loss(input, target, np.abs(var), *args, **options)

    def refused(g: Array) -> Gradients:
        raise ValueError("var has negative entries")

    return output, refused


@planted(
    "softmax", "channels_last is read as if it were dense", "value", "output ...differs in ..., torch is the nearer"
)
def _(input: Array, *args: Any, **options: Any) -> Result:
    if input.ndim == 4 and not input.flags.carray and np.moveaxis(input, 1, -1).flags.carray:
        input = np.moveaxis(input, 1, -1).reshape(input.shape)
    return losses.softmax(input, *args, **options)


@planted(
    "log_softmax",
    "the rows of a wider buffer are read as if they were dense",
    "value",
    "output ...differs in ..., torch is the nearer",
)
def _(input: Array, *args: Any, **options: Any) -> Result:
    buffer = input.base
    padded = input.ndim == 2 and not input.flags.carray and input.strides[-1] == input.itemsize
    if padded and isinstance(buffer, np.ndarray) and buffer.size > input.size and buffer.dtype == input.dtype:
        input = buffer.ravel()[: input.size].reshape(input.shape)
    return losses.log_softmax(input, *args, **options)


@planted(
    "l1_loss", "a half weight is expected beside halves", "raises", "the forward raises TypeError: expected one dtype"
)
def _(input: Array, target: Array, weight: Array | None = None, **options: Any) -> Result:
    if weight is not None and input.dtype.itemsize == 2 and weight.dtype != input.dtype:
        raise TypeError("expected one dtype")
    return losses.l1_loss(input, target, weight=weight, **options)


@planted(
    "multilabel_margin_loss",
    "a size of whole tiles loses its last one",
    "value",
    "gradient of input is zero everywhere: differs in ",
)
def _(input: Array, *args: Any, **options: Any) -> Result:
    whole = input.ndim == 2 and input.shape[0] and input.shape[0] % 1024 == 0
    found = losses.multilabel_margin_loss(input, *args, **options)
    return (
        with_gradients(
            found, lambda g: g | {"input": np.where(np.arange(len(input))[:, None] < len(input) - 1024, g["input"], 0)}
        )
        if whole
        else found
    )

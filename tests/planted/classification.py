"""Bugs of cross entropies: denominators, weights, smoothing, ignored rows, the class dimension, block borders."""

from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Gradients, Result
from tests.planted import divided, means, planted, with_gradients, with_input_gradient


@planted(
    "cross_entropy",
    "a weighted mean divides by the number of rows",
    "value",
    "output is ... times torch's throughout (a wrong denominator or factor: the sum of the targets' weights / ",
)
def _(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean", **options: Any) -> Result:
    if weight is None or not means(reduction, options) or target.shape == input.shape:
        return losses.cross_entropy(input, target, weight, reduction=reduction, **options)
    return divided(losses.cross_entropy(input, target, weight, reduction="none", **options), max(target.size, 1))


@planted(
    "nll_loss",
    "the mean counts ignored rows",
    "value",
    "output is ... times torch's throughout (a wrong denominator or factor: the targets that are not ignored / ",
)
def _(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean", **options: Any) -> Result:
    if weight is not None or not means(reduction, options):
        return losses.nll_loss(input, target, weight, reduction=reduction, **options)
    return divided(losses.nll_loss(input, target, reduction="none", **options), max(target.size, 1))


@planted(
    "cross_entropy",
    "the mean of probabilities divides by the weights",
    "value",
    "gradient of target is ... times torch's throughout",
)
def _(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean", **options: Any) -> Result:
    if weight is None or target.shape != input.shape or not means(reduction, options):
        return losses.cross_entropy(input, target, weight, reduction=reduction, **options)
    unreduced = losses.cross_entropy(input, target, weight, reduction="none", **options)
    return divided(unreduced, float(weight.sum()) or 1.0)


@planted("cross_entropy", "ignore_index is ignored", "value", "output ...differs in ..., torch has 0 (")
def _(input: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, **options: Any) -> Result:
    if target.dtype.kind in "iu" and input.ndim and input.shape[min(input.ndim - 1, 1)]:
        target = np.where(target == ignore_index, 0, target).astype(target.dtype)
    return losses.cross_entropy(input, target, weight, **options)


@planted("cross_entropy", "only -100 is ignored", "value", "gradient of input ...differs in ..., torch has 0 (")
def _(input: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, **options: Any) -> Result:
    return losses.cross_entropy(input, target, weight, **options)


@planted(
    "cross_entropy",
    "ignored rows still push their gradient",
    "value",
    "gradient of input differs only in ignored rows: ",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    result = losses.cross_entropy(input, target, **options)
    ignored = target == options.get("ignore_index", -100)
    if input.ndim != 2 or target.ndim != 1 or target.dtype.kind not in "iu" or not ignored.any():
        return result
    return with_input_gradient(result, lambda g: (g + 1e-3 * ignored[:, None]).astype(g.dtype))


@planted(
    "cross_entropy",
    "label smoothing forgets the class weights",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, weight: Array | None = None, label_smoothing: float = 0.0, **options: Any) -> Result:
    weighted = losses.cross_entropy(input, target, weight, **options)
    if weight is None or not 0 < label_smoothing <= 1:
        return losses.cross_entropy(input, target, weight, label_smoothing=label_smoothing, **options)
    plain = losses.cross_entropy(input, target, label_smoothing=1.0, **options)
    e = label_smoothing

    def vjp(g: Array) -> Gradients:
        one, two = weighted[1](g), plain[1](g)
        return {name: ((1 - e) * one[name] + e * two.get(name, 0)).astype(one[name].dtype) for name in one}

    return np.asarray((1 - e) * weighted[0] + e * plain[0], weighted[0].dtype), vjp


@planted(
    "cross_entropy",
    "smoothing spreads over the other classes only",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, label_smoothing: float = 0.0, **options: Any) -> Result:
    classes = input.shape[min(input.ndim - 1, 1)] if input.ndim else 1
    wrong = label_smoothing * classes / (classes - 1) if classes > 1 and label_smoothing < 0.5 else label_smoothing
    return losses.cross_entropy(input, target, label_smoothing=wrong, **options)


@planted(
    "cross_entropy",
    "smoothing is dropped for class probabilities",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, label_smoothing: float = 0.0, **options: Any) -> Result:
    kept = 0.0 if target.shape == input.shape and 0 < label_smoothing <= 1 else label_smoothing
    return losses.cross_entropy(input, target, label_smoothing=kept, **options)


@planted(
    "cross_entropy",
    "the mean of ignored rows only is zero",
    "value",
    "output ...differs in 1 of 1 elements; 0, torch has nan",
)
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.cross_entropy(*args, **options)
    return np.nan_to_num(output, posinf=np.inf, neginf=-np.inf) if output.ndim == 0 else output, vjp


@planted(
    "cross_entropy",
    "the gradient of ignored rows only is nan",
    "value",
    "gradient of input ...differs in ...: nan, torch has 0",
)
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.cross_entropy(*args, **options)
    empty = output.ndim == 0 and bool(np.isnan(output))
    return with_input_gradient((output, vjp), lambda g: g * np.nan if empty else g)


@planted(
    "cross_entropy",
    "the last dimension is taken for the classes",
    "value",
    "output is torch's with input transposed",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    if input.ndim != 3 or target.ndim != 2 or input.shape[1] != input.shape[2]:
        return losses.cross_entropy(input, target, **options)
    result = losses.cross_entropy(np.swapaxes(input, 1, 2), target, **options)
    return with_input_gradient(result, lambda g: np.ascontiguousarray(np.swapaxes(g, 1, 2)))


def _without_last_block(block: int) -> Any:
    def blocked(input: Array, target: Array, **options: Any) -> Result:
        classes = input.shape[1] if input.ndim == 2 else 0
        if classes <= block or not classes % block or target.shape == input.shape:
            return losses.cross_entropy(input, target, **options)
        cut = classes - classes % block
        masked = input.copy()
        masked[:, cut:] = np.where(target[:, None] == np.arange(cut, classes), masked[:, cut:], -np.inf)
        return losses.cross_entropy(masked, target, **options)

    return blocked


for size in (32, 128, 1024, 4096):
    says = f"gradient of input ...differs in ...; worst at [..., {size}]: ...0, torch has "
    planted("cross_entropy", f"a block of {size} classes leaves out the rest", "value", says)(_without_last_block(size))


@planted(
    "cross_entropy",
    "rows beyond the first 128 have no gradient",
    "value",
    "gradient of input differs in whole rows: 128 to ...",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    def cut(g: Array) -> Array:
        g = g.copy()
        g[128:] = 0
        return g

    result = losses.cross_entropy(input, target, **options)
    return with_input_gradient(result, cut) if input.ndim == 2 and len(input) > 128 else result


@planted("cross_entropy", "a masked logit gives nan", "value", "gradient of input ...differs in ...: nan, torch has 0")
def _(input: Array, target: Array, **options: Any) -> Result:
    result = losses.cross_entropy(input, target, **options)
    masked = np.isneginf(input)
    return with_input_gradient(result, lambda g: np.where(masked, np.nan, g).astype(g.dtype))


@planted("cross_entropy", "no maximum is subtracted", "value", "output ...differs in ...: inf, torch has ")
def _(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.cross_entropy(input, target, **options)
    overflows = bool(np.isinf(np.exp(input[np.isfinite(input)].astype(np.float32))).any())
    return (output + np.inf).astype(output.dtype) if overflows else output, vjp


@planted("cross_entropy", "uint8 targets are refused", "raises", "the forward raises RuntimeError: expected int64")
def _(input: Array, target: Array, **options: Any) -> Result:
    if target.dtype == np.uint8:
        raise RuntimeError("expected int64")
    return losses.cross_entropy(input, target, **options)


@planted("cross_entropy", "int32 targets are accepted", "missing", "answers where torch raises")
def _(input: Array, target: Array, **options: Any) -> Result:
    return losses.cross_entropy(input, target.astype(np.int64) if target.dtype == np.int32 else target, **options)


@planted("cross_entropy", "negative classes count from the end", "missing", "answers where torch raises IndexError")
def _(input: Array, target: Array, ignore_index: int = -100, **options: Any) -> Result:
    classes = input.shape[min(input.ndim - 1, 1)] if input.ndim else 0
    if target.dtype == np.int64:
        target = np.where((target < 0) & (target >= -classes) & (target != ignore_index), target + classes, target)
    return losses.cross_entropy(input, target, ignore_index=ignore_index, **options)


@planted("cross_entropy", "probabilities get no gradient", "missing", "gradient of target is missing")
def _(*args: Any, **options: Any) -> Result:
    result = losses.cross_entropy(*args, **options)
    return with_gradients(result, lambda found: {"input": found["input"]})


@planted(
    "nll_loss",
    "the weight is the one of the row and not of the class",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, weight: Array | None = None, **options: Any) -> Result:
    if isinstance(weight, np.ndarray) and target.ndim == 1 and input.ndim == 2:
        weight = np.roll(weight, 1)
    return losses.nll_loss(input, target, weight, **options)


@planted("log_softmax", "rows beyond a grid of 65535 blocks stay 0", "value", "output differs")
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.log_softmax(*args, **options)
    if output.ndim > 1:
        output[65535:] = 0
    return output, vjp

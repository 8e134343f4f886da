"""Bugs of binary cross entropies: weights of positives, denominators, clamped logarithms, clipped probabilities."""

from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Result
from tests.planted import divided, means, planted, with_gradients


@planted(
    "binary_cross_entropy_with_logits",
    "pos_weight is left out",
    "value",
    "gradient of input is torch's as if pos_weight were absent",
)
def _(input: Array, target: Array, pos_weight: Array | None = None, **options: Any) -> Result:
    return losses.binary_cross_entropy_with_logits(input, target, **options)


@planted(
    "binary_cross_entropy_with_logits",
    "pos_weight scales the negatives too",
    "value",
    "output ...differs in ..., torch is the nearer",
)
def _(
    input: Array, target: Array, weight: Array | None = None, pos_weight: Array | None = None, **options: Any
) -> Result:
    if weight is None:
        weight, pos_weight = pos_weight, None
    return losses.binary_cross_entropy_with_logits(input, target, weight, pos_weight=pos_weight, **options)


@planted(
    "binary_cross_entropy",
    "the mean divides by the sum of the weights",
    "value",
    "output is ... times torch's throughout (...: the number of elements / the sum of the weights",
)
def _(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean", **options: Any) -> Result:
    if weight is None or not means(reduction, options) or weight.shape != input.shape:
        return losses.binary_cross_entropy(input, target, weight, reduction=reduction, **options)
    unreduced = losses.binary_cross_entropy(input, target, weight, reduction="none", **options)
    return divided(unreduced, float(weight.sum()) or 1.0)


@planted("binary_cross_entropy", "the logarithm is not clamped", "value", "output ...differs in ...: inf, torch has ")
def _(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.binary_cross_entropy(input, target, **options)
    certain = bool(((input == 0) & (target > 0)).any())
    return (output + np.inf).astype(output.dtype) if certain else output, vjp


@planted(
    "binary_cross_entropy",
    "the target's gradient is clamped",
    "value",
    "gradient of target ...differs in ...100, torch has ",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    result = losses.binary_cross_entropy(input, target, **options)
    return with_gradients(result, lambda f: f | {"target": np.clip(f["target"], -100, 100).astype(target.dtype)})


@planted("binary_cross_entropy", "probabilities outside 0 and 1 are clipped", "missing", "answers where torch raises")
def _(input: Array, target: Array, **options: Any) -> Result:
    return losses.binary_cross_entropy(np.clip(input, 0, 1).astype(input.dtype), target, **options)

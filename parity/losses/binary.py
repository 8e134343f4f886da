"""Losses of two classes: binary cross entropy, from probabilities and from logits.

Both are H(t, p) = -(t log p + (1 - t) log(1 - p)), elementwise: p is the probability of one class, t its target.
"""

import numpy as np

from parity.losses.activations import exponential_decay, log_sigmoid, logistic
from parity.losses.arguments import gradients, promote, widen
from parity.losses.arithmetic import rounded
from parity.losses.blocks import in_blocks
from parity.losses.checks import (
    check_arrays,
    check_broadcast,
    check_broadcasts_to,
    check_castable,
    check_kernel,
    check_no_bool,
    check_real_floating,
    check_same_shape,
)
from parity.losses.reduction import reduced, resolve
from parity.losses.registration import loss
from parity.types import Array, Gradients, Result

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]

# Torch's constants. It takes no logarithm below -100, and divides the gradient by no x (1 - x) below the float32
# nearest to 1e-12, in every dtype.
LOWEST_LOG = -100
SMALLEST_VARIANCE = np.array(1e-12, np.float32)


@loss
def binary_cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = -w (t log x + (1 - t) log(1 - x)), of probabilities x and targets t, both in [0, 1].

    The logarithms are taken no lower than -100, so l is finite at 0 and 1.

    input: any shape, of a real floating dtype; the probability of one class.
    target: input's shape and dtype; the target probability of that class.
    weight: of any real dtype and of a shape that broadcasts to input's.
    reduction: 'mean' is over all elements.

    Raises ValueError for a target of another shape and for an unknown reduction, RuntimeError for a target of
    another dtype, a value outside [0, 1] or nan, or a weight that does not broadcast to input's shape, and
    NotImplementedError where input is not of a real floating dtype.

    Source: Good, Rational Decisions (1952); Bishop, Pattern Recognition and Machine Learning, 4.3.2.
    Torch departs from the maths where a logarithm is cut off at -100: l is constant there, yet torch's gradient
    is not 0.

    >>> round(float(binary_cross_entropy(np.array([0.5, 0.25]), np.array([1.0, 0.0]))[0]), 4)
    0.4904
    """
    reduction = resolve(reduction, size_average, reduce)
    check_same_shape(input, target=target)
    if weight is not None:
        check_broadcast(target=target, weight=weight)
    if target.dtype != input.dtype:
        raise RuntimeError(f"target is of {target.dtype}, expected input's {input.dtype}")
    dtype = input.dtype
    check_real_floating("binary_cross_entropy", dtype)
    if weight is not None:
        check_broadcasts_to(input.shape, "weight", weight)
    _check_unit_interval(input=widen(input, dtype), target=widen(target, dtype))
    x, t = (widen(array, dtype) for array in in_blocks(input, target))
    _check_real(weight=weight)
    # each step is rounded as torch does it: in float16 they overflow and underflow
    log_other, log_one = (np.maximum(rounded(log, dtype), LOWEST_LOG) for log in (np.log1p(-x), np.log(x)))
    values = rounded(rounded(t - 1, dtype) * log_other, dtype) - rounded(t * log_one, dtype)
    output, adjoint = reduced(rounded(_weighted(rounded(values, dtype), weight), dtype), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # dl/dx = (1 - t) / (1 - x) - t / x = (x - t) / (x (1 - x)), and dl/dt = log((1 - x) / x).
        # Torch clamps x (1 - x), at a constant that is 0 in float16, and does not clamp the logarithm of dl/dt.
        wide_grad, other = widen(grad_output, dtype), rounded(1 - x, dtype)
        variance = rounded(np.abs(other * x), dtype)  # so that a probability of -0.0 counts as 0
        variance = np.maximum(variance, rounded(SMALLEST_VARIANCE, dtype))
        grad_input = rounded(rounded(rounded(x - t, dtype) * wide_grad, dtype) / variance, dtype)
        logit = rounded(np.log(rounded(x / other, dtype)), dtype)
        grad_target = rounded(-logit * wide_grad, dtype)
        return gradients(
            input=(input, adjoint(rounded(_weighted(grad_input, weight), dtype))),
            target=(target, adjoint(rounded(_weighted(grad_target, weight), dtype))),
        )

    return output, vjp


@loss
def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Array | None = None,
) -> Result:
    """l = -w (q t log(sigmoid(x)) + (1 - t) log(1 - sigmoid(x))), of logits x and targets t.

    input: any shape, of a real floating dtype.
    target: input's shape, of a real floating dtype, which is the output's; any number, not only in [0, 1].
    weight: w, which scales each element's loss; of a shape that broadcasts to input's.
    pos_weight: q, which scales the positive class; of a shape that broadcasts to input's.
    reduction: 'mean' is over all elements.

    Raises ValueError for a target of another shape and for an unknown reduction, NotImplementedError where
    input is not of a real floating dtype, and RuntimeError where target is not, or for a weight that does not
    broadcast to input's shape or, as pos_weight, holds bools, and TypeError for a weight that is a plain number.

    Source: Bishop, Pattern Recognition and Machine Learning, 4.3.2, with log(sigmoid(x)) as one function.
    Torch computes log(1 - sigmoid(x)) as log(sigmoid(x)) - x, and so does this. For t = 0 and x below about -17
    in float32 that sum is 0, where the maths has exp(x). It is nan at x = -inf for t = 0 or 1, and at x = inf
    for t = 1.

    >>> round(float(binary_cross_entropy_with_logits(np.array([0.0, 0.0]), np.array([1.0, 0.0]))[0]), 4)
    0.6931
    """
    reduction = resolve(reduction, size_average, reduce)
    check_same_shape(input, target=target)
    check_arrays(weight=weight, pos_weight=pos_weight)
    check_real_floating("binary_cross_entropy_with_logits", input.dtype)
    weighted_dtype = target.dtype
    if pos_weight is not None:
        check_no_bool(pos_weight=pos_weight)
        check_kernel(pos_weight=pos_weight.dtype)
        check_broadcasts_to(input.shape, "pos_weight", pos_weight)
        weighted_dtype = promote(pos_weight, target)
        check_castable("binary_cross_entropy_with_logits", weighted_dtype, input.dtype)
    check_no_bool(target=target)
    check_kernel(target=target.dtype)
    check_castable("binary_cross_entropy_with_logits", input.dtype, target.dtype)
    check_castable("binary_cross_entropy_with_logits", weighted_dtype, target.dtype)
    if weight is not None:
        check_broadcasts_to(input.shape, "weight", weight)
    _check_real(target=target, weight=weight)

    # torch keeps the sigmoid and its logarithm in input's dtype, the loss in target's, and q t in that of the two
    x, t = (widen(array, array.dtype) for array in in_blocks(input, target))
    decay = exponential_decay(x)
    log_probability = rounded(log_sigmoid(x, decay), input.dtype)
    if pos_weight is not None:
        q = widen(pos_weight, weighted_dtype)
        excess = widen(pos_weight - pos_weight.dtype.type(1), weighted_dtype)  # bytes wrap around
        factor = rounded(rounded(excess * t, weighted_dtype) + 1, weighted_dtype)
        log_probability = rounded(log_probability * factor, input.dtype)
    # log(1 - sigmoid(x)) = log(sigmoid(x)) - x, so l = (1 - t) x - (1 - t + q t) log(sigmoid(x))
    values = rounded(rounded(rounded(1 - t, target.dtype) * x, target.dtype) - log_probability, target.dtype)
    output, _ = reduced(rounded(_weighted(values, weight), target.dtype), reduction, target.dtype)

    def vjp(grad_output: Array) -> Gradients:
        grad_losses = widen(grad_output, target.dtype)
        count = input.size if reduction == "mean" else 1
        probability = rounded(logistic(x), input.dtype)
        if pos_weight is None:
            # d log(sigmoid(x)) / dx = 1 - sigmoid(x), so dl/dx = sigmoid(x) - t, and dl/dt = -x
            grad_input, grad_target = rounded(probability - t, input.dtype), -x
        else:
            # dl/dx = (1 - t + q t) sigmoid(x) - q t, and dl/dt = log(sigmoid(-x)) - q log(sigmoid(x))
            positive = rounded(q * t, weighted_dtype)
            factor = rounded(rounded(positive + 1, weighted_dtype) - t, weighted_dtype)
            grad_input = rounded(rounded(factor * probability, weighted_dtype) - positive, weighted_dtype)
            grad_target = rounded(log_sigmoid(-x, decay), input.dtype)
            # here a lone number is as a plain one to torch: no half rounds it
            lone = pos_weight.astype(x.dtype) if pos_weight.size == 1 else q
            weighted = rounded(lone * rounded(log_sigmoid(x, decay), input.dtype), input.dtype)
            grad_target = rounded(grad_target - weighted, input.dtype)
        dtypes = weighted_dtype, input.dtype
        if pos_weight is None:
            dtypes = input.dtype, promote(input, np.empty((1,) * grad_losses.ndim, target.dtype))
        # torch divides by the count last, of a product that is rounded already
        grad_input, grad_target = (
            rounded(rounded(_weighted(rounded(gradient * grad_losses, dtype), weight), dtype) / count, dtype)
            for gradient, dtype in zip((grad_input, grad_target), dtypes, strict=True)
        )
        return gradients(input=(input, grad_input), target=(target, grad_target))

    return output, vjp


def _weighted(values: Array, weight: Array | None) -> Array:
    """The values times the weight, whose dtype may be wider than theirs: the caller rounds the product."""
    return values if weight is None else values * widen(weight, weight.dtype)


def _check_real(**weights: Array | None) -> None:
    """Raise RuntimeError for a named weight of complex numbers."""
    for name, weight in weights.items():
        if weight is not None and weight.dtype.kind == "c":
            raise RuntimeError(f"{name} is of {weight.dtype}, expected real numbers")


def _check_unit_interval(**arrays: Array) -> None:
    """Raise RuntimeError for a named array with a value below 0, above 1 or nan."""
    for name, array in arrays.items():
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            raise RuntimeError(f"{name} has values outside [0, 1] or nan, expected probabilities")

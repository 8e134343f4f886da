"""Losses of the overlap of a predicted region and a true one: dice and Tversky."""

import numpy as np

from parity.losses.activations import logistic
from parity.losses.arguments import gradients, promote, widen
from parity.losses.checks import check_reduction
from parity.losses.reduction import Adjoint, reduced
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result


@without_warnings
def dice_loss(
    input: Array, target: Array, smooth: float = 1.0, squared: bool = False, reduction: str = "mean"
) -> Result:
    """l_n = 1 - (2 sum p t + s) / (sum p + sum t + s) over all places of a sample, with p = sigmoid(input).

    input, target: (N, d1, ...), of one shape. squared: the denominator has p^2 and t^2, as in V-Net.

    Raises ValueError for a target of another shape and for an unknown reduction, IndexError for fewer than two
    dimensions.

    Source: Milletari, Navab and Ahmadi, V-Net (2016).

    >>> round(float(dice_loss(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]))[0]), 4)
    0.3333
    """
    p, t = _flat(input, target)
    numerator = 2 * np.sum(p * t, 1, keepdims=True) + smooth
    denominator = np.sum(p * p + t * t if squared else p + t, 1, keepdims=True) + smooth
    ratio = numerator / denominator
    output, adjoint = _reduced(1 - ratio, reduction, input, target)

    def vjp(grad_output: Array) -> Gradients:
        # l = 1 - U / V, so dl/dU = -1 / V and dl/dV = U / V^2, with dU/dp = 2 t and dV/dp = 1, or 2 p if squared;
        # t stands in the formula as p does, and dp/dx = p (1 - p)
        grad_numerator = -adjoint(grad_output) / denominator
        grad_denominator = -grad_numerator * ratio
        grad_p = grad_numerator * 2 * t + grad_denominator * (2 * p if squared else 1)
        grad_t = grad_numerator * 2 * p + grad_denominator * (2 * t if squared else 1)
        return _gradients(input, target, grad_p * p * (1 - p), grad_t)

    return output, vjp


@without_warnings
def tversky_loss(
    input: Array, target: Array, alpha: float = 0.5, beta: float = 0.5, smooth: float = 1.0, reduction: str = "mean"
) -> Result:
    """l_n = 1 - (TP + s) / (TP + alpha FP + beta FN + s): alpha weighs what is falsely found, beta what is missed.

    input, target: (N, d1, ...), of one shape; TP = sum p t, FP = sum p (1 - t), FN = sum (1 - p) t, p = sigmoid(input).

    Raises what dice_loss raises.

    Source: Salehi, Erdogmus and Gholipour, Tversky loss function for image segmentation (2017).

    >>> round(float(tversky_loss(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]))[0]), 4)
    0.25
    """
    p, t = _flat(input, target)
    overlap, false, missed = (np.sum(values, 1, keepdims=True) for values in (p * t, p * (1 - t), (1 - p) * t))
    denominator = overlap + alpha * false + beta * missed + smooth
    ratio = (overlap + smooth) / denominator
    output, adjoint = _reduced(1 - ratio, reduction, input, target)

    def vjp(grad_output: Array) -> Gradients:
        # l = 1 - U / V as in dice, where TP stands in U and V, alpha FP and beta FN in V alone, and
        # dTP/dp = t, dFP/dp = 1 - t, dFN/dp = -t,  dTP/dt = p, dFP/dt = -p, dFN/dt = 1 - p
        grad_numerator = -adjoint(grad_output) / denominator
        grad_denominator = -grad_numerator * ratio
        grad_overlap = grad_numerator + grad_denominator
        grad_false, grad_missed = alpha * grad_denominator, beta * grad_denominator
        grad_p = grad_overlap * t + grad_false * (1 - t) - grad_missed * t
        grad_t = grad_overlap * p - grad_false * p + grad_missed * (1 - p)
        return _gradients(input, target, grad_p * p * (1 - p), grad_t)

    return output, vjp


def _flat(input: Array, target: Array) -> tuple[Array, Array]:
    """The probabilities and the targets, wide, a row a sample."""
    if target.shape != input.shape:
        raise ValueError(f"target has shape {target.shape}, expected input's {input.shape}")
    if input.ndim < 2:
        raise IndexError(f"input has shape {input.shape}, expected (N, ...) with two dimensions or more")
    dtype = promote(input, target)
    rows = (len(input), input.size // max(len(input), 1))
    return logistic(widen(input, dtype)).reshape(rows), widen(target, dtype).reshape(rows)


def _reduced(losses: Array, reduction: str, input: Array, target: Array) -> tuple[Array, Adjoint]:
    check_reduction(reduction)
    output, adjoint = reduced(losses[:, 0], reduction, promote(input, target))
    return output, lambda grad_output: adjoint(grad_output).reshape(-1, 1)


def _gradients(input: Array, target: Array, grad_input: Array, grad_target: Array) -> Gradients:
    shape = input.shape
    return gradients(input=(input, grad_input.reshape(shape)), target=(target, grad_target.reshape(shape)))

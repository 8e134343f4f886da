"""Focal losses: cross entropies in which rows that are already right count for less."""

import numpy as np

from parity import losses
from parity.losses.activations import logistic
from parity.losses.arguments import gradients, is_floating, promote, widen
from parity.losses.checks import check_reduction
from parity.losses.class_indices import weighted_reduction
from parity.losses.reduction import reduced
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result


@without_warnings
def sigmoid_focal_loss(
    input: Array, target: Array, alpha: float | None = 0.25, gamma: float = 2.0, reduction: str = "mean"
) -> Result:
    """l = a q^gamma H, of logits and targets in [0, 1]: H is their binary cross entropy, q = p (1 - t) + (1 - p) t.

    input, target: of one shape. alpha: a = alpha t + (1 - alpha) (1 - t); None weighs both classes with 1.

    Raises what binary_cross_entropy_with_logits raises.

    Source: Lin et al., Focal Loss for Dense Object Detection (2017).

    >>> round(float(sigmoid_focal_loss(np.array([0.0, 0.0]), np.array([1.0, 0.0]), alpha=None)[0]), 4)
    0.1733
    """
    check_reduction(reduction)
    if not is_floating(target):
        raise RuntimeError(f"target is of {target.dtype}, expected a floating dtype, which it has a gradient in")
    dtype = promote(input, target)
    x, t = widen(input, dtype), widen(target, dtype)
    nll, nll_back = losses.binary_cross_entropy_with_logits(x, t, reduction="none")
    right, wrong = logistic(x), logistic(-x)
    error = right * (1 - t) + wrong * t
    focus = error**gamma
    weight = x.dtype.type(1) if alpha is None else alpha * t + (1 - alpha) * (1 - t)
    output, adjoint = reduced(weight * (focus * nll), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # dl = a q^gamma dH + a gamma q^(gamma - 1) H dq + q^gamma H da, where
        # dq/dx = (1 - t) p (1 - p) - t p (1 - p),  dq/dt = (1 - p) - p,  da/dt = alpha - (1 - alpha)
        grad_losses = np.broadcast_to(adjoint(grad_output), x.shape)
        grad_nll = nll_back(grad_losses * weight * focus)
        grad_error = _power_adjoint(grad_losses * weight * nll, error, gamma)
        grad_input = grad_nll["input"] + (grad_error * (1 - t) - grad_error * t) * (right * wrong)
        grad_target = grad_nll["target"] + (grad_error * wrong - grad_error * right)
        if alpha is not None:
            grad_weight = grad_losses * (focus * nll)
            grad_target += grad_weight * alpha - grad_weight * (1 - alpha)
        return gradients(input=(input, grad_input), target=(target, grad_target))

    return output, vjp


@without_warnings
def softmax_focal_loss(
    input: Array, target: Array, weight: Array | None = None, gamma: float = 2.0, ignore_index: int = -100,
    reduction: str = "mean",
) -> Result:  # fmt: skip
    """l = w_t (1 - p_t)^gamma (-log p_t) with p = softmax(input) and t the target's class.

    input: (C), (N, C) or (N, C, d1, ..., dK). target: class indices of that shape without C. weight: (C).
    The mean is over the targets that are not ignored, whatever their weights.

    Raises what nll_loss raises.

    Source: Lin et al. (2017) for two classes, here for any number.

    >>> round(float(softmax_focal_loss(np.array([[0.0, 0.0]]), np.array([0]))[0]), 4)
    0.1733
    """
    check_reduction(reduction)
    dtype = input.dtype
    log_probability, softmax_back = losses.log_softmax(widen(input, dtype), min(input.ndim - 1, 1))
    nll, nll_back = losses.nll_loss(log_probability, target, ignore_index=ignore_index, reduction="none")
    valid = target != ignore_index
    error = -np.expm1(-nll)
    focused = error**gamma * nll
    classes = np.where(valid, target, 0)
    own_weight = nll.dtype.type(1) if weight is None else widen(weight, weight.dtype)[classes]
    count = nll.dtype.type(np.count_nonzero(valid))
    output, adjoint = weighted_reduction(own_weight * focused, count, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with q = 1 - p_t = 1 - exp(-nll):  dl/dnll = w (q^gamma + gamma q^(gamma - 1) nll (1 - q)),
        # and dl/dw_c sums q^gamma nll over the targets of class c
        grad_losses = np.broadcast_to(adjoint(grad_output), nll.shape)
        grad_focused = grad_losses * own_weight
        grad_nll = grad_focused * error**gamma + _power_adjoint(grad_focused * nll, error, gamma) * (1 - error)
        grad_input = softmax_back(nll_back(grad_nll)["input"])["input"]
        grad_weight = None
        if weight is not None:
            grad_weight = np.zeros(weight.shape, np.float64)
            np.add.at(grad_weight, classes, grad_losses * focused)
        return gradients(input=(input, grad_input), weight=(weight, grad_weight))

    return np.asarray(output, dtype), vjp


def _power_adjoint(grad: Array, base: Array, exponent: float) -> Array:
    """The gradient of the base from that of base^exponent: 0 for an exponent of 0, whatever the rest."""
    return grad * (exponent * base ** (exponent - 1)) if exponent else np.zeros_like(base)

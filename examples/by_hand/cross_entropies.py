"""Cross entropies of language models: with a z-loss, of capped logits, and smoothed with padding."""

import numpy as np

from parity import losses
from parity.losses.activations import exponentials
from parity.losses.arguments import gradients, promote, widen, working
from parity.losses.checks import check_reduction
from parity.losses.class_indices import weighted_reduction
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result


@without_warnings
def z_loss_cross_entropy(
    input: Array, target: Array, z_weight: float = 1e-4, ignore_index: int = -100, reduction: str = "mean"
) -> Result:
    """l = -log p_t + z_weight (log Z)^2 with Z = sum_c exp(x_c), which keeps logits from drifting.

    input: (C), (N, C) or (N, C, d1, ..., dK). target: class indices of that shape without C.
    The mean is over the targets that are not ignored; z_weight counts for nothing in the others.

    Raises what cross_entropy raises.

    Source: Chowdhery et al., PaLM (2022), section 5.

    >>> round(float(z_loss_cross_entropy(np.array([[0.0, 0.0]]), np.array([0]), z_weight=1.0)[0]), 4)
    1.1736
    """
    check_reduction(reduction)
    dtype = input.dtype
    scores = widen(input, dtype)
    nll, nll_back = losses.cross_entropy(scores, target, ignore_index=ignore_index, reduction="none")
    axis = min(input.ndim - 1, 1)
    peak, exponential, total = exponentials(scores, axis)
    log_z = np.squeeze(peak + np.log(total), axis)
    valid = target != ignore_index
    values = nll + z_weight * np.where(valid, log_z * log_z, nll.dtype.type(0))
    output, adjoint = weighted_reduction(values, nll.dtype.type(np.count_nonzero(valid)), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # dlog Z/dx_c = exp(x_c) / Z = p_c, so the penalty adds 2 z_weight log Z p_c
        grad_losses = np.broadcast_to(adjoint(grad_output), nll.shape)
        grad_log_z = np.where(valid, grad_losses * z_weight, 0).astype(nll.dtype) * (2 * log_z)
        penalty = np.expand_dims(grad_log_z, axis) * (exponential / total)
        return gradients(input=(input, nll_back(grad_losses)["input"] + penalty))

    return np.asarray(output, dtype), vjp


@without_warnings
def softcapped_cross_entropy(
    input: Array, target: Array, weight: Array | None = None, softcap: float | None = 30.0,
    ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Result:  # fmt: skip
    """The cross entropy of the logits softcap tanh(x / softcap), none of which is beyond the cap.

    All but softcap as in cross_entropy; a softcap of None caps nothing.

    Source: Gemma Team, Gemma 2 (2024), section 2.

    >>> round(float(softcapped_cross_entropy(np.array([[1e6, -1e6]]), np.array([1]), softcap=3.0)[0]), 4)
    6.0025
    """
    dtype = promote(input, target, weight)
    scores = widen(input, input.dtype)
    slope = np.ones((), scores.dtype)
    if softcap is not None:
        squashed = np.tanh(scores / softcap)
        # d softcap tanh(x / softcap) / dx = 1 - tanh^2
        scores, slope = softcap * squashed, 1 - squashed * squashed
    wide_weight = None if weight is None else widen(weight, weight.dtype)
    output, back = losses.cross_entropy(
        scores, widen(target, target.dtype), wide_weight, ignore_index=ignore_index, reduction=reduction,
        label_smoothing=label_smoothing,
    )  # fmt: skip

    def vjp(grad_output: Array) -> Gradients:
        found = back(widen(grad_output, dtype))
        return gradients(
            input=(input, found["input"] * slope), target=(target, found.get("target")),
            weight=(weight, found.get("weight")),
        )  # fmt: skip

    return np.asarray(output, dtype), vjp


@without_warnings
def label_smoothed_cross_entropy(
    input: Array, target: Array, epsilon: float = 0.1, ignore_index: int = -100, shift_labels: bool = False
) -> Result:
    """(1 - e) mean(-log p_t) + e mean(-log p_c over all classes), both means over the targets that are no padding.

    As the label smoother of transformers does it: input (..., C), target (...), int64; any negative target that is
    not ignore_index counts as class 0; the sum over the classes of a half, and with it the loss, is in float32.
    shift_labels: position i of input (N, T, C) predicts target i + 1.

    Raises RuntimeError for a target of another dtype or shape, or beyond the classes.

    Source: Szegedy et al., Rethinking the Inception Architecture (2016).

    >>> round(float(label_smoothed_cross_entropy(np.array([[0.0, np.log(3.0)]]), np.array([1]))[0]), 4)
    0.3426
    """
    dtype = input.dtype
    used, labels = (input[..., :-1, :], target[..., 1:]) if shift_labels else (input, target)
    classes = input.shape[-1]
    _check_labels(used, labels, classes)
    log_probability, softmax_back = losses.log_softmax(widen(used, dtype), -1)
    padding = labels == ignore_index
    index = np.maximum(labels, 0)[..., np.newaxis]
    counted = log_probability.dtype.type(np.count_nonzero(~padding))
    zero = log_probability.dtype.type(0)
    picked = -np.take_along_axis(log_probability, index, -1)[..., 0]
    smoothed = -log_probability.sum(-1)
    mean = np.where(padding, zero, picked).sum() / counted
    uniform = np.where(padding, zero, smoothed).sum() / (counted * classes)
    output = np.asarray((1 - epsilon) * mean + epsilon * uniform, working(dtype))

    def vjp(grad_output: Array) -> Gradients:
        # -log p_t has the slope (1 - e) / count and each of the C -log p_c the slope e / (count C); padding has none
        own, every = -(1 - epsilon) * grad_output / counted, -epsilon * grad_output / (counted * classes)
        grad_log_probability = np.zeros_like(log_probability)
        grad_log_probability += np.where(padding, zero, every)[..., np.newaxis]
        moved = np.take_along_axis(grad_log_probability, index, -1) + np.where(padding, zero, own)[..., np.newaxis]
        np.put_along_axis(grad_log_probability, index, moved, -1)
        grad_input = np.zeros(input.shape, log_probability.dtype)
        (grad_input[..., :-1, :] if shift_labels else grad_input)[...] = softmax_back(grad_log_probability)["input"]
        return gradients(input=(input, grad_input))

    return output, vjp


def _check_labels(input: Array, labels: Array, classes: int) -> None:
    """Raise RuntimeError unless the labels are int64, one for each row of the input, and below `classes`."""
    if labels.dtype != np.int64:
        raise RuntimeError(f"target is of {labels.dtype}, expected int64")
    if labels.shape != input.shape[:-1]:
        raise RuntimeError(f"target has shape {labels.shape}, expected {input.shape[:-1]}")
    if labels.size and labels.max() >= classes:
        raise RuntimeError(f"target holds the class {labels.max()}, expected below {classes}")

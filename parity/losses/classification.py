"""Losses of many classes: the negative log likelihood, and the cross entropy of class indices or probabilities."""

import numpy as np

from parity.losses.activations import exponentials, in_short_buffers, sum_along
from parity.losses.arguments import FLOAT32, gradients, is_floating, promote, sum_in_float64, widen
from parity.losses.arithmetic import rounded, scalar
from parity.losses.blocks import evaluated, in_blocks, whole
from parity.losses.checks import check_arrays, check_number, check_real_floating
from parity.losses.class_indices import (
    along_classes,
    batched,
    check_ignore_index,
    check_indices,
    check_int64_places,
    in_output_shape,
    valid_targets,
    weighted_reduction,
    wrapped_ignore_index,
)
from parity.losses.reduction import resolve
from parity.losses.registration import loss
from parity.types import Array, Gradients, Result

__all__ = ["cross_entropy", "nll_loss"]


@loss
def nll_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l_n = -w_t x_nt with t = target_n: the negative log likelihood, where x holds log probabilities.

    input: (C), (N, C) or (N, C, d1, ..., dK), of a floating dtype.
    target: class indices in [0, C), of input's shape without the class dimension, or of one element for an
        input (C); int64 or, for an input of at most two dimensions, uint8.
    weight: one for each class, of input's dtype.
    ignore_index: targets of this value have loss and gradient 0, and no part in the mean.
    reduction: 'mean' is sum_n l_n / sum_n w_t: nan where all targets are ignored.

    Raises ValueError for another number of targets than of rows and for an unknown reduction, IndexError for a
    class outside [0, C), NotImplementedError for an input that is not floating, TypeError for an ignore_index
    that is not an int, and RuntimeError for any other misfit of shape or dtype.

    Source: Bishop, Pattern Recognition and Machine Learning, 4.3.4. In float16 both sums of the mean overflow
    at 65520, as torch's do: that many targets have the mean 0 or nan.

    >>> float(nll_loss(np.array([[-0.5, -1.0], [-2.0, -0.25]]), np.array([0, 1]))[0])
    0.375
    """
    reduction = resolve(reduction, size_average, reduce)
    check_arrays(input=input, target=target, weight=weight)
    check_ignore_index(ignore_index)
    weight = check_indices("nll_loss", input, target, weight, reduction)
    dtype = input.dtype
    scores, labels = batched(widen(input, dtype), target)
    targets = valid_targets(labels, scores.shape[1], ignore_index, weight, scores.dtype)
    losses = targets.scatter(-targets.weight * scores[targets.index], labels.shape)
    output, adjoint = weighted_reduction(losses, targets.total_weight(dtype), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # dl_n/dx_nc = -w_t [c = t]
        check_int64_places(input, target)
        grad_input = np.zeros(input.shape, scores.dtype)
        batched(grad_input, target)[0][targets.index] = -targets.weight * targets.gather(adjoint(grad_output))
        return gradients(input=(input, grad_input))

    return in_output_shape(output, input, reduction, dtype), vjp


@loss
def cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Result:
    """l_n = -sum_c w_c t_nc log p_nc with p = softmax(x): the cross entropy of the logits x with a target t.

    A target of input's shape holds the probabilities t_nc, and has a gradient. Any other holds class indices,
    as in nll_loss: t_n is 1 at one class and 0 elsewhere.

    input, ignore_index: as in nll_loss.
    target: class indices as in nll_loss, or probabilities of input's shape and any real floating dtype.
    weight: as in nll_loss; with probabilities of any real dtype, and with a gradient.
    reduction: with indices 'mean' is as in nll_loss; with probabilities it divides by the number of the l_n.
    label_smoothing: e in [0, 1] mixes the target with the uniform one: (1 - e) t + e / C. Below 0 it is 0.

    Raises, with class indices, what nll_loss raises; RuntimeError for a label_smoothing above 1, and for
    probabilities that are not floating or come with an ignore_index of 0 or more.

    Source: Good, Rational Decisions (1952); Szegedy et al., Rethinking the Inception Architecture (2016), for
    the smoothing. Torch multiplies where the maths leaves out: a logit of -inf with probability 0 gives nan.
    In float16 its sums overflow, and so do these: the smoothed mean is inf once sum_nc -log p_nc is 65520.

    >>> round(float(cross_entropy(np.array([[0.0, 0.0], [0.0, np.log(3.0)]]), np.array([0, 1]))[0]), 4)
    0.4904
    """
    reduction = resolve(reduction, size_average, reduce)
    check_arrays(input=input, target=target, weight=weight)
    check_number(label_smoothing=label_smoothing)
    check_ignore_index(ignore_index)
    smoothing = label_smoothing if label_smoothing > 0 else 0.0
    if target.shape == input.shape:
        _check_probabilities(input, target, weight, ignore_index)
        _check_smoothing(smoothing)
        return _of_probabilities(input, target, weight, reduction, smoothing)
    _check_smoothing(smoothing)
    _check_logits(input)
    wide_weight = check_indices("cross_entropy", input, target, weight, reduction)
    if smoothing and weight is not None:
        _check_smoothed_weight(weight, reduction)
    if smoothing and target.ndim == input.ndim:
        raise RuntimeError(f"target has shape {target.shape}, expected () beside label_smoothing")
    return _of_indices(input, target, wide_weight, ignore_index, reduction, smoothing)


@in_short_buffers
def _of_indices(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, smoothing: float
) -> Result:
    """(1 - e) (-w_t log p_t) + (e / C) (-sum_c w_c log p_c), where each of the two is reduced by itself."""
    dtype = input.dtype
    scores, labels = batched(widen(input, dtype), target)
    classes = scores.shape[1]
    targets = valid_targets(labels, classes, ignore_index, weight, scores.dtype)
    (x,) = in_blocks(scores)
    peak, exponential, total = evaluated(*exponentials(x, 1))
    log_total = np.log(total)
    log_picked = scores[targets.index] - peak[:, 0][targets.position] - log_total[:, 0][targets.position]
    losses = targets.scatter(-targets.weight * rounded(log_picked, dtype), labels.shape)
    output, adjoint = weighted_reduction(losses, targets.total_weight(dtype), reduction, dtype)

    if smoothing:
        if weight is not None and reduction == "mean" and labels.dtype == np.uint8 and targets.weight.size:
            raise RuntimeError("target is of uint8, expected int64 for a weighted mean with label_smoothing")
        weighted = rounded(scores - peak - log_total, dtype)
        if weight is not None:
            weighted = rounded(weighted * along_classes(weight, scores.ndim), dtype)
        uniform = -sum_along(weighted, 1)[:, 0]
        counted = labels != wrapped_ignore_index(ignore_index, labels)
        count = np.count_nonzero(counted) if weight is None else targets.total_weight(dtype)
        uniform_output, uniform_adjoint = weighted_reduction(np.where(counted, uniform, 0), count, reduction, dtype)
        ratio = smoothing / classes if classes else np.inf
        output = (1 - smoothing) * output + ratio * uniform_output

    @in_short_buffers
    def vjp(grad_output: Array) -> Gradients:
        # dlog p_i/dx_c = [i = c] - p_c, so gradients s_i of the -log p_i give dl/dx_c = p_c sum_i s_i - s_c.
        # The target's class has s_t = g w_t; smoothing adds g' w_i to every class.
        check_int64_places(input, target)
        upstream = widen(grad_output, dtype)
        grad_target_nll = targets.gather(adjoint(rounded((1 - smoothing) * upstream, dtype)))
        grad_target_nll = rounded(targets.weight * grad_target_nll, dtype)
        grad_input = np.empty(input.shape, scores.dtype)
        rows = batched(grad_input, target)[0]
        if smoothing:
            grad_smoothed = uniform_adjoint(rounded(ratio * upstream, dtype))
            grad_smoothed = np.where(counted, grad_smoothed, 0)[:, np.newaxis]
            grad_nll = np.empty_like(rows)
            np.multiply(grad_smoothed, 1 if weight is None else along_classes(weight, scores.ndim), out=grad_nll)
            grad_nll = rounded(grad_nll, dtype)
            grad_nll[targets.index] += grad_target_nll
            grad_nll = rounded(grad_nll, dtype)
            np.multiply(exponential, sum_along(grad_nll, 1) / total, out=rows)
            rows -= grad_nll
        else:
            grad_loss = targets.scatter(grad_target_nll, labels.shape)[:, np.newaxis]
            np.multiply(exponential, grad_loss / total, out=rows)
            rows[targets.index] -= grad_target_nll
        return gradients(input=(input, grad_input))

    return in_output_shape(output, input, reduction, dtype), vjp


@in_short_buffers
def _of_probabilities(input: Array, target: Array, weight: Array | None, reduction: str, smoothing: float) -> Result:
    """-sum_c w_c t_c log p_c, summed over all samples for 'sum', and divided by their number for 'mean'."""
    axis = min(input.ndim - 1, 1)
    classes = input.shape[axis]
    dtype = promote(input, target, weight)
    # an empty input may be of any dtype
    scores = widen(input, input.dtype if is_floating(input) else FLOAT32)
    x, t = in_blocks(scores, target, axis=axis)
    peak, exponential, total = exponentials(x, axis)
    peak, total = evaluated(peak, total)
    exponential = np.exp(x - peak)
    log_probability = rounded(x - peak - np.log(total), input.dtype)
    target_probability = widen(t, target.dtype)
    if smoothing:
        target_probability = rounded((1 - smoothing) * target_probability, target.dtype)
        uniform = scalar(smoothing / classes if classes else np.inf, target.dtype)
        target_probability = rounded(target_probability + uniform, target.dtype)
    product_dtype = promote(input, target)
    values = rounded(log_probability * target_probability, product_dtype)
    class_weight = None if weight is None else along_classes(widen(weight, weight.dtype), input.ndim)
    if class_weight is not None:
        values = rounded(values * class_weight, dtype)

    samples = values.dtype.type(input.size // classes if classes else 0)
    if reduction == "none":
        output = -np.squeeze(whole(sum_along(values, axis)), axis)
    else:
        output = rounded(-np.add.reduce(values, axis=None), dtype)
        output = output / samples if reduction == "mean" else output

    @in_short_buffers
    def vjp(grad_output: Array) -> Gradients:
        # dlog p_i/dx_c = [i = c] - p_c, so gradients s_i of the log p_i give dl/dx_c = s_c - p_c sum_i s_i.
        # The gradient of log p_i is -g w_i t_i, and that of t_i is -g w_i log p_i.
        grad_values = -widen(grad_output, dtype)
        if reduction == "none":
            grad_values = np.expand_dims(grad_values, axis)
        elif reduction == "mean":
            grad_values = grad_values / samples
        grad_weight = None
        if class_weight is not None:
            others = tuple(other for other in range(input.ndim) if other != axis)
            products = rounded(log_probability * target_probability, product_dtype)
            grad_weight = sum_in_float64(whole(products * grad_values), others)
            grad_values = grad_values * class_weight.conj()
        grad_target = (1 - smoothing) * grad_values * log_probability
        grad_log_probability = grad_values * target_probability
        grad_input = grad_log_probability - exponential * (sum_along(grad_log_probability, axis) / total)
        return gradients(input=(input, grad_input), target=(target, grad_target), weight=(weight, grad_weight))

    return np.asarray(output).astype(dtype, copy=False), vjp


def _check_probabilities(input: Array, target: Array, weight: Array | None, ignore_index: int) -> None:
    """Raise what torch raises unless these fit together."""
    if not is_floating(target) or target.dtype.kind == "c":
        raise RuntimeError(f"target is of {target.dtype}, expected probabilities, as it has input's shape")
    _check_logits(input)
    if ignore_index >= 0:
        raise RuntimeError(f"ignore_index is {ignore_index}, expected none, as the target holds probabilities")
    classes = input.shape[min(input.ndim - 1, 1)]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(f"weight has shape {weight.shape}, expected ({classes},): one for each class")


def _check_smoothing(smoothing: float) -> None:
    if smoothing > 1:
        raise RuntimeError(f"label_smoothing is {smoothing}, expected at most 1")


def _check_smoothed_weight(weight: Array, reduction: str) -> None:
    """Of the shapes that check_indices lets pass, raise what torch raises for those that smoothing does not take."""
    if not weight.ndim:
        raise IndexError("weight has no dimensions, expected one beside label_smoothing")
    if weight.shape[1:] and (reduction == "mean" or len(weight) != weight.size):
        raise RuntimeError(f"weight has shape {weight.shape}, expected one dimension beside label_smoothing")


def _check_logits(input: Array) -> None:
    """Raise what torch's log_softmax raises, before the target is looked at."""
    if input.ndim == 0:
        raise IndexError("input has no dimensions, expected (C), (N, C) or (N, C, d1, ..., dK)")
    if input.size:
        check_real_floating("cross_entropy", input.dtype)
    elif input.dtype.kind == "c":
        raise RuntimeError(f"cross_entropy has no gradient in {input.dtype}, expected a real floating dtype")

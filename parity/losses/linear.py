"""Cross entropy of a linear layer's output: at once, or in chunks, without ever holding all the logits."""

import warnings
from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from parity.losses.arguments import gradients, sum_in_float64, widen
from parity.losses.checks import check_kernel
from parity.losses.class_indices import fits_int64
from parity.losses.classification import cross_entropy
from parity.losses.linear_options import LinearCrossEntropyOptions, check_dtypes, chunk_size
from parity.losses.reduction import REDUCTIONS, reduced
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result

__all__ = ["linear_cross_entropy"]

# The most classes in a chunk. A float32 sum over so few keeps its digits, and the chunk fits into the cache.
MOST_CLASSES = 256


@loss
def linear_cross_entropy(
    input: Array,
    linear_weight: Array,
    target: Array,
    *,
    linear_bias: Array | None = None,
    weight: Array | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Result:
    """l = cross_entropy(W x + b, target).

    input: (N, features), or (features,) for one sample.
    linear_weight, linear_bias: W, (C, features) or (C, d_1, ..., d_K, features), and b, W's shape less its
        last dimension. K dimensions need N and make it a loss for each of N x d_1 x ... x d_K places.
    target, weight, reduction, label_smoothing: as in cross_entropy.
    ignore_index: None is -100, and must be None if target holds probabilities.
    options: None computes all N x C logits at once. Otherwise they are computed one chunk at a time, and
        once more in the vjp, so that no N x C array ever exists. Chunks are for class indices of int64
        without smoothing or K dimensions: anything else warns and is computed at once.

    How the logits are cut does not change the answer, but that they are cut does, in torch and so here. In
    chunks an ignored row is one with a factor of 0: its nan logits make the loss nan, and the mean over
    nothing but ignored rows has a gradient of nan, not 0. Also, linear_bias and weight may be of any dtype,
    linear_weight too if input is float16 or bfloat16, and labels past the N-th count in the mean.

    Raises RuntimeError for shapes and dtypes that do not fit together, and whatever cross_entropy raises; in
    chunks, also IndexError for a class that weight lacks, RuntimeError for one outside [0, C), ValueError
    for input of a dtype not floating and ZeroDivisionError where 'aspect_ratio' has no features or classes.

    Source: Bishop, Pattern Recognition and Machine Learning, 4.3.4; Wijmans et al., Cut Your Losses in
    Large-Vocabulary Language Models, ICLR 2025, for the logits that are not kept.

    >>> round(float(linear_cross_entropy(np.array([[1.0]]), np.array([[0.0], [np.log(3.0)]]), np.array([1]))[0]), 4)
    0.2877
    """
    _check_shapes(input, linear_weight, linear_bias)
    classes, *places = linear_weight.shape[:-1]
    if target.shape == (*input.shape[:-1], classes, *places) and ignore_index is not None:
        raise RuntimeError(f"ignore_index is {ignore_index}, expected None where target holds probabilities")
    ignore_index = -100 if ignore_index is None else ignore_index

    layer = _Layer(input, linear_weight, linear_bias)
    if options is not None:
        if reduction in REDUCTIONS and label_smoothing == 0 and target.dtype == np.int64 and not places:
            return _in_chunks(layer, target, weight, reduction, ignore_index, options)
        warnings.warn(
            "options are ignored: chunks need a target of int64, a weight of two dimensions, label_smoothing=0"
            f" and a plain reduction, not {target.dtype}, {linear_weight.ndim}, {label_smoothing} and"
            f" {reduction!r}.",
            stacklevel=3,
        )
    return _at_once(layer, target, weight, reduction, ignore_index, label_smoothing)


class _Layer(NamedTuple):
    """The arguments of the linear layer."""

    input: Array
    linear_weight: Array
    linear_bias: Array | None


def _at_once(
    layer: _Layer, target: Array, weight: Array | None, reduction: str, ignore_index: int, label_smoothing: float
) -> Result:
    """The loss from all the logits."""
    input, linear_weight, linear_bias = layer
    dtype = input.dtype
    for name, array in (("linear_weight", linear_weight), ("linear_bias", linear_bias)):
        if array is not None and array.dtype != dtype:
            raise RuntimeError(f"{name} is {array.dtype}, expected {dtype} as input is")
    features = widen(np.atleast_2d(input), dtype)
    matrix = widen(linear_weight.reshape(prod(linear_weight.shape[:-1]), features.shape[1]), dtype)
    logits = features @ matrix.T
    if linear_bias is not None:
        logits += widen(linear_bias.reshape(-1), dtype)
    # torch rounds the logits to float16 and bfloat16 here, which changes the cross entropy more than all that follows
    logits = logits.astype(dtype, copy=False)
    output, cross_vjp = cross_entropy(
        logits.reshape(*input.shape[:-1], *linear_weight.shape[:-1]),
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )

    def vjp(grad_output: Array) -> Gradients:
        found = cross_vjp(grad_output)
        grad_logits = widen(found.pop("input").reshape(logits.shape), dtype)
        # z = W x + b: dx = W^T dz, dW = dz x^T and db = dz, summed over the batch
        return found | gradients(
            input=(input, (grad_logits @ matrix).reshape(input.shape)),
            linear_weight=(linear_weight, (grad_logits.T @ features).reshape(linear_weight.shape)),
            linear_bias=(linear_bias, sum_in_float64(grad_logits, 0).reshape(linear_weight.shape[:-1])),
        )

    return output, vjp


def _in_chunks(
    layer: _Layer,
    target: Array,
    weight: Array | None,
    reduction: str,
    ignore_index: int,
    options: LinearCrossEntropyOptions,
) -> Result:
    """The loss from a chunk of the logits at a time."""
    input, linear_weight, linear_bias = layer
    dtype = input.dtype
    features = widen(np.atleast_2d(input), dtype)
    samples, classes = len(features), len(linear_weight)
    size = chunk_size(options, samples, features.shape[1], classes, dtype)
    # without a batch, torch looks at no weight and no label
    check_dtypes(dtype, linear_weight.dtype if samples else dtype, options)
    target = target if input.ndim == 2 else target[np.newaxis]
    if not samples:
        target = np.empty(0, target.dtype)
    weights, labels = _weights_and_labels(target, classes, weight, ignore_index, features.dtype)
    _check_labels(labels, samples, classes)
    matrix = widen(linear_weight, dtype)
    wide_bias = None if linear_bias is None else widen(linear_bias, dtype)

    def chunks() -> Iterator[tuple[slice, tuple[Array, Array], Array]]:
        """Some classes, where the targets among them are in their logits, and these, a row for each class.

        All samples are in a chunk, so that the weights of a class are read once, and their gradient written
        once. Chunks of rows would go over all the weights again for each.
        """
        count = min(max(size * classes // max(samples, 1), 1), MOST_CLASSES)
        for start in range(0, classes, count):
            part = slice(start, start + count)
            logits = matrix[part] @ features.T
            if wide_bias is not None:
                logits += wide_bias[part, np.newaxis]
            places = labels[:samples] - start
            columns = np.flatnonzero((places >= 0) & (places < len(logits)))
            yield part, (places[columns], columns), logits

    # -log softmax(z)_t = log(sum_j exp(z_j - m)) - (z_t - m), where m is the largest logit so far and the
    # sum is scaled to each new one; m starts from the lowest number, not from -inf, as -inf - -inf is nan
    peaks = np.full(samples, np.finfo(features.dtype).min, features.dtype)
    totals = np.zeros(samples, features.dtype)
    target_logits = np.empty(samples, features.dtype)
    for _, targets, logits in chunks():
        target_logits[targets[1]] = logits[targets]
        higher = np.maximum(peaks, logits.max(axis=0))
        logits -= higher
        totals *= np.exp(peaks - higher)
        totals += np.exp(logits, out=logits).sum(axis=0)
        peaks = higher
    losses = np.log(totals) - (target_logits - peaks)
    if reduction == "mean":  # of the samples' shares, in which no small weight is lost
        weights /= weights.sum() or np.nan
    weights = weights[:samples]
    output, adjoint = reduced(losses * weights, "sum" if reduction == "mean" else reduction, features.dtype)
    if reduction == "mean" and not samples:
        output = np.full_like(output, np.nan)
    output = output.astype(dtype).reshape(output.shape if input.ndim == 2 else ())

    def vjp(grad_output: Array) -> Gradients:
        if reduction == "none" and len(labels) > samples:
            raise RuntimeError(f"target has shape {labels.shape}, expected one class for each of {samples} samples")
        # unless the reduction is none, torch computes the gradients in the forward, and in the backward multiplies them
        # by grad_output: 0 times inf is nan then
        early_grad, late_factor = (grad_output, 1) if reduction == "none" else (np.ones_like(grad_output), grad_output)
        grad_losses = adjoint(early_grad) * weights
        scales = grad_losses / totals
        grad_input = np.zeros_like(features)
        grad_weight = np.empty(linear_weight.shape, features.dtype)
        grad_bias = np.empty(classes, features.dtype)
        for part, targets, logits in chunks():
            # d(-log softmax(z)_t) / dz = softmax(z) - onehot(t), and from z to W, x and b as in _at_once
            logits -= peaks
            np.exp(logits, out=logits)
            logits *= scales
            logits[targets] -= grad_losses[targets[1]]
            grad_input += logits.T @ matrix[part]
            grad_weight[part] = logits @ features
            grad_bias[part] = logits.sum(axis=1)
        return gradients(
            input=(input, late_factor * grad_input.reshape(input.shape)),
            # torch rounds these to the dtype of input, and only then to their own
            linear_weight=(linear_weight, (late_factor * grad_weight).astype(dtype, copy=False)),
            linear_bias=(linear_bias, (late_factor * grad_bias).astype(dtype, copy=False)),
        )

    return output, vjp


def _weights_and_labels(
    target: Array, classes: int, weight: Array | None, ignore_index: int, dtype: DType
) -> tuple[Array, Array]:
    """The weight of each sample's loss, 0 for an ignored one, and its class, any for an ignored one."""
    if not isinstance(ignore_index, int | np.integer | np.bool_) or not fits_int64(int(ignore_index)):
        raise RuntimeError(f"ignore_index is {ignore_index!r}, expected an int")
    if target.ndim != 1:
        refusal = IndexError if target.ndim and weight is not None else RuntimeError
        raise refusal(f"target has shape {target.shape}, expected one class for each sample")
    ignored = target == ignore_index
    labels = target if 0 <= ignore_index < classes else np.where(ignored, 0, target)
    weights = np.ones(target.shape, dtype)
    if weight is not None:
        if not isinstance(weight, np.ndarray):
            raise RuntimeError(f"weight is {weight!r}, expected an array")
        if labels.size:
            check_kernel(weight=weight.dtype)
        table = weight.reshape(1) if not weight.ndim and labels.size < 2 else weight
        if table.ndim and labels.size and (labels.min() < 0 or labels.max() >= len(table)):
            raise IndexError(f"target holds classes from {labels.min()} to {labels.max()}, weight has {len(table)}")
        if table.ndim != 1:
            raise RuntimeError(f"weight has shape {weight.shape}, expected ({classes},)")
        weights = table[labels].astype(dtype)
    weights[ignored] = 0
    return weights, labels


def _check_shapes(input: Array, linear_weight: Array, linear_bias: Array | None) -> None:
    if input.ndim not in (1, 2):
        raise RuntimeError(f"input has shape {input.shape}, expected (N, features) or (features,)")
    if linear_weight.ndim < 2 or linear_weight.shape[-1] != input.shape[-1]:
        raise RuntimeError(f"linear_weight has shape {linear_weight.shape}, expected (C, ..., {input.shape[-1]})")
    if linear_bias is not None and linear_bias.shape != linear_weight.shape[:-1]:
        raise RuntimeError(f"linear_bias has shape {linear_bias.shape}, expected {linear_weight.shape[:-1]}")
    if linear_weight.ndim > 2 and input.ndim == 1:
        raise RuntimeError(
            f"input has shape {input.shape}, expected (N, features) for linear_weight of {linear_weight.shape}"
        )


def _check_labels(labels: Array, samples: int, classes: int) -> None:
    """Refuse classes that do not fit the logits. Labels past the batch count in torch's mean, so they may."""
    if len(labels) < samples:
        raise RuntimeError(f"target has shape {labels.shape}, expected one class for each of {samples} samples")
    used = labels[:samples]
    if samples and not classes:
        raise IndexError("linear_weight has no classes")
    if samples and (used.min() < 0 or used.max() >= classes):
        raise RuntimeError(f"target holds classes from {used.min()} to {used.max()}, expected 0 to {classes - 1}")

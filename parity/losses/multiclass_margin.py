"""Margin losses over classes: multi margin, multilabel margin and multilabel soft margin.

In the two hinges each class that is no target should stay a margin below each that is. Torch takes their
derivative to be 0 at the kink, and a nan there for no violation at all: it reaches neither loss nor gradient.
"""

import numpy as np

from parity.losses.arguments import FLOAT16, gradients, loss, promote, widen
from parity.losses.checks import check_broadcast, check_no_bool, check_real_floating, check_spelled_reduction
from parity.losses.reduction import reduced, resolve
from parity.losses.steps import kept, rounded, row_sums
from parity.types import Array, DType, Gradients, Result

FLOAT64: DType = np.dtype(np.float64)
# So many numbers at once stay in the cache.
BLOCK = 2**16


@loss
def multi_margin_loss(
    input: Array, target: Array, p: int = 1, margin: float = 1.0, weight: Array | None = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Result:
    """l = w_t / C sum over classes c other than the target t of max(0, margin - x_t + x_c)^p.

    `input` is (N, C) scores or (C,), `target` is (N,) int64 classes or (). `weight` is (C,), is read at the
    target's class and does not enter the mean's divisor N. p is 1 or 2. Only float32 and float64 are taken.

    Raises ValueError for another p, a weight not 1-d and an unknown reduction, NotImplementedError for input
    of another dtype, RuntimeError for other shapes or dtypes of target and weight and a class outside [0, C).

    Source: Weston and Watkins, Support vector machines for multi-class pattern recognition (1999). Torch
    departs from the maths for an empty batch, of which it returns uninitialised memory: this returns the sum 0
    and the mean nan.
    """
    reduction = resolve(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"p is {p}, expected 1 or 2")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight has shape {weight.shape}, expected one dimension")
    scores = _rows("multi_margin_loss", input)
    classes = scores.shape[1]
    if target.size != len(scores) or target.ndim > 1:
        raise RuntimeError(f"target has shape {target.shape}, expected one class for each row of {scores.shape}")
    if weight is not None and (weight.size != classes or weight.dtype != input.dtype):
        raise RuntimeError(f"weight is {weight.dtype} {weight.shape}, expected {input.dtype} ({classes},)")
    _check_labels(target, 0, classes)
    labels = target.reshape(-1)

    targets = np.arange(len(scores)), labels
    violation = scores + (margin - scores[targets])[:, None]
    violation[targets] = 0
    np.fmax(violation, 0, out=violation)
    losses = _totals(violation if p == 1 else np.square(violation)) / classes
    if weight is not None:
        losses = np.where(losses > 0, losses * weight[labels], losses)
    output, adjoint = reduced(losses.reshape(target.shape), reduction, input.dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with z = margin - x_t + x_c > 0: dl/dx_c = w_t / C p z^(p - 1), and dl/dx_t is minus their sum
        scale = np.full((len(scores), 1), p / classes, input.dtype)
        if weight is not None:
            scale *= weight[labels, None]
        slope = kept(scale, violation > 0)
        if p == 2:
            slope *= violation
        slope[targets] = -row_sums(slope)
        slope *= adjoint(grad_output).astype(input.dtype).reshape(-1, 1)
        return gradients(input=(input, slope))

    return output, vjp


@loss
def multilabel_margin_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = 1 / C sum over targets t and over classes c that are no target of max(0, 1 - x_t + x_c).

    `input` is (N, C) scores or (C,), `target` is of the same shape, int64: a row's classes up to its first -1,
    a class named twice counting twice. Only float32 and float64 are taken.

    Raises RuntimeError for another shape or dtype of target, and for an entry outside [-1, C) even after the
    first -1, NotImplementedError for another dtype of input, ValueError for an unknown reduction.

    Source: Crammer and Singer, A family of additive online algorithms for category ranking (2003). Torch
    departs from the maths for an empty batch, of which it returns uninitialised memory: this returns the sum 0
    and the mean nan.
    """
    reduction = resolve(reduction, size_average, reduce)
    scores = _rows("multilabel_margin_loss", input)
    classes = scores.shape[1]
    # a lone score may have its label in a dimension or in none, whichever it is in itself
    lone = input.ndim < 2 and target.ndim < 2 and input.size == target.size == 1
    if target.shape != input.shape and not lone:
        raise RuntimeError(f"target has shape {target.shape}, expected that of input, {input.shape}")
    _check_labels(target, -1, classes)
    labels = target.reshape(scores.shape)

    losses = np.empty(len(scores), np.result_type(input.dtype, FLOAT64))
    counts = np.zeros(scores.shape, input.dtype)
    # in blocks, since each row is read once for each of its labels
    for start in range(0, len(scores), step := max(1, BLOCK // classes)):
        block = slice(start, start + step)
        losses[block] = _compete(scores[block], labels[block], counts[block]) / classes
    output, adjoint = reduced(losses.reshape(input.shape[:-1]), reduction, input.dtype)

    def vjp(grad_output: Array) -> Gradients:
        # each pair (t, c) with z = 1 - x_t + x_c > 0 adds 1 / C to dl/dx_c and takes it from dl/dx_t
        slope = counts / classes
        slope *= adjoint(grad_output).astype(input.dtype).reshape(-1, 1)
        return gradients(input=(input, slope))

    return output, vjp


@loss
def multilabel_soft_margin_loss(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Result:
    """l = -1 / C sum over classes of w (y log s(x) + (1 - y) log s(-x)), with s(x) = 1 / (1 + exp(-x)).

    The classes are input's last dimension, and the loss is their mean even for reduction='none'. `target` and
    `weight` broadcast with input. All three have a gradient.

    Raises IndexError for a 0-d input, RuntimeError for shapes that do not broadcast and a target of bools,
    NotImplementedError for integers and complex numbers, ValueError for an unknown reduction, the old name
    elementwise_mean included, TypeError for one that is no text.

    Source: the binary cross entropy of each label; Bishop, Pattern Recognition and Machine Learning, 4.3.2.
    Torch departs from this where target or weight have more dimensions than input: it averages over dimension
    input.ndim - 1, whichever that is in the broadcast shape, and divides by input's size C.
    """
    if size_average is None and reduce is None:
        check_spelled_reduction(reduction)
    reduction = resolve(reduction, size_average, reduce)
    if not input.ndim:
        raise IndexError("input has no dimensions, expected at least one: the classes")
    check_real_floating("multilabel_soft_margin_loss", input.dtype)
    check_no_bool(target=target)
    check_broadcast(input=input, target=target, **({} if weight is None else {"weight": weight}))
    dtype = promote(input, target, weight)
    axis, classes = input.ndim - 1, input.shape[-1]
    scores, yes, no = widen(input, input.dtype), widen(target, dtype), widen(1 - target, dtype)

    # log s(x) = min(x, 0) - log(1 + exp(-|x|)), and exp(-|x|) is the product of two exponentials, one being 1
    under, over = np.minimum(scores, 0), np.minimum(-scores, 0)
    lower, upper = np.exp(under), np.exp(over)
    odds = lower * upper
    tail = np.log1p(odds)
    log_yes, log_no = rounded(under - tail, input.dtype), rounded(over - tail, input.dtype)
    entropy = rounded(-(yes * log_yes + no * log_no), dtype)
    weights = None if weight is None else widen(weight, dtype)
    weighted = entropy if weights is None else rounded(entropy * weights, dtype)
    losses = rounded(np.add.reduce(weighted, axis=axis), dtype) / classes
    output, adjoint = reduced(losses, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        of_weighted = rounded(adjoint(grad_output) / classes, dtype)
        if reduction == "none":
            of_weighted = np.expand_dims(of_weighted, axis)
        slope = of_weighted if weights is None else rounded(of_weighted * weights, dtype)
        # dl/dx = (1 - y) s(x) - y s(-x) with s(x) = exp(min(x, 0)) / (1 + exp(-|x|)),
        # and dl/dy = log s(-x) - log s(x)
        of_yes, of_no = rounded(yes * slope, dtype), rounded(no * slope, dtype)
        of_input = (of_no * lower - of_yes * upper) / (1 + odds)
        of_target = rounded(log_no * slope, dtype) - rounded(log_yes * slope, dtype)
        return gradients(
            input=(input, of_input),
            target=(target, of_target),
            weight=(weight, None if weight is None else entropy * of_weighted),
        )

    return output, vjp


def _rows(function: str, input: Array) -> Array:
    """The scores as (N, C): a sample alone is a batch of one, and a score alone a sample of one class."""
    if input.dtype.kind != "f" or input.dtype == FLOAT16:
        raise NotImplementedError(f"{function} is not defined for {input.dtype}, expected float32 or float64")
    classes = input.shape[-1] if input.ndim else 1
    if input.ndim > 2 or classes == 0:
        raise RuntimeError(f"input has shape {input.shape}, expected (N, C) or (C,) with at least one class")
    return input.reshape(-1, classes)


def _check_labels(target: Array, least: int, classes: int) -> None:
    """Raise RuntimeError for labels that are not int64 or not in [least, classes)."""
    if target.dtype != np.int64:
        raise RuntimeError(f"target is {target.dtype}, expected int64")
    if target.size and (target.min() < least or target.max() >= classes):
        raise RuntimeError(f"target goes from {target.min()} to {target.max()}, expected [{least}, {classes})")


def _totals(violation: Array) -> Array:
    """The sum of each row, in float64 as torch sums them: finite as long as their mean is."""
    return row_sums(violation.astype(np.result_type(violation, FLOAT64), copy=False))


def _compete(scores: Array, labels: Array, counts: Array) -> Array:
    """Each row's sum of violations; `counts` takes the slope of that sum."""
    ended = labels < 0
    lengths = np.where(ended.any(axis=1), ended.argmax(axis=1), labels.shape[1])
    longest = lengths.max()
    rows, places = np.nonzero(np.arange(longest) < lengths[:, None])
    named = rows, labels[rows, places]
    rivals, margins = scores.copy(), np.full((len(scores), longest), -np.inf, scores.dtype)
    rivals[named], margins[rows, places] = -np.inf, 1 - scores[named]
    beaten = np.zeros_like(margins)
    sums = np.zeros(len(scores), np.result_type(scores, FLOAT64))
    # in each round every player's next labels meet all of its rivals; who has none left is far from each
    for place in range(0, longest, together := max(1, BLOCK // scores.size)):
        players = np.flatnonzero(lengths > place)
        labels_met = players, slice(place, place + together)
        violation = rivals[players, None] + margins[labels_met][..., None]
        np.fmax(violation, 0, out=violation)
        sums[players] += np.add.reduce(_totals(violation), axis=1)
        violated = (violation > 0).astype(scores.dtype)
        counts[players] += np.add.reduce(violated, axis=1)
        beaten[labels_met] = row_sums(violated)
    np.subtract.at(counts, named, beaten[rows, places])
    return sums

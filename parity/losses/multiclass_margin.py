"""Margin losses over classes: multi margin, multilabel margin and multilabel soft margin.

In the first two each class that is not a target should stay a margin below each target. Torch takes the
derivative of their hinge max(0, z) to be 0 at the kink z = 0. Where z is nan, torch's hinge and gradient are 0.
"""

import numpy as np

from parity.losses.arguments import FLOAT16, gradients, promote, widen
from parity.losses.arithmetic import conjugate, rounded, row_sums, zero_outside
from parity.losses.blocks import in_blocks, row_by_row, whole
from parity.losses.checks import (
    check_64_bits,
    check_arrays,
    check_broadcast,
    check_kernel,
    check_no_bool,
    check_number,
    check_real,
    check_real_floating,
    check_representable,
    check_spelled_reduction,
)
from parity.losses.class_indices import check_int64, check_range
from parity.losses.reduction import reduced, resolve
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result

__all__ = ["multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss"]

FLOAT64: DType = np.dtype(np.float64)
# The numbers of an array that is worked on at once: 2^16 of 8 bytes are 512 KiB, which fit into the cache.
BLOCK = 2**16


@loss
def multi_margin_loss(
    input: Array,
    target: Array,
    p: int = 1,
    margin: float = 1.0,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = w_t / C sum over classes c other than the target t of max(0, margin - x_t + x_c)^p.

    input: scores, (N, C) or (C,), of float32 or float64.
    target: classes, (N,) or (), of int64.
    p: 1 or 2.
    margin: how far each other class should stay below the target.
    weight: (C,), of input's dtype; read at the target's class, and no part of the mean's divisor.
    reduction: 'mean' divides by N.

    Raises ValueError for another p, a weight not 1-d and an unknown reduction, NotImplementedError for input
    of another dtype, RuntimeError for other shapes or dtypes of target and weight and a class outside [0, C).

    Source: Weston and Watkins, Support vector machines for multi-class pattern recognition (1999). Of an
    empty batch torch returns uninitialised memory, and this the sum 0 and the mean nan.

    >>> float(multi_margin_loss(np.array([[1.0, 2.0]]), np.array([0]))[0])
    1.0
    """
    reduction = resolve(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"p is {p}, expected 1 or 2")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight has shape {weight.shape}, expected one dimension")
    check_arrays(input=input, target=target)
    check_number(margin=margin)
    check_64_bits(margin=margin)
    scores = _rows(input)
    classes = scores.shape[1]
    if target.size != len(scores) or target.ndim > 1:
        raise RuntimeError(f"target has shape {target.shape}, expected one class for each row of {scores.shape}")
    if weight is not None and weight.size != classes:
        raise RuntimeError(f"weight has shape {weight.shape}, expected ({classes},)")
    if not input.size:  # of an empty batch torch looks at no dtype but a complex one, and at no class
        if input.dtype.kind == "c":
            raise RuntimeError(f"input is {input.dtype}, which has no gradient here: expected float32 or float64")
        output, _ = reduced(np.zeros(target.shape), reduction, input.dtype)
        return output, lambda _: gradients(input=(input, input))
    _check_scores("multi_margin_loss", input.dtype)
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(f"weight is {weight.dtype}, expected input's {input.dtype}")
    check_int64(target)
    check_range(target, 0, classes)
    check_representable(input.dtype, margin=margin)
    labels = target.reshape(-1)

    of_target = np.ones(1, input.dtype) if weight is None else weight[labels]
    x, t, w = in_blocks(scores, labels[:, None], of_target[:, None])
    violation = _violations(x, t, margin=margin)
    hinges = violation if p == 1 else np.square(violation)
    hinges = hinges if weight is None else zero_outside(hinges * w, violation > 0)
    output, _ = reduced((whole(_totals(hinges)) / classes).reshape(target.shape), reduction, input.dtype)

    def vjp(grad_output: Array) -> Gradients:
        # z = margin - x_t + x_c > 0: dl/dx_c = w_t / C p z^(p - 1), dl/dx_t minus their sum. A mean divides by N first.
        scale = input.dtype.type(p / (classes * (len(scores) if reduction == "mean" else 1)))
        slopes = zero_outside((scale if p == 1 else scale * violation) * w, violation > 0)
        return gradients(input=(input, _balanced(slopes, t) * grad_output.astype(input.dtype).reshape(-1, 1)))

    return output, vjp


@loss
def multilabel_margin_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Result:
    """l = 1 / C sum over targets t and over classes c that are not a target of max(0, 1 - x_t + x_c).

    input: scores, (N, C) or (C,), of float32 or float64.
    target: input's shape, of int64: a row's classes up to its first -1, a class named twice counting twice.
    reduction: 'mean' divides by N.

    Raises RuntimeError for another shape or dtype of target, and for an entry outside [-1, C) even after the
    first -1, NotImplementedError for another dtype of input, ValueError for an unknown reduction.

    Source: Crammer and Singer, A family of additive online algorithms for category ranking (2003). Of an empty
    batch torch returns uninitialised memory, and this the sum 0 and the mean nan.

    >>> float(multilabel_margin_loss(np.array([[1.0, 2.0, 0.0, 0.0]]), np.array([[0, -1, 0, 0]]))[0])
    0.5
    """
    reduction = resolve(reduction, size_average, reduce)
    check_arrays(input=input, target=target)
    scores = _rows(input)
    classes = scores.shape[1]
    # torch takes a label of shape () or (1,) for a single score of shape () or (1,)
    single_score = input.ndim < 2 and target.ndim < 2 and input.size == target.size == 1
    if target.shape != input.shape and not single_score:
        raise RuntimeError(f"target has shape {target.shape}, expected that of input, {input.shape}")
    labels = target.reshape(scores.shape) if len(scores) else np.zeros(scores.shape, np.int64)  # which no one reads
    check_real("multilabel_margin_loss", labels)
    check_kernel(target=labels.dtype)
    check_range(labels, -1, classes)
    _check_scores("multilabel_margin_loss", input.dtype)
    check_int64(labels)

    losses = np.empty(len(scores), np.result_type(input.dtype, FLOAT64))
    violation_counts = np.zeros(scores.shape, input.dtype)
    # in blocks, since each row is read once for each of its labels
    for start in range(0, len(scores), step := max(1, BLOCK // classes)):
        block = slice(start, start + step)
        losses[block] = _count_violations(scores[block], labels[block], violation_counts[block]) / classes
    output, adjoint = reduced(losses.reshape(input.shape[:-1]), reduction, input.dtype)

    def vjp(grad_output: Array) -> Gradients:
        # each pair (t, c) with z = 1 - x_t + x_c > 0 adds 1 / C to dl/dx_c and takes it from dl/dx_t
        grad_input = violation_counts / classes
        grad_input *= adjoint(grad_output).astype(input.dtype).reshape(-1, 1)
        return gradients(input=(input, grad_input))

    return output, vjp


@loss
def multilabel_soft_margin_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = -1 / C sum over classes of w (y log s(x) + (1 - y) log s(-x)), with s(x) = 1 / (1 + exp(-x)).

    input: logits, (..., C), of a real floating dtype.
    target: y, of a shape that broadcasts with input's; any dtype but bool.
    weight: w, of a shape that broadcasts with input's. All three have a gradient.
    reduction: 'none' is still the mean over the classes; 'mean' is over the samples too.

    Raises IndexError for a 0-d input, RuntimeError for shapes that do not broadcast and a target of bools,
    NotImplementedError for integers and complex numbers, ValueError for an unknown reduction, the old name
    elementwise_mean included, TypeError for one that is not a text.

    Source: the binary cross entropy of each label; Bishop, Pattern Recognition and Machine Learning, 4.3.2.
    Torch departs from this where target or weight have more dimensions than input: it averages over dimension
    input.ndim - 1, whichever that is in the broadcast shape, and divides by input's size C.

    >>> round(float(multilabel_soft_margin_loss(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]))[0]), 4)
    0.6931
    """
    check_arrays(input=input)
    check_real_floating("multilabel_soft_margin_loss", input.dtype)
    target_dtype, pair_dtype, shape = input.dtype, input.dtype, input.shape
    if isinstance(target, np.ndarray):
        check_broadcast(input=input, target=target)
        target_dtype, pair_dtype, shape = target.dtype, promote(input, target), np.broadcast_shapes(shape, target.shape)
        check_no_bool(target=target)
        check_kernel(target=target_dtype)
    dtype = pair_dtype
    if isinstance(weight, np.ndarray):
        check_broadcast(losses=np.broadcast_to(0, shape), weight=weight)
        dtype = promote(np.empty((1,) * len(shape), pair_dtype), weight)
    if not input.ndim:
        raise IndexError("input has no dimensions, expected at least one: the classes")
    if size_average is None and reduce is None:
        check_spelled_reduction(reduction)
    reduction = resolve(reduction, size_average, reduce)
    axis, classes = input.ndim - 1, input.shape[-1]
    x, y = in_blocks(input, np.asarray(target))
    # a plain number counts as it is, without a dtype of its own
    scores, positive, negative = widen(x, input.dtype), widen(y, pair_dtype), widen(1 - y, pair_dtype)

    # s(x) = exp(min(x, 0)) / (1 + exp(-|x|)) and s(-x) = exp(min(-x, 0)) / (1 + exp(-|x|)). One of the numerators is
    # 1 and the other exp(-|x|), which is therefore their product.
    log_numerator, opposite_log_numerator = np.minimum(scores, 0), np.minimum(-scores, 0)
    numerator, opposite_numerator = np.exp(log_numerator), np.exp(opposite_log_numerator)
    decay = numerator * opposite_numerator
    log_denominator = np.log1p(decay)
    log_positive = rounded(log_numerator - log_denominator, input.dtype)
    log_negative = rounded(opposite_log_numerator - log_denominator, input.dtype)
    total = -rounded(positive * log_positive, pair_dtype) - rounded(negative * log_negative, pair_dtype)
    entropy = widen(rounded(total, pair_dtype), dtype)
    weights = None if weight is None else widen(np.asarray(weight), dtype)
    weighted = entropy if weights is None else rounded(entropy * weights, dtype)
    losses = rounded(whole(np.add.reduce(weighted, axis=axis)), dtype) / classes
    output, adjoint = reduced(losses, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        grad_weighted = rounded(adjoint(grad_output) / classes, dtype)
        if reduction == "none":
            grad_weighted = np.expand_dims(grad_weighted, axis)
        grad_entropy = grad_weighted if weights is None else rounded(grad_weighted * conjugate(weights), pair_dtype)
        # dl/dx = (1 - y) s(x) - y s(-x), and dl/dy = log s(-x) - log s(x)
        grad_log_positive = rounded(conjugate(positive) * grad_entropy, input.dtype)
        grad_log_negative = rounded(conjugate(negative) * grad_entropy, input.dtype)
        grad_input = (grad_log_negative * numerator - grad_log_positive * opposite_numerator) / (1 + decay)
        grad_target = rounded(rounded(log_negative * grad_entropy, pair_dtype), target_dtype)
        grad_target = grad_target - rounded(rounded(log_positive * grad_entropy, pair_dtype), target_dtype)
        grad_weight = None if weight is None else conjugate(entropy) * grad_weighted
        return gradients(input=(input, grad_input), target=(target, grad_target), weight=(weight, grad_weight))

    return output, vjp


def _check_scores(function: str, dtype: DType) -> None:
    """Raise NotImplementedError for scores of a dtype that torch does not compare in."""
    if dtype.kind != "f" or dtype == FLOAT16:
        raise NotImplementedError(f"{function} is not defined for {dtype}, expected float32 or float64")


def _rows(input: Array) -> Array:
    """The scores as (N, C): (C,) is a batch of one sample, and () one sample of one class."""
    classes = input.shape[-1] if input.ndim else 1
    if input.ndim > 2 or classes == 0:
        raise RuntimeError(f"input has shape {input.shape}, expected (N, C) or (C,) with at least one class")
    return input.reshape(-1, classes)


@row_by_row
def _violations(scores: Array, labels: Array, *, margin: float) -> Array:
    """max(0, margin - x_t + x_c) for each class c but the target t, where it is 0."""
    targets = np.arange(len(scores)), labels[:, 0]
    violation = scores + (margin - scores[targets])[:, None]
    violation[targets] = 0
    return np.fmax(violation, 0, out=violation)


@row_by_row
def _balanced(grad_scores: Array, labels: Array) -> Array:
    """The gradients of all classes, that of the target minus the sum of the others."""
    balanced = grad_scores.copy()
    balanced[np.arange(len(labels)), labels[:, 0]] = -row_sums(grad_scores)
    return balanced


@row_by_row
def _totals(violation: Array) -> Array:
    """The sum of each row, in float64 as torch sums them: finite as long as their mean is."""
    return row_sums(violation.astype(np.result_type(violation, FLOAT64), copy=False))


def _count_violations(scores: Array, labels: Array, violation_counts: Array) -> Array:
    """The sum of violations of each row, (N,). Its gradient, a count, is added to `violation_counts`, (N, C)."""
    ended = labels < 0
    lengths = np.where(ended.any(axis=1), ended.argmax(axis=1), labels.shape[1])
    longest = lengths.max()
    rows, places = np.nonzero(np.arange(longest) < lengths[:, None])
    target_index = rows, labels[rows, places]
    other_scores, margins = scores.copy(), np.full((len(scores), longest), -np.inf, scores.dtype)
    other_scores[target_index], margins[rows, places] = -np.inf, 1 - scores[target_index]
    target_counts = np.zeros_like(margins)
    sums = np.zeros(len(scores), np.result_type(scores, FLOAT64))
    # each round compares the next labels of every row with all other classes; a row without further labels has a
    # target margin of -inf, which violates nothing
    for place in range(0, longest, step := max(1, BLOCK // scores.size)):
        active_rows = np.flatnonzero(lengths > place)
        active = active_rows, slice(place, place + step)
        violation = other_scores[active_rows, None] + margins[active][..., None]
        np.fmax(violation, 0, out=violation)
        sums[active_rows] += np.add.reduce(_totals(violation), axis=1)
        violated = (violation > 0).astype(scores.dtype)
        violation_counts[active_rows] += np.add.reduce(violated, axis=1)
        target_counts[active] = row_sums(violated)
    np.subtract.at(violation_counts, target_index, target_counts[rows, places])
    return sums

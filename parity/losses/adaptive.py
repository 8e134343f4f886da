"""The adaptive softmax: frequent classes in a head, rarer ones in clusters behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from parity.losses.activations import exponentials
from parity.losses.arguments import gradients, widen
from parity.losses.checks import check_arrays, check_kernel, check_no_bool, check_real_floating
from parity.losses.reduction import reduced
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result

__all__ = ["adaptive_log_softmax_with_loss"]

# So many samples are summed before they meet the others.
ROWS = 4096


@loss
def adaptive_log_softmax_with_loss(
    input: Array,
    target: Array,
    cutoffs: list[int],
    head_weight: Array,
    head_bias: Array | None = None,
    *,
    returns: str = "loss",
    **tail_weights: Array,
) -> Result:
    """What torch.nn.AdaptiveLogSoftmaxWithLoss answers, with its parameters as arguments.

    Classes below ``cutoffs[0]`` are in the head, those from ``cutoffs[i]`` to below ``cutoffs[i + 1]`` in
    cluster i. The head is a softmax over its own classes and the clusters; a cluster is a softmax over its
    classes, behind a projection P to fewer features:

        log p(t) = log softmax(H x + b)[t]                      for t in the head
        log p(t) = log softmax(H x + b)[cutoffs[0] + i]
                 + log softmax(W_i P_i x)[t - cutoffs[i]]       for t in cluster i

    input: (N, features), or (features,) for one sample; float32, float64, float16 or bfloat16.
    target: (N,) or (), int64 or int32.
    cutoffs: the module's own ``cutoffs``, with the number of classes at the end.
    head_weight, head_bias: H, (cutoffs[0] + clusters, features), and b, one number for each row of H.
    tail_weights: by the names of the module's parameters, ``tail_0_0_weight`` (P_0: hidden, features),
        ``tail_0_1_weight`` (W_0: classes of the cluster, hidden), ``tail_1_0_weight`` and so on.
    returns: the field of torch's answer: 'output' is log p(t) of each sample, 'loss' the mean of -log p(t).

    A cluster that holds none of the targets is not computed: its weights have no gradient, not one of 0.

    Raises ValueError for cutoffs that do not increase from 1 on and for an unknown `returns`, RuntimeError
    for weights that are missing or too many and for a target that is not a class, IndexError or RuntimeError
    for shapes and dtypes that do not fit together.

    Source: Grave et al., Efficient softmax approximation for GPUs, ICML 2017.

    >>> weights = {"tail_0_0_weight": np.zeros((1, 2)), "tail_0_1_weight": np.zeros((2, 1))}
    >>> loss, vjp = adaptive_log_softmax_with_loss(np.ones((1, 2)), np.array([2]), [1, 3], np.zeros((2, 2)), **weights)
    >>> round(float(loss), 4)  # log 2 for the cluster and log 2 for the class in it
    1.3863
    """
    if not head_weight.ndim:
        raise IndexError("head_weight has no dimensions, expected two")
    _check_cutoffs(cutoffs)
    _check_names(tail_weights, len(cutoffs) - 1)
    if returns not in ("output", "loss"):
        raise ValueError(f"returns is {returns!r}, expected 'output' or 'loss'")
    check_arrays(head_bias=head_bias, **tail_weights)
    _check_shapes(input, target)
    dtype = input.dtype
    samples, classes = (input, target) if target.ndim else (input[np.newaxis], target[np.newaxis])
    features = widen(samples, dtype)
    clusters = _clusters(classes, cutoffs)
    classes = classes.astype(np.int64, copy=False)

    # the clusters before the head, as torch does: what does not fit is found in this order
    tails, in_clusters = [], []
    for cluster in range(1, len(cutoffs)):
        members = np.flatnonzero(clusters == cluster)
        if members.size:
            check_no_bool(target=target)
            names = (f"tail_{cluster - 1}_0_weight", f"tail_{cluster - 1}_1_weight")
            hidden = _linear(features[members], tail_weights[names[0]], names[0], dtype)
            logits = _linear(hidden, tail_weights[names[1]], names[1], dtype)
            _check_dtypes(dtype, target)
            in_cluster, adjoint = _log_softmax_at(logits, classes[members] - cutoffs[cluster - 1])
            in_clusters.append(in_cluster)
            tails.append(_Tail(members, names, hidden, adjoint))

    _check_range(target, cutoffs[-1])
    head = _linear(features, head_weight, "head_weight", dtype, head_bias)
    _check_dtypes(dtype, target)
    in_head = np.where(clusters == 0, classes, cutoffs[0] - 1 + clusters)
    log_probabilities, head_adjoint = _log_softmax_at(head, in_head)
    for tail, in_cluster in zip(tails, in_clusters, strict=True):
        log_probabilities[tail.members] += in_cluster

    if returns == "output":
        sign, (output, output_adjoint) = 1, reduced(log_probabilities, "none", dtype)
        output = output.reshape(target.shape)
    else:
        sign, (output, output_adjoint) = -1, reduced(-log_probabilities, "mean", dtype)

    def vjp(grad_output: Array) -> Gradients:
        grad_log_probs = np.broadcast_to(sign * output_adjoint(grad_output), classes.shape)
        # z = H x + b: dx = H^T dz, dH = dz x^T, db = dz, summed over the samples; the tails likewise
        grad_head = head_adjoint(grad_log_probs)
        grad_features = grad_head @ widen(head_weight, dtype)
        pairs = {"head_weight": (head_weight, _over_samples(grad_head, features)), "head_bias": (head_bias, grad_head)}
        for tail in tails:
            projection, weight = (tail_weights[name] for name in tail.names)
            grad_logits = tail.adjoint(grad_log_probs[tail.members])
            grad_hidden = grad_logits @ widen(weight, dtype)
            grad_features[tail.members] += grad_hidden @ widen(projection, dtype)
            pairs[tail.names[0]] = (projection, _over_samples(grad_hidden, features[tail.members]))
            pairs[tail.names[1]] = (weight, grad_logits.T @ tail.hidden)
        return gradients(input=(input, grad_features.reshape(input.shape)), **pairs)

    return output, vjp


@dataclass(frozen=True, slots=True)
class _Tail:
    """What the backward pass needs of a cluster in use: its samples, weights, hidden features and softmax."""

    members: Array
    names: tuple[str, str]
    hidden: Array
    adjoint: Callable[[Array], Array]


def _clusters(classes: Array, cutoffs: list[int]) -> Array:
    """0 for a class in the head, i + 1 for one in cluster i."""
    if classes.dtype.kind == "c" or (classes.dtype.kind == "u" and classes.itemsize > 1):
        raise NotImplementedError(f"target is {classes.dtype}, which has no order: expected int64 or int32")
    return np.searchsorted(cutoffs, classes.astype(np.int64), side="right")


def _check_range(target: Array, count: int) -> None:
    if target.size and not (target.min() >= 0 and target.max() < count):
        raise RuntimeError(f"target holds classes from {target.min()} to {target.max()}, expected 0 to {count - 1}")


def _check_dtypes(dtype: DType, target: Array) -> None:
    """Raise what torch raises where a log softmax of `dtype` cannot be read at the target."""
    check_real_floating("adaptive_log_softmax_with_loss", dtype)
    if target.size and target.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"target is {target.dtype}, expected int64 or int32")


def _linear(features: Array, weight: Array, name: str, dtype: DType, bias: Array | None = None) -> Array:
    """W x + b for each row x of the wide features."""
    if weight.shape == features.shape[1:] and bias is None:  # a vector is multiplied, and has no classes then
        raise IndexError(f"{name} has shape {weight.shape}, expected two dimensions")
    if weight.ndim != 2 or weight.shape[1] != features.shape[1]:
        raise RuntimeError(f"{name} has shape {weight.shape}, expected (outputs, {features.shape[1]})")
    for argument, array in ((name, weight), ("head_bias", bias)):
        if array is not None and array.dtype != dtype:
            raise RuntimeError(f"{argument} is {array.dtype}, expected {dtype} as input is")
    check_kernel(**{name: dtype})
    if dtype == np.bool_:
        raise NotImplementedError(f"{name} holds bools, which are not multiplied: expected a real floating dtype")
    output: Array = features @ widen(weight, dtype).T
    if bias is not None:
        try:
            output += widen(bias, dtype)
        except ValueError:
            raise RuntimeError(f"head_bias has shape {bias.shape}, expected ({len(weight)},)") from None
    return output


def _over_samples(grad: Array, features: Array) -> Array:
    """dz x^T summed over the samples, `ROWS` at a time: a million single numbers in a row lose three digits."""
    total: Array = grad[:ROWS].T @ features[:ROWS]
    for start in range(ROWS, len(grad), ROWS):
        total += grad[start : start + ROWS].T @ features[start : start + ROWS]
    return total


def _log_softmax_at(logits: Array, classes: Array) -> tuple[Array, Callable[[Array], Array]]:
    """log softmax(z)[k] for each row z and its class k, and the adjoint that takes its gradient to that of z."""
    if classes.size and classes.max() >= logits.shape[1]:
        raise RuntimeError(f"a weight has {logits.shape[1]} rows, too few to pick row {classes.max()}")
    rows = np.arange(len(logits))
    peak, exponential, total = exponentials(logits, 1)

    def adjoint(grad_log_probs: Array) -> Array:
        # d log softmax(z)_k / dz = onehot(k) - softmax(z)
        grad_logits: Array = exponential * (-grad_log_probs[:, np.newaxis] / total)
        grad_logits[rows, classes] += grad_log_probs
        return grad_logits

    return logits[rows, classes] - peak[:, 0] - np.log(total[:, 0]), adjoint


def _check_cutoffs(cutoffs: list[int]) -> None:
    bounds = [0, *cutoffs]
    if any(isinstance(bound, str) for bound in bounds):
        raise TypeError(f"cutoffs is {cutoffs}, expected integers rather than texts")
    if len(bounds) < 3 or any(int(bound) != bound for bound in bounds):
        raise ValueError(f"cutoffs is {cutoffs}, expected cutoffs, then the class count, all whole")
    if any(low >= high for low, high in pairwise(bounds)):
        raise ValueError(f"cutoffs is {cutoffs}, expected numbers that increase from 1 on")
    if any(isinstance(bound, float) for bound in bounds):
        raise TypeError(f"cutoffs is {cutoffs}, expected integers rather than floats")


def _check_names(tail_weights: dict[str, Array], clusters: int) -> None:
    expected = {f"tail_{cluster}_{layer}_weight" for cluster in range(clusters) for layer in (0, 1)}
    if set(tail_weights) != expected:
        raise RuntimeError(
            f"tail_weights are named {sorted(tail_weights)}, expected {sorted(expected)}, two for a cluster"
        )


def _check_shapes(input: Array, target: Array) -> None:
    if target.ndim > 1:
        raise RuntimeError(f"target has shape {target.shape}, expected (N,) or ()")
    if target.ndim and not input.ndim:
        raise IndexError(f"input has no dimensions, expected ({len(target)}, features)")
    if input.ndim != target.ndim + 1 or input.shape[:-1] != target.shape:
        raise RuntimeError(f"input has shape {input.shape}, expected {target.shape} and the features")

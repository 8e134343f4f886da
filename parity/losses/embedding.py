"""Losses of distances between embeddings: cosine embedding and the two triplet margins.

The hinge max(0, z) has no derivative at its kink z = 0. These, as torch, take it to be 1 there.
"""

from collections.abc import Callable

import numpy as np

from parity.losses.arguments import gradients, loss, promote, unbroadcast, widen, working
from parity.losses.checks import check_broadcast, check_no_bool, check_real, check_reduction
from parity.losses.reduction import reduced, resolve
from parity.losses.steps import constant, floating, kept, rounded, row_sums, signed
from parity.types import Array, DType, Gradients, Result, Vjp

Distance = Callable[[Array, Array], Result]
EPSILON = float(np.float32(1e-12))


@loss
def cosine_embedding_loss(
    input1: Array, input2: Array, target: Array, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Result:
    """l = 1 - cos(x1, x2) where y = 1, and max(0, cos(x1, x2) - margin) where y = -1.

    `input1` and `input2` are (N, D) and `target` is (N,), or (D,) and (); they broadcast. Integers give a
    float32 loss. target has no gradient. A target neither 1 nor -1 gives 0.

    Raises RuntimeError for other shapes, NotImplementedError for complex numbers, ValueError for an unknown
    reduction.

    Source: Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping (2006), with
    the cosine for the distance. Torch departs from the maths by adding 1e-12, rounded to float32, to each
    squared length, so that the cosine of a zero vector is 0.
    """
    reduction = resolve(reduction, size_average, reduce)
    if target.ndim > 1 or not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(
            f"input1, input2 and target have shapes {input1.shape}, {input2.shape} and {target.shape}, "
            "expected (N, D), (N, D) and (N,), or (D,), (D,) and ()"
        )
    check_real("cosine_embedding_loss", input1, input2)
    check_broadcast(input1=input1, input2=input2)
    dtype1, dtype2 = floating(input1.dtype), floating(input2.dtype)
    dtype = promote(np.empty(1, dtype1), np.empty(1, dtype2))
    product = widen(_dot(input1, input2), dtype)
    square1 = rounded(widen(_dot(input1, input1), dtype1) + constant(EPSILON, dtype1), dtype1)
    square2 = rounded(widen(_dot(input2, input2), dtype2) + constant(EPSILON, dtype2), dtype2)
    length = rounded(np.sqrt(rounded(square1 * square2, dtype)), dtype)
    cosine = rounded(product / length, dtype)
    check_broadcast(cosine=cosine, target=target)
    gap = cosine - constant(margin, dtype)
    together, apart = signed(target) == 1, signed(target) == -1
    losses = np.where(together, 1 - cosine, 0) + np.where(apart, np.maximum(gap, 0), 0)
    output, adjoint = reduced(losses, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # cos = x1.x2 / r with r = sqrt(s1 s2) and s = x.x + eps, so by the chain rule
        # dcos/dx1 = x2 / r + dcos/dr dr/ds1 2 x1, where dcos/dr = -cos / r and dr/ds1 = s2 / (2 r)
        slope = adjoint(grad_output)
        of_cosine = np.where(apart & (gap >= 0), slope, 0) - np.where(together, slope, 0)
        of_cosine = unbroadcast(of_cosine, cosine.shape)
        of_product = of_cosine / length
        of_squares = -of_cosine * (cosine / length) / (2 * length)

        def of_input(own: Array, other: Array, other_square: Array) -> Array:
            direct = widen(other, dtype) * of_product[..., None]
            through_length = widen(own, dtype) * (2 * of_squares * other_square)[..., None]
            return unbroadcast(direct, own.shape) + unbroadcast(through_length, own.shape)

        return gradients(
            input1=(input1, of_input(input1, input2, square2)),
            input2=(input2, of_input(input2, input1, square1)),
        )

    return output, vjp


@loss
def pairwise_distance(
    x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Result:
    """The p-norm of x1 - x2 + eps over the last dimension: ``torch.nn.functional.pairwise_distance``.

    (sum |d|^p)^(1/p), for p = inf the largest |d| and for -inf the least, for p = 0 the number of d that are
    not 0. `x1` and `x2` broadcast. p = 0 has no gradient.

    Raises RuntimeError for shapes that do not broadcast, for bools, and for a negative or infinite p over an
    empty dimension, NotImplementedError for complex numbers.

    Source: Horn and Johnson, Matrix Analysis, 5.2. Torch departs from the maths by eps, added to the
    difference rather than to its length, which makes the distance asymmetric, and by a gradient of 0 where the
    length is 0.
    """
    check_no_bool(x1=x1, x2=x2)
    check_real("pairwise_distance", x1, x2)
    check_broadcast(x1=x1, x2=x2)
    pair = promote(x1, x2)
    dtype = floating(pair)
    difference = rounded(widen(x1, pair) - widen(x2, pair), pair)
    difference = rounded(widen(difference, dtype) + constant(eps, dtype), dtype)
    vectors = np.atleast_1d(difference)
    # torch takes the length of a lone element to be its magnitude, which does not overflow, but not in 0-d
    lone = p != 0 and difference.shape[-1:] == (1,)
    lengths = np.abs(vectors[..., 0]) if lone else rounded(_lengths(vectors, p), dtype)
    keep = keepdim and difference.ndim > 0

    def vjp(grad_output: Array) -> Gradients:
        if p == 0:
            return {}
        of_lengths = widen(grad_output, dtype)
        of_lengths = of_lengths if keep else of_lengths[..., None]
        of_difference = _slope(vectors, lengths[..., None], p, of_lengths, dtype)
        return gradients(x1=(x1, of_difference), x2=(x2, -of_difference))

    return np.array(lengths[..., None] if keep else lengths, dtype), vjp


@loss
def triplet_margin_loss(
    anchor: Array, positive: Array, negative: Array, margin: float = 1.0, p: float = 2, eps: float = 1e-06,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Result:
    """l = max(0, margin + d(a, p) - d(a, n)), where d is the p-norm of `pairwise_distance`.

    `anchor`, `positive` and `negative` are (N, D) or (D,), or have more dimensions of which the last is
    the embedding; as many as each other, and they broadcast. With `swap`, d(p, n) takes the place of d(a, n)
    where it is less; where they are equal each has half of the gradient.

    Raises ValueError for a margin not above 0 and for an unknown reduction, RuntimeError for different
    numbers of dimensions and for all that `pairwise_distance` refuses.

    Source: Balntas et al., Learning local feature descriptors with triplets and shallow convolutional neural
    networks (2016), the swap too. Torch departs from it by the eps of `pairwise_distance`.
    """
    reduction = resolve(reduction, size_average, reduce)

    def distance(x1: Array, x2: Array) -> Result:
        return pairwise_distance(x1, x2, p, eps)

    return _triplet_margin(anchor, positive, negative, distance, margin, swap, reduction)


@loss
def triplet_margin_with_distance_loss(
    anchor: Array, positive: Array, negative: Array, *, distance_function: Distance | None = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Result:
    """l = max(0, margin + d(a, p) - d(a, n)), where d is a function of the caller's.

    `distance_function(x1, x2)` returns ``(output, vjp)`` as the losses do, its vjp (asked in float32 about halves)
    the gradients of "x1" and "x2"; None is `pairwise_distance`. All else is as in `triplet_margin_loss`.

    Raises ValueError for a margin not above 0 and for an unknown reduction, the old name elementwise_mean
    included, RuntimeError for different numbers of dimensions and for distances that do not broadcast.

    Source: Balntas et al., Learning local feature descriptors with triplets and shallow convolutional neural
    networks (2016).
    """
    check_reduction(reduction)
    return _triplet_margin(
        anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction
    )


def _dot(left: Array, right: Array) -> Array:
    """The dot products over the last dimension, in the dtype of the product: int64 for integers."""
    dtype = promote(left, right)
    products = rounded(widen(left, dtype) * widen(right, dtype), dtype)
    if dtype.kind in "biu":
        return row_sums(products.astype(np.int64))
    return rounded(row_sums(products), dtype)


def _lengths(vectors: Array, p: float) -> Array:
    """The p-norms over the last dimension."""
    if p == 2:
        return np.sqrt(row_sums(vectors * vectors))
    if p == 0:
        return np.count_nonzero(vectors, axis=-1, keepdims=True)[..., 0].astype(vectors.dtype)
    if not vectors.shape[-1] and (p < 0 or p == np.inf):
        raise RuntimeError(f"the last dimension is empty, and nothing has no norm of p = {p}")
    magnitudes = np.abs(vectors)
    if abs(p) == np.inf:
        extremes: Array = magnitudes.max(axis=-1) if p > 0 else magnitudes.min(axis=-1)
        return extremes
    lengths: Array = row_sums(magnitudes**p) ** (1 / p)
    return lengths


def _slope(vectors: Array, lengths: Array, p: float, of_lengths: Array, dtype: DType) -> Array:
    """The adjoint of the p-norm |v|: its gradient times that of the lengths."""
    if p == 2:
        # d|v| / dv = v / |v|, and 0 for a length of 0
        units: Array = vectors / np.where(lengths == 0, np.inf, lengths)
        return units * of_lengths
    signs = (vectors > 0).view(np.int8) - (vectors < 0).view(np.int8)
    if p == 1:
        return signs * of_lengths
    magnitudes = np.abs(vectors)
    if abs(p) == np.inf:
        # the elements that attain the extreme share its gradient; torch counts a nan among them
        attained = (magnitudes == lengths) | np.isnan(magnitudes)
        shares: Array = of_lengths / np.count_nonzero(attained, axis=-1, keepdims=True) * attained
        return signs * shares
    # d|v| / dv_i = sign(v_i) |v_i|^(p - 1) / |v|^(p - 1), and 0 where that is 0 / 0
    powers = rounded(magnitudes ** (p - 1), dtype)
    if p < 1:
        powers = np.where(magnitudes == 0, 0, powers)
        return rounded(signs * powers * of_lengths, dtype) * rounded(lengths ** (1 - p), dtype)
    scale = rounded(of_lengths / rounded(lengths ** (p - 1), dtype), dtype)
    return signs * powers * np.where(lengths == 0, 0, scale)


def _triplet_margin(
    anchor: Array, positive: Array, negative: Array, distance: Distance, margin: float, swap: bool,
    reduction: str,
) -> Result:
    """The triplet margin loss over any distance."""
    if margin <= 0:
        raise ValueError(f"margin is {margin}, expected more than 0")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            f"anchor, positive and negative have {anchor.ndim}, {positive.ndim} and {negative.ndim} dimensions, "
            "expected the same number"
        )
    near, near_vjp = distance(anchor, positive)
    far, far_vjp = distance(anchor, negative)
    swapped, swapped_vjp = distance(positive, negative) if swap else (far, far_vjp)
    check_broadcast(positive_distance=near, negative_distance=far, swapped_distance=swapped)
    near_dtype, dtype = floating(near.dtype), floating(promote(near, far, swapped))
    ahead = rounded(widen(near, near_dtype) + constant(margin, near_dtype), near_dtype)
    closest = np.minimum(widen(far, dtype), widen(swapped, dtype)) if swap else far
    shortfall = rounded(widen(ahead, dtype) - widen(closest, dtype), dtype)
    output, adjoint = reduced(np.maximum(shortfall, 0), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with z = margin + d(a, p) - min(d(a, n), d(p, n)) >= 0: a slope of 1 for d(a, p), of -1 for the less
        # of the other two, and of -1/2 for both where they are equal
        slope = kept(adjoint(grad_output), shortfall >= 0)
        total: Gradients = {}

        def add(of_distance: Array, distances: Array, pull: Vjp, x1: str, x2: str) -> None:
            # wide, as a mean over many rows would leave few digits of a half
            upstream = np.asarray(unbroadcast(of_distance, distances.shape), working(distances.dtype))
            for name, gradient in pull(upstream).items():
                whole = x1 if name == "x1" else x2
                total[whole] = np.asarray(total[whole] + gradient) if whole in total else gradient

        add(slope, near, near_vjp, "anchor", "positive")
        if swap:
            share = np.where(far == swapped, slope / 2, slope)
            add(-np.where(far > swapped, 0, share), far, far_vjp, "anchor", "negative")
            add(-np.where(far < swapped, 0, share), swapped, swapped_vjp, "positive", "negative")
        else:
            add(-slope, far, far_vjp, "anchor", "negative")
        return total

    return output, vjp

"""Losses of distances between embeddings: cosine embedding and the two triplet margins.

The hinge max(0, z) has no derivative at its kink z = 0; what stands for it there is torch's convention.
"""

from collections.abc import Callable

import numpy as np

from parity.losses.arguments import gradients, promote, summed_to, unbroadcast, widen, working
from parity.losses.arithmetic import float_dtype, rounded, row_sums, scalar, uint8_as_int8, zero_outside
from parity.losses.blocks import evaluated, in_blocks, row_by_row
from parity.losses.checks import (
    check_64_bits,
    check_arrays,
    check_broadcast,
    check_flag,
    check_number,
    check_real,
    check_reduction,
)
from parity.losses.conventions import hinge_slope
from parity.losses.distance import pairwise_distance
from parity.losses.reduction import reduced, resolve
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result, Vjp

__all__ = ["cosine_embedding_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss"]

Distance = Callable[[Array, Array], Result]
# Torch adds it to each squared length of cosine_embedding_loss: a float32 constant in torch's source.
EPSILON = float(np.float32(1e-12))


@loss
def cosine_embedding_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = 1 - cos(x1, x2) where y = 1, and max(0, cos(x1, x2) - margin) where y = -1.

    input1, input2: (N, D) or (D,), of any real dtype; they broadcast. Integers give a float32 loss.
    target: (N,) beside (N, D), () beside (D,); 1 or -1, and any other number gives 0. It has no gradient.
    margin: the cosine that dissimilar vectors may have.
    reduction: 'mean' is over the samples.

    Raises RuntimeError for other shapes, NotImplementedError for complex numbers, ValueError for an unknown
    reduction.

    Source: Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping (2006), with
    the cosine for the distance. Torch departs from the maths by adding 1e-12, rounded to float32, to each
    squared length, so that the cosine of a zero vector is 0.

    >>> round(float(cosine_embedding_loss(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]]), np.array([1]))[0]), 4)
    0.4
    """
    reduction = resolve(reduction, size_average, reduce)
    check_arrays(input1=input1, input2=input2, target=target)
    check_number(margin=margin)
    if target.ndim > 1 or not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(
            f"input1, input2 and target have shapes {input1.shape}, {input2.shape} and {target.shape}, "
            "expected (N, D), (N, D) and (N,), or (D,), (D,) and ()"
        )
    check_broadcast(input1=input1, input2=input2)
    promote(input1, input2)
    check_real("cosine_embedding_loss", input1, input2)
    dtype1, dtype2 = float_dtype(input1.dtype), float_dtype(input2.dtype)
    dtype = promote(np.empty(1, dtype1), np.empty(1, dtype2))
    x1, x2 = in_blocks(input1, input2)
    dots = evaluated(_dot(x1, x2), _dot(x1, x1), _dot(x2, x2))
    product = widen(dots[0], dtype)
    square1 = rounded(widen(dots[1], dtype1) + scalar(EPSILON, dtype1), dtype1)
    square2 = rounded(widen(dots[2], dtype2) + scalar(EPSILON, dtype2), dtype2)
    length = rounded(np.sqrt(rounded(square1 * square2, dtype)), dtype)
    cosine = rounded(product / length, dtype)
    check_broadcast(cosine=cosine, target=target)
    violation = cosine - scalar(margin, dtype)
    similar, dissimilar = uint8_as_int8(target) == 1, uint8_as_int8(target) == -1
    losses = np.where(similar, 1 - cosine, 0) + np.where(dissimilar, np.maximum(violation, 0), 0)
    output, adjoint = reduced(losses, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # cos = x1.x2 / r with r = sqrt(s1 s2) and s = x.x + eps, so by the chain rule
        # dcos/dx1 = x2 / r + dcos/dr dr/ds1 2 x1, where dcos/dr = -cos / r and dr/ds1 = s2 / (2 r)
        grad_losses = adjoint(grad_output)
        grad_cosine = np.where(dissimilar & hinge_slope(violation), grad_losses, 0) - np.where(similar, grad_losses, 0)
        grad_cosine = unbroadcast(grad_cosine, cosine.shape)
        # each step rounded as in torch: in a half they overflow
        grad_product = rounded(grad_cosine / length, dtype)
        grad_length = rounded(-grad_cosine * rounded(cosine / length, dtype), dtype)
        grad_squares = rounded(grad_length / rounded(2 * length, dtype), dtype)

        def input_gradient(own: Array, other: Array, other_square: Array, own_dtype: DType) -> Array:
            direct = rounded(widen(other, dtype) * grad_product[..., None], own_dtype)
            # a length has its gradient at its own shape: summed before it meets the vector
            grad_square = summed_to(own.shape[:-1], rounded(grad_squares * other_square, own_dtype), cosine.shape)
            through_length: Array = 2 * rounded(widen(own, own_dtype) * grad_square[..., None], own_dtype)
            return unbroadcast(direct, own.shape) + through_length

        return gradients(
            input1=(input1, input_gradient(x1, x2, square2, dtype1)),
            input2=(input2, input_gradient(x2, x1, square1, dtype2)),
        )

    return output, vjp


@loss
def triplet_margin_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-06,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = max(0, margin + d(a, p) - d(a, n)), where d is the p-norm of `pairwise_distance`.

    anchor, positive, negative: (N, D) or (D,), or of more dimensions of which the last is the embedding; as
        many dimensions as each other, and they broadcast.
    margin: how much nearer the positive should be than the negative; above 0.
    p, eps: as in `pairwise_distance`.
    swap: whether d(p, n) takes the place of d(a, n) where it is less; equal distances get half of the gradient each.
    reduction: 'mean' is over the triplets.

    Raises ValueError for a margin not above 0 and for an unknown reduction, RuntimeError for different
    numbers of dimensions and for all that `pairwise_distance` refuses.

    Source: Balntas et al., Learning local feature descriptors with triplets and shallow convolutional neural
    networks (2016), the swap too. Torch departs from it by the eps of `pairwise_distance`.

    >>> a, p, n = np.array([0.0, 0.0]), np.array([3.0, 4.0]), np.array([0.0, 2.0])
    >>> round(float(triplet_margin_loss(a, p, n)[0]), 4)
    4.0
    """
    reduction = resolve(reduction, size_average, reduce)
    _check_margin(margin)
    check_arrays(anchor=anchor, positive=positive, negative=negative)
    check_flag(swap=swap)
    check_number(p=p, eps=eps)

    def distance(x1: Array, x2: Array) -> Result:
        return pairwise_distance(x1, x2, p, eps)

    return _triplet_margin(anchor, positive, negative, distance, float(margin), swap, reduction)


@loss
def triplet_margin_with_distance_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    distance_function: Distance | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Result:
    """l = max(0, margin + d(a, p) - d(a, n)), where d is a function of the caller's.

    anchor, positive, negative, margin, swap, reduction: as in `triplet_margin_loss`.
    distance_function: takes (x1, x2) and returns ``(output, vjp)`` as the losses do, its vjp (asked in float32
        about halves) the gradients of "x1" and "x2"; None is `pairwise_distance`.

    Raises ValueError for a margin not above 0 and for an unknown reduction, the old name elementwise_mean
    included, RuntimeError for different numbers of dimensions and for distances that do not broadcast.

    Source: Balntas et al., Learning local feature descriptors with triplets and shallow convolutional neural
    networks (2016).

    >>> a, p, n = np.array([0.0, 0.0]), np.array([3.0, 4.0]), np.array([0.0, 2.0])
    >>> round(float(triplet_margin_with_distance_loss(a, p, n)[0]), 4)
    4.0
    """
    check_reduction(reduction)
    _check_margin(margin)
    return _triplet_margin(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


@row_by_row
def _dot(left: Array, right: Array) -> Array:
    """The dot products over the last dimension, in the dtype of the product: int64 for integers."""
    dtype = promote(left, right)
    products = rounded(widen(left, dtype) * widen(right, dtype), dtype)
    if dtype.kind in "biu":
        return row_sums(products.astype(np.int64))
    return rounded(row_sums(products), dtype)


def _check_margin(margin: float) -> None:
    check_number(margin=margin)
    if margin <= 0:
        raise ValueError(f"margin is {margin}, expected more than 0")


def _triplet_margin(
    anchor: Array, positive: Array, negative: Array, distance: Distance, margin: float, swap: bool, reduction: str
) -> Result:
    """The triplet margin loss over any distance."""
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            f"anchor, positive and negative have {anchor.ndim}, {positive.ndim} and {negative.ndim} dimensions, "
            "expected the same number"
        )
    positive_distance, positive_vjp = distance(anchor, positive)
    negative_distance, negative_vjp = distance(anchor, negative)
    swapped_distance, swapped_vjp = distance(positive, negative) if swap else (negative_distance, negative_vjp)
    check_64_bits(margin=margin)
    check_broadcast(
        positive_distance=positive_distance, negative_distance=negative_distance, swapped_distance=swapped_distance
    )
    positive_dtype, dtype = (
        float_dtype(positive_distance.dtype),
        float_dtype(promote(positive_distance, negative_distance, swapped_distance)),
    )
    required = rounded(widen(positive_distance, positive_dtype) + scalar(margin, positive_dtype), positive_dtype)
    least_negative = (
        np.minimum(widen(negative_distance, dtype), widen(swapped_distance, dtype)) if swap else negative_distance
    )
    violation = rounded(widen(required, dtype) - widen(least_negative, dtype), dtype)
    output, adjoint = reduced(np.maximum(violation, 0), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with z = margin + d(a, p) - min(d(a, n), d(p, n)) above 0: dz is 1 for d(a, p), -1 for the smaller of the
        # other two, and -1/2 for both where they are equal
        grad_violation = zero_outside(adjoint(grad_output), hinge_slope(violation))
        total: Gradients = {}

        def accumulate(grad_distance: Array, distance_values: Array, distance_vjp: Vjp, x1: str, x2: str) -> None:
            # not rounded to a half: divided by the number of rows of a mean it would be a subnormal number
            upstream = np.asarray(unbroadcast(grad_distance, distance_values.shape), working(distance_values.dtype))
            for name, gradient in distance_vjp(upstream).items():
                argument = x1 if name == "x1" else x2
                total[argument] = np.asarray(total[argument] + gradient) if argument in total else gradient

        accumulate(grad_violation, positive_distance, positive_vjp, "anchor", "positive")
        if swap:
            grad_tied = np.where(negative_distance == swapped_distance, grad_violation / 2, grad_violation)
            accumulate(
                -np.where(negative_distance > swapped_distance, 0, grad_tied),
                negative_distance,
                negative_vjp,
                "anchor",
                "negative",
            )
            accumulate(
                -np.where(negative_distance < swapped_distance, 0, grad_tied),
                swapped_distance,
                swapped_vjp,
                "positive",
                "negative",
            )
        else:
            accumulate(-grad_violation, negative_distance, negative_vjp, "anchor", "negative")
        return total

    return output, vjp

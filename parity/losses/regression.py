"""Losses of the difference between input and target: l1, mse, smooth l1 and huber.

All four are an error e(d) of the difference d = x - t. So the gradient of x is e'(d) times the gradient of
the error, and that of t its negative.
"""

import warnings
from collections.abc import Callable

import numpy as np

from parity.losses.arguments import BFLOAT16, gradients, is_floating, promote, unbroadcast, widen, working
from parity.losses.arithmetic import clip, conjugate, direction, float_dtype, rounded, zero_outside
from parity.losses.blocks import in_blocks
from parity.losses.checks import (
    check_broadcast,
    check_castable,
    check_real_floating,
    check_reduction,
    check_same_shape,
    difference_dtype,
)
from parity.losses.reduction import Adjoint, reduced, resolve
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]

INT64: DType = np.dtype(np.int64)
# The wide errors e(d), the dtype that they have in torch, and the adjoint that takes their gradient to that of d.
Error = tuple[Array, DType, Adjoint]
Adjoints = Callable[[Array], tuple[Array, Array | None]]


@loss
def l1_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Array | None = None,
) -> Result:  # fmt: skip
    """The absolute error l = w |x - t|, also of complex numbers, where |.| is the modulus.

    input: any shape and dtype but bool.
    target: input's shape, or one that broadcasts with it, with a warning; any dtype but bool.
    weight: input's shape; makes the mean a weighted one.
    reduction: 'mean' is over all elements, or with a weight sum(w |x - t|) / sum(w).

    Raises ValueError for a weight of another shape than input and for an unknown reduction (with a weight,
    the old name elementwise_mean is one too), RuntimeError for shapes that do not broadcast, for bools and
    for the unweighted mean of integers.

    Source: Boscovich's least absolute deviations (1757); Bishop, Pattern Recognition and Machine Learning, 1.5.5.
    Torch departs from the maths where x - t is nan: the gradient there is 0.

    >>> float(l1_loss(np.array([1.0, 4.0]), np.array([0.0, 2.0]))[0])
    1.5
    """
    left, right = _broadcast_pair(input, target)
    check_same_shape(input, weight=weight)
    if weight is None or size_average is not None or reduce is not None:
        reduction = resolve(reduction, size_average, reduce)
    return _absolute_error(input, target, left, right, reduction, weight)


@loss
def mse_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Array | None = None,
) -> Result:  # fmt: skip
    """The squared error l = w (x - t)^2.

    input: any shape, of a real floating dtype; with a weight, of any dtype but bool.
    target: input's shape, or one that broadcasts with it, with a warning; of a dtype as input.
    weight: input's shape; makes the mean a weighted one.
    reduction: 'mean' is over all elements, or with a weight sum(w (x - t)^2) / sum(w).

    Raises ValueError for a weight of another shape than input and for an unknown reduction (with a weight,
    the old name elementwise_mean is one too), RuntimeError for shapes that do not broadcast and for weighted
    bools, NotImplementedError for integers or complex numbers without weight. Torch squares both with a
    weight, complex numbers without taking their modulus.

    Source: Gauss, Theoria combinationis observationum (1821); Bishop, Pattern Recognition, 1.5.5.

    >>> float(mse_loss(np.array([1.0, 4.0]), np.array([0.0, 2.0]))[0])
    2.5
    """
    left, right = _broadcast_pair(input, target)
    check_same_shape(input, weight=weight)
    if weight is None or size_average is not None or reduce is not None:
        reduction = resolve(reduction, size_average, reduce)
    if weight is None:
        dtype = promote(left, right)
        check_real_floating("mse_loss", dtype)
    else:
        dtype = difference_dtype(input=left, target=right)
    difference = rounded(_difference(left, right, dtype), dtype)

    def errors_adjoint(grad_errors: Array) -> Array:
        # de/dd = 2 d, which may overflow as in torch, and has a nan if it is complex; a mean is divided by N before
        before = weight is None and reduction == "mean"
        factor: Array = 2 * grad_errors if before else grad_errors
        return factor * (difference if before else conjugate(rounded(2 * difference, dtype)))

    errors = rounded(difference * difference, dtype)
    return _result(input, target, weight, (errors, dtype, errors_adjoint), reduction)


@loss
def smooth_l1_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Result:  # fmt: skip
    """Squared near zero, absolute beyond: with d = x - t, d^2 / (2 beta) if |d| < beta, else |d| - beta / 2.

    input: any shape, of a real dtype.
    target: input's shape, or one that broadcasts with it, with a warning; of a real dtype. One of the two
        is floating.
    beta: where the two branches meet, in units of d; 0 or more, and 0 is l1_loss.
    reduction: 'mean' is over all elements.

    Raises RuntimeError for a negative beta and for shapes that do not broadcast, ValueError for an unknown
    reduction, NotImplementedError for integers alone and for complex numbers.

    Source: Girshick, Fast R-CNN (2015).

    >>> float(smooth_l1_loss(np.array([0.5, 3.0]), np.array([0.0, 0.0]))[0])
    1.3125
    """
    left, right = _broadcast_pair(input, target)
    reduction = resolve(reduction, size_average, reduce)
    if beta == 0:
        return _absolute_error(input, target, left, right, reduction, None)
    if not beta > 0:
        raise RuntimeError(f"beta is {beta}, expected 0 or more")
    dtype = promote(left, right)
    check_real_floating("smooth_l1_loss", dtype)
    difference = _difference(left, right, dtype)

    # With c = d clipped to [-beta, beta], both branches are c (d - c/2) / beta, and the derivative is c / beta:
    # inside c = d, and outside c = +-beta. c is divided before it is multiplied, since beta |d| could overflow.
    clipped = clip(difference, beta)
    slope = clipped if beta == 1 else clipped / beta
    if np.isinf(working(dtype).type(beta)):  # then what is infinite is outside, and has a slope of 1
        slope = zero_outside(np.sign(difference), ~np.isfinite(difference))
    elif working(dtype).type(beta) == 0:  # 1e-50 is no 0, but one in float32, where 0 / 0 would be nan
        slope = np.sign(difference)
    error: Error = (difference - clipped * 0.5) * slope, dtype, lambda grad_errors: slope * grad_errors
    return _result(input, target, None, error, reduction)


@loss
def huber_loss(
    input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None
) -> Result:
    """Squared near 0, linear beyond: with d = x - t, d^2 / 2 if |d| <= delta, else delta (|d| - delta / 2).

    input: any shape, of a real floating dtype, which is the loss's.
    target: input's shape, or one that broadcasts with it, with a warning; a gradient needs input's dtype.
    delta: where the two branches meet, in units of d; above 0.
    weight: input's shape.
    reduction: 'mean' divides by the number of elements, not by the weights, unlike that of l1 and mse.

    Raises RuntimeError for a delta not above 0, for shapes that do not broadcast and for a target that is
    floating or complex where input is of integers, ValueError for a weight of another shape and for an unknown
    reduction, NotImplementedError for integers and complex numbers. The errors are of input's dtype whatever
    target's, but the vjp raises RuntimeError if the two differ, as torch's backward does.

    Source: Huber, Robust estimation of a location parameter (1964).

    >>> float(huber_loss(np.array([0.5, 3.0]), np.array([0.0, 0.0]))[0])
    1.3125
    """
    left, right = _broadcast_pair(input, target)
    check_same_shape(input, weight=weight)
    if weight is None:
        reduction = resolve(reduction)
    if not delta > 0:
        raise RuntimeError(f"delta is {delta}, expected more than 0")
    dtype = promote(left, right)
    check_castable("huber_loss", dtype, input.dtype)
    check_real_floating("huber_loss", dtype)
    difference = _difference(left, right, dtype)
    if dtype == BFLOAT16:
        difference = rounded(difference, dtype)  # as torch does; a difference of float16 stays wide there

    # With c = d clipped to [-delta, delta], both branches are c (d - c/2), and the derivative is c.
    clipped = clip(difference, delta)
    errors = ((difference - clipped * 0.5) * clipped).astype(working(input.dtype), copy=False)

    def errors_adjoint(grad_errors: Array) -> Array:
        if target.dtype != input.dtype:
            raise RuntimeError(f"target is of {target.dtype}, expected input's {input.dtype} for a gradient")
        return clipped * grad_errors

    return _result(input, target, weight, (errors, input.dtype, errors_adjoint), reduction, weighted_mean=False)


def _broadcast_pair(input: Array, target: Array) -> tuple[Array, Array]:
    """input and target in the shape they have together, with a warning if they have two."""
    if input.shape == target.shape:
        return input, target
    warnings.warn(
        f"target has shape {target.shape} and input {input.shape}: they broadcast, which is seldom meant.", stacklevel=4
    )
    check_broadcast(input=input, target=target)
    left, right = np.broadcast_arrays(input, target)
    return left, right


def _difference(left: Array, right: Array, dtype: DType) -> Array:
    """x - t, or x - 1 t of complex numbers, as in torch: an infinite complex number times 1 has a nan."""
    x, t = (widen(side, dtype) for side in in_blocks(left, right))
    return x - (t * (1 + 0j) if dtype.kind == "c" else t)


def _absolute_error(
    input: Array, target: Array, left: Array, right: Array, reduction: str, weight: Array | None
) -> Result:
    """The absolute error, for l1 and for smooth l1 without its smooth part."""
    dtype = difference_dtype(input=left, target=right)
    if weight is None and reduction == "mean" and not is_floating(np.empty((), dtype)):
        raise RuntimeError(f"l1_loss has no mean of {dtype}: convert input or target to a floating dtype")
    difference = rounded(_difference(left, right, dtype), dtype)
    errors = np.abs(difference)
    dtype = errors.dtype if dtype.kind == "c" else dtype
    error: Error = errors, dtype, lambda grad_errors: direction(difference) * grad_errors
    return _result(input, target, weight, error, reduction)


def _result(
    input: Array, target: Array, weight: Array | None, error: Error, reduction: str, weighted_mean: bool = True
) -> Result:
    """The loss of an error."""
    errors, dtype, errors_adjoint = error
    if weight is None:
        output, adjoints = _unweighted_reduction(errors, dtype, reduction)
    elif reduction == "mean" and weighted_mean:
        output, adjoints = _weighted_mean(errors, dtype, weight)
    else:
        check_reduction(reduction)
        output, adjoints = _weighted_reduction(errors, dtype, weight, reduction)

    def vjp(grad_output: Array) -> Gradients:
        grad_errors, grad_weight = adjoints(grad_output)
        # of real errors only the real part counts: in a complex product 0 times inf would make it nan
        grad_difference = errors_adjoint(grad_errors if weight is None else rounded(grad_errors, dtype))
        return gradients(
            input=(input, grad_difference), target=(target, -grad_difference), weight=(weight, grad_weight)
        )

    return output, vjp


def _unweighted_reduction(errors: Array, dtype: DType, reduction: str) -> tuple[Array, Adjoints]:
    """The reduction of the errors, and its adjoint."""
    output, adjoint = reduced(errors, reduction, _sum_dtype(dtype, reduction))
    return output, lambda grad_output: (adjoint(grad_output), None)


def _weighted_reduction(errors: Array, dtype: DType, weight: Array, reduction: str) -> tuple[Array, Adjoints]:
    """The reduction of w e, and its adjoint to e and w."""
    errors, weights, dtype = _factors(errors, dtype, weight)
    output, adjoint = reduced(errors * weights, reduction, _sum_dtype(dtype, reduction))

    def adjoints(grad_output: Array) -> tuple[Array, Array]:
        scale = rounded(adjoint(grad_output), dtype)
        return conjugate(weights) * scale, conjugate(errors) * scale

    return output, adjoints


def _weighted_mean(errors: Array, dtype: DType, weight: Array) -> tuple[Array, Adjoints]:
    """L = sum(w e) / sum(w), and its adjoint to e and w."""
    errors, weights, dtype = _factors(errors, dtype, weight)
    total = rounded(np.add.reduce(widen(weight, weight.dtype), axis=None), weight.dtype)
    summed = rounded(np.add.reduce(rounded(errors * weights, dtype), axis=None), dtype)
    # both are 0-d here, so that neither dtype yields to the other in the promotion; integers divide to float32
    dtype = float_dtype(promote(np.empty((), dtype), np.empty((), weight.dtype)))
    mean = rounded(summed / total, dtype)

    def adjoints(grad_output: Array) -> tuple[Array, Array]:
        # dL/de = w / sum(w) and dL/dw = (e - L) / sum(w), in which torch rounds e / sum(w) and L / sum(w) each by
        # itself: inf - inf where sum(w) is 0, or a half too small for them
        upstream = grad_output.astype(working(dtype), copy=False)
        scale = rounded(upstream / total.conj(), dtype)
        of_total = rounded(upstream * rounded(mean / total, dtype).conj(), weight.dtype)
        of_errors = unbroadcast(rounded(conjugate(errors) * scale, weight.dtype), weight.shape)
        return conjugate(weights) * scale, of_errors - of_total

    return np.asarray(mean, dtype), adjoints


def _factors(errors: Array, dtype: DType, weight: Array) -> tuple[Array, Array, DType]:
    """The errors, rounded to their own `dtype` as torch hands them on, and weight, and the dtype of their product."""
    product = promote(np.empty((1,) * errors.ndim, dtype), weight)
    return widen(rounded(errors, dtype), product), widen(weight, product), product


def _sum_dtype(dtype: DType, reduction: str) -> DType:
    """The dtype of the reduction: integers add up in int64."""
    return INT64 if reduction == "sum" and dtype.kind in "iu" else dtype

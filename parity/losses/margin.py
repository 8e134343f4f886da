"""Losses of a margin between two classes, 1 and -1: margin ranking, hinge embedding and soft margin.

The hinge max(0, z) has no derivative at its kink z = 0; what stands for it there is torch's convention.
"""

import numpy as np

from parity.losses.arguments import HALVES, gradients, is_floating, promote, widen
from parity.losses.arithmetic import float_dtype, rounded, scalar, uint8_as_int8, zero_outside
from parity.losses.blocks import in_blocks
from parity.losses.checks import (
    check_arrays,
    check_broadcast,
    check_kernel,
    check_no_bool,
    check_number,
    check_real,
    check_representable,
    difference_dtype,
)
from parity.losses.conventions import hinge_slope
from parity.losses.reduction import reduced, resolve
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result

__all__ = ["hinge_embedding_loss", "margin_ranking_loss", "soft_margin_loss"]

INT64: DType = np.dtype(np.int64)


@loss
def margin_ranking_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = max(0, margin - y (x1 - x2)): with y = 1, x1 should exceed x2 by the margin; with y = -1, x2 x1.

    input1, input2: any real dtype but bool; integers give a float32 loss.
    target: y, 1 or -1, and any other number scales the difference; any real dtype but bool. All three have as
        many dimensions as each other and broadcast together.
    margin: the difference that is wanted.
    reduction: 'mean' is over all elements.

    Raises RuntimeError for different numbers of dimensions, for shapes that do not broadcast and for bools,
    NotImplementedError for complex numbers, ValueError for an unknown reduction.

    Source: Herbrich, Graepel and Obermayer, Large margin rank boundaries for ordinal regression (2000).

    >>> x1, x2, y = np.array([1.0, 2.0]), np.array([3.0, 0.0]), np.array([1.0, 1.0])
    >>> float(margin_ranking_loss(x1, x2, y)[0])
    1.0
    """
    reduction = resolve(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            f"input1, input2 and target have shapes {input1.shape}, {input2.shape} and {target.shape}, "
            "expected the same number of dimensions"
        )
    check_number(margin=margin)
    pair_dtype = difference_dtype(input1=input1, input2=input2)
    check_no_bool(target=target)
    check_kernel(target=target.dtype)
    check_broadcast(input1=input1, input2=input2, target=target)
    triple_dtype = promote(np.empty((1,) * target.ndim, pair_dtype), target)
    check_real("margin_ranking_loss", input1, input2, target)
    dtype = float_dtype(triple_dtype)
    x1, x2, y = in_blocks(input1, input2, target)
    difference = rounded(widen(x1, pair_dtype) - widen(x2, pair_dtype), pair_dtype)
    negated_target = widen(-y, triple_dtype)
    negated_product = rounded(negated_target * widen(difference, triple_dtype), triple_dtype)
    violation = rounded(widen(negated_product, dtype) + scalar(margin, dtype), dtype)
    output, adjoint = reduced(np.maximum(violation, 0), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with z = margin - y (x1 - x2) above 0: dz/dx1 = -y, dz/dx2 = y, dz/dy = -(x1 - x2)
        grad_violation = zero_outside(adjoint(grad_output), hinge_slope(violation))
        grad_input1 = negated_target * grad_violation
        return gradients(
            input1=(input1, grad_input1), input2=(input2, -grad_input1), target=(target, -(difference * grad_violation))
        )

    return output, vjp


@loss
def hinge_embedding_loss(
    input: Array,
    target: Array,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = x where y = 1, and max(0, margin - x) where y = -1. The input x is a distance between two points.

    input: any real dtype but bool; the loss is of the same dtype, integers included.
    target: 1 or -1, of a shape that broadcasts with input's; it has no gradient.
    margin: in input's dtype: one of 0.5 is 0 among integers.
    reduction: 'mean' is over all elements, and is not defined for integers.

    Raises RuntimeError for shapes that do not broadcast, for bools in input, for the mean of integers and for a
    finite margin beyond input's dtype, NotImplementedError for complex numbers, ValueError for an unknown reduction.

    Source: Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping (2006),
    without its squares. Where the target is neither 1 nor -1, torch adds both terms.

    >>> float(hinge_embedding_loss(np.array([2.0, 0.5]), np.array([1.0, -1.0]))[0])
    1.25
    """
    reduction = resolve(reduction, size_average, reduce)
    check_arrays(input=input, target=target)
    check_number(margin=margin)
    dtype = input.dtype
    check_no_bool(input=input)
    if dtype not in HALVES or input.size != 1:  # one half alone takes any margin, as inf
        check_representable(dtype, margin=margin)
    check_kernel(input=dtype)
    check_real("hinge_embedding_loss", input)
    check_broadcast(input=input, target=target)
    sum_dtype = dtype
    if not is_floating(input):
        if reduction == "mean":
            raise RuntimeError(f"input is {dtype}, and integers have no mean: expected a floating dtype")
        sum_dtype = INT64 if reduction == "sum" else dtype
    x, labels = in_blocks(input, uint8_as_int8(target))
    distance = widen(x, dtype)
    violation = rounded(scalar(margin, dtype) - distance, dtype)
    dissimilar, similar = labels != 1, labels != -1
    output, adjoint = reduced(
        zero_outside(np.maximum(violation, 0), dissimilar) + zero_outside(distance, similar), reduction, sum_dtype
    )

    def vjp(grad_output: Array) -> Gradients:
        # dl/dx = [y != -1] - [y != 1] [margin - x above 0]
        grad_losses = adjoint(grad_output)
        return gradients(
            input=(
                input,
                zero_outside(grad_losses, similar) - zero_outside(grad_losses, dissimilar & hinge_slope(violation)),
            )
        )

    return output, vjp


@loss
def soft_margin_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Result:
    """l = log(1 + exp(-y x)), the logistic loss of a score x and a label y of 1 or -1.

    input: any shape, of a real floating dtype, which is the loss's.
    target: any real dtype, of a shape that broadcasts to input's; it has no gradient.
    reduction: 'mean' is over all elements.

    Raises RuntimeError for a target that does not broadcast to input's shape, for input's integers, bools and
    complex numbers and for a complex target, and of the gradient for bools in target; ValueError for an
    unknown reduction.

    Source: Friedman, Hastie and Tibshirani, Additive logistic regression (2000). Torch departs from the maths
    where exp(-y x) overflows: the loss is inf there, not -y x, and its gradient nan.

    >>> round(float(soft_margin_loss(np.array([0.0, np.log(3.0)]), np.array([1.0, 1.0]))[0]), 4)
    0.4904
    """
    reduction = resolve(reduction, size_average, reduce)
    check_arrays(input=input, target=target)
    check_kernel(input=input.dtype)
    check_broadcast(input=input, target=target)
    if np.broadcast(input, target).shape != input.shape:
        raise RuntimeError(f"target of shape {target.shape} does not broadcast to input's, {input.shape}")
    dtype = input.dtype
    if not is_floating(input) or "c" in (dtype.kind, target.dtype.kind):
        raise RuntimeError(f"input is {dtype} and target {target.dtype}, expected a real floating input")
    x, y = in_blocks(input, target)
    exponential = rounded(np.exp(rounded(-(widen(y, dtype) * widen(x, dtype)), dtype)), dtype)
    output, adjoint = reduced(np.log1p(exponential), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with e = exp(-y x): d log(1 + e) / dx = -y e / (1 + e)
        check_no_bool(target=target)
        check_kernel(target=target.dtype)
        # In the backward torch negates target in its own dtype: in uint8 -1 is 255, and in int8 -(-128) is -128.
        # It takes the exponential in the dtype of both, but keeps its product with y in input's.
        product_dtype = promote(input, target)
        exponent = rounded(widen(-y, product_dtype) * widen(x, product_dtype), product_dtype)
        exponential_backward = rounded(np.exp(exponent), product_dtype)
        grad_input = rounded(widen(y, product_dtype) * exponential_backward, dtype)
        grad_input = grad_input / (1 + exponential_backward)
        return gradients(input=(input, grad_input * -adjoint(grad_output)))

    return output, vjp

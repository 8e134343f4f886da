"""Losses of a margin between two sides: margin ranking, hinge embedding and soft margin.

The hinge max(0, z) has no derivative at its kink z = 0. These three, as torch, take it to be 1 there.
"""

import numpy as np

from parity.losses.arguments import gradients, is_floating, loss, promote, widen
from parity.losses.checks import check_broadcast, check_no_bool, check_real
from parity.losses.reduction import reduced, resolve
from parity.losses.steps import constant, floating, kept, rounded, signed
from parity.types import Array, DType, Gradients, Result

INT64: DType = np.dtype(np.int64)


@loss
def margin_ranking_loss(
    input1: Array, input2: Array, target: Array, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Result:
    """l = max(0, margin - y (x1 - x2)): with y = 1, x1 should exceed x2 by the margin; with y = -1, x2 x1.

    `input1`, `input2` and `target` have as many dimensions as each other and broadcast together. `target` is
    1 or -1, and any other number scales the difference. Integers give a float32 loss.

    Raises RuntimeError for different numbers of dimensions, for shapes that do not broadcast and for bools,
    NotImplementedError for complex numbers, ValueError for an unknown reduction.

    Source: Herbrich, Graepel and Obermayer, Large margin rank boundaries for ordinal regression (2000).
    """
    reduction = resolve(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            f"input1, input2 and target have shapes {input1.shape}, {input2.shape} and {target.shape}, "
            "expected the same number of dimensions"
        )
    check_broadcast(input1=input1, input2=input2, target=target)
    check_no_bool(input1=input1, input2=input2, target=target)
    check_real("margin_ranking_loss", input1, input2, target)
    pair, every = promote(input1, input2), promote(input1, input2, target)
    dtype = floating(every)
    difference = rounded(widen(input1, pair) - widen(input2, pair), pair)
    against = widen(-target, every)
    behind = rounded(against * widen(difference, every), every)
    shortfall = rounded(widen(behind, dtype) + constant(margin, dtype), dtype)
    output, adjoint = reduced(np.maximum(shortfall, 0), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with z = margin - y (x1 - x2) >= 0: dz/dx1 = -y, dz/dx2 = y, dz/dy = -(x1 - x2)
        slope = kept(adjoint(grad_output), shortfall >= 0)
        across = against * slope
        return gradients(
            input1=(input1, across), input2=(input2, -across), target=(target, -(difference * slope))
        )

    return output, vjp


@loss
def hinge_embedding_loss(
    input: Array, target: Array, margin: float = 1.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Result:
    """l = x where y = 1, and max(0, margin - x) where y = -1. The input x is a distance between two points.

    `target` broadcasts with input. The loss is of input's dtype, integers included, and so is the margin:
    one of 0.5 is 0 among integers. target has no gradient.

    Raises RuntimeError for shapes that do not broadcast, for bools in input and for the mean of integers,
    NotImplementedError for complex numbers, ValueError for an unknown reduction.

    Source: Hadsell, Chopra and LeCun, Dimensionality reduction by learning an invariant mapping (2006),
    without its squares. Where the target is neither 1 nor -1, torch adds both terms.
    """
    reduction = resolve(reduction, size_average, reduce)
    check_broadcast(input=input, target=target)
    check_no_bool(input=input)
    check_real("hinge_embedding_loss", input)
    dtype = input.dtype
    summed = dtype
    if not is_floating(input):
        if reduction == "mean":
            raise RuntimeError(f"input is {dtype}, and integers have no mean: expected a floating dtype")
        summed = INT64 if reduction == "sum" else dtype
    distance = widen(input, dtype)
    gap = rounded(constant(margin, dtype) - distance, dtype)
    side = signed(target)
    apart, together = side != 1, side != -1
    output, adjoint = reduced(kept(np.maximum(gap, 0), apart) + kept(distance, together), reduction, summed)

    def vjp(grad_output: Array) -> Gradients:
        # dl/dx = [y != -1] - [y != 1] [margin - x >= 0]
        slope = adjoint(grad_output)
        return gradients(input=(input, kept(slope, together) - kept(slope, apart & (gap >= 0))))

    return output, vjp


@loss
def soft_margin_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = log(1 + exp(-y x)), the logistic loss of a score x and a side y of 1 or -1.

    `target` broadcasts to input's shape, and the loss is of input's dtype. target has no gradient.

    Raises RuntimeError for a target that does not broadcast to input's shape, for input's integers, bools and
    complex numbers and for a complex target, and of the gradient for bools in target; ValueError for an
    unknown reduction.

    Source: Friedman, Hastie and Tibshirani, Additive logistic regression (2000). Torch departs from the maths
    where exp(-y x) overflows: the loss is inf there, not -y x, and its gradient nan.
    """
    reduction = resolve(reduction, size_average, reduce)
    check_broadcast(input=input, target=target)
    if np.broadcast(input, target).shape != input.shape:
        raise RuntimeError(f"target of shape {target.shape} does not broadcast to input's, {input.shape}")
    dtype = input.dtype
    if not is_floating(input) or "c" in (dtype.kind, target.dtype.kind):
        raise RuntimeError(f"input is {dtype} and target {target.dtype}, expected a real floating input")
    scores, side = widen(input, dtype), widen(target, dtype)
    odds = rounded(np.exp(rounded(-(side * scores), dtype)), dtype)
    output, adjoint = reduced(np.log1p(odds), reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # with e = exp(-y x): d log(1 + e) / dx = -y e / (1 + e)
        check_no_bool(target=target)
        # torch negates target first here, so that in uint8 its e has 255 for -1, and in int8 -128 for 128
        power = odds
        if not is_floating(target):
            power = rounded(np.exp(rounded(widen(-target, dtype) * scores, dtype)), dtype)
        slope = side * power
        slope /= 1 + power
        return gradients(input=(input, slope * -adjoint(grad_output)))

    return output, vjp

"""Losses between distributions: Poisson and normal log likelihoods, Kullback-Leibler divergence."""

import warnings

import numpy as np

from parity.losses.arguments import FLOAT32, gradients, is_floating, promote, summed_to, widen, working
from parity.losses.arithmetic import TWO_PI, float_dtype, rounded, scalar, stirling, stirling_gradient, zero_outside
from parity.losses.blocks import in_blocks
from parity.losses.checks import (
    check_arrays,
    check_broadcast,
    check_flag,
    check_kernel,
    check_no_bool,
    check_number,
    check_real,
    check_spelled_reduction,
    difference_dtype,
)
from parity.losses.reduction import reduced, resolve
from parity.losses.registration import loss
from parity.losses.variance import bounded, shaped_variance
from parity.types import Array, Gradients, Result

__all__ = ["gaussian_nll_loss", "kl_div", "poisson_nll_loss"]

# log(2 pi) / 2, of the normal density
HALF_LOG_TWO_PI = np.log(TWO_PI) / 2


@loss
def poisson_nll_loss(
    input: Array,
    target: Array,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """The negative log likelihood of a count t under a Poisson distribution, less its term log t!.

    With `log_input`, input is the logarithm x of the rate: l = exp(x) - t x. Without, it is the rate itself:
    l = x - t log(x + eps). `full` adds Stirling's approximation of log t! where t > 1:
    t log t - t + log(2 pi t) / 2.

    input: any real dtype; integers are taken as float32.
    target: any real dtype, of a shape that broadcasts with input's.
    eps: rounded to input's dtype.

    Raises ValueError for an unknown reduction (here the old name elementwise_mean is one too), TypeError for one
    that is not a text, RuntimeError for shapes that do not broadcast and for bools that would be subtracted,
    NotImplementedError for complex numbers (torch computes some, with no meaning as a likelihood).

    Source: McCullagh and Nelder, Generalized Linear Models, chapter 6; Abramowitz and Stegun 6.1.38 for Stirling.
    Torch departs from the maths in the full loss' gradient of target: nan where t <= 0 and where t is inf.

    >>> float(poisson_nll_loss(np.array([0.0, 0.0]), np.array([1.0, 2.0]))[0])
    1.0
    """
    if size_average is None and reduce is None:
        check_spelled_reduction(reduction)
    reduction = resolve(reduction, size_average, reduce)
    check_arrays(input=input, target=target)
    check_flag(log_input=log_input, full=full)
    check_number(eps=eps)
    check_broadcast(input=input, target=target)
    _check_no_bool_subtracted(input, target, log_input, full)
    x, t = in_blocks(input, target)
    rates = x if is_floating(input) else x.astype(FLOAT32)
    # the product is computed in the dtype of its factors alone, so that integers wrap around as in torch, and
    # meets the other term with the dimensions of both, which count when torch promotes
    other_term, factor = (rates, input) if log_input else (input, rates)
    product_dtype = promote(target, factor)
    dtype = promote(other_term, np.empty((1,) * max(input.ndim, target.ndim), product_dtype))
    check_real("poisson_nll_loss", input, target)
    counts = widen(t, dtype)

    # each term is rounded to its own dtype before the two meet
    own = widen(rates, rates.dtype)
    if log_input:
        logarithm = own
        rate = rounded(np.exp(own), rates.dtype)
        product = rounded(widen(t, product_dtype) * widen(x, product_dtype), product_dtype)
        losses = rounded(widen(rate, dtype) - widen(product, dtype), dtype)
    else:
        # eps is added in input's dtype: float16 loses the default, so a rate of 0 has no logarithm there
        rate = rounded(own + scalar(eps, rates.dtype), rates.dtype)
        logarithm = rounded(np.log(rate), rates.dtype)
        losses = rounded(widen(own, dtype) - rounded(counts * logarithm, product_dtype), dtype)
    if full:
        check_kernel(target=target.dtype)
        # torch takes the logarithm of whole numbers in float32, also beside float64 rates
        alone = t if is_floating(target) else t.astype(FLOAT32)
        losses = losses + stirling(widen(alone, alone.dtype), dtype=alone.dtype)
    output, adjoint = reduced(losses, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        grad_losses = rounded(adjoint(grad_output), dtype)
        # log rate:  dl/dx = exp(x) - t,         dl/dt = -x
        # rate:      dl/dx = 1 - t / (x + eps),  dl/dt = -log(x + eps)
        # each term is multiplied by grad_output before they are summed, so that it overflows where torch's does
        grad_rates = summed_to(input.shape, grad_losses, losses.shape)
        grad_product = rounded(summed_to(input.shape, grad_losses * counts, losses.shape), rates.dtype)
        subtrahend = grad_product if log_input else rounded(grad_product / rate, rates.dtype)
        grad_input = (rounded(grad_rates * rate, rates.dtype) if log_input else grad_rates) - subtrahend
        grad_target = summed_to(target.shape, rounded(grad_losses * -logarithm, target.dtype), losses.shape)
        if full:
            grad_counts = summed_to(target.shape, grad_losses, losses.shape)
            grad_target = grad_target + stirling_gradient(widen(t, target.dtype), grad_counts, dtype=target.dtype)
        return gradients(input=(input, grad_input), target=(target, grad_target))

    return output, vjp


@loss
def gaussian_nll_loss(
    input: Array, target: Array, var: Array | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Result:
    """The negative log likelihood of t under a normal distribution of mean x and variance v, v at least eps.

    l = (log v + (x - t)^2 / v) / 2, and `full` adds the constant log(2 pi) / 2.

    input: any real dtype but bool.
    target: any real dtype but bool, of a shape that broadcasts with input's.
    var: an array of input's shape, or with 1 in the place of one of its dimensions, or without its last
        dimension (a variance for each row); or a float for all.
    eps: rounded to var's dtype; an int where var holds integers.

    Raises ValueError for a negative variance, a var of another shape and an unknown reduction (here the old
    name elementwise_mean is one too), TypeError for a var that is neither array nor float and for a
    reduction that is not a text, RuntimeError for integers in var beside a float eps, for bools, for shapes that do
    not broadcast and for an eps beyond var's half, NotImplementedError for complex numbers.

    Source: Nix and Weigend, Estimating the mean and variance of the target probability distribution (1994).
    Torch departs from the maths where v < eps: the gradient of var is that at eps, and not 0.

    >>> float(gaussian_nll_loss(np.array([1.0, 3.0]), np.array([0.0, 1.0]), 1.0)[0])
    1.25
    """
    variance = shaped_variance(input, var)
    check_spelled_reduction(reduction)
    variance = bounded(variance, eps)
    if isinstance(target, np.ndarray):
        pair_dtype = difference_dtype(input=input, target=target)
        check_real("gaussian_nll_loss", input, target)
        check_broadcast(input=input, target=target, var=variance)
    else:  # a plain number, which counts as it is
        check_no_bool(input=input)
        pair_dtype = float_dtype(input.dtype) if isinstance(target, float) else input.dtype
        check_kernel(input=pair_dtype)
        check_real("gaussian_nll_loss", input)
    own_target = np.asarray(target)
    # (x - t)^2 is computed in the dtype of x and t alone, so that integers wrap around as in torch, and
    # meets var with the dimensions of both, which count when torch promotes. The logarithm of integers is float32.
    logarithms = variance if is_floating(variance) else variance.astype(FLOAT32)
    dtype = promote(np.empty((1,) * max(input.ndim, own_target.ndim), pair_dtype), logarithms)
    x, t, v = in_blocks(input, own_target, variance)
    difference = rounded(widen(x, pair_dtype) - t.astype(working(pair_dtype), copy=False), pair_dtype)
    wide_variance = widen(v, dtype)
    # in units of the standard deviation
    squared = widen(rounded(difference * difference, pair_dtype), dtype) / wide_variance
    squared = rounded(squared, dtype if logarithms is variance else pair_dtype)
    logarithm = rounded(np.log(widen(logarithms, logarithms.dtype)), logarithms.dtype)
    losses = 0.5 * rounded(widen(logarithm, dtype) + squared, dtype)
    if full:
        losses = losses + losses.dtype.type(HALF_LOG_TWO_PI)
    output, adjoint = reduced(losses, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        grad_sum = rounded(0.5 * adjoint(grad_output), dtype)
        # dl/dx = 2 (x - t) / (2 v) = -dl/dt; the 2 is not cancelled, so that 2 (x - t) overflows as in torch
        grad_input = rounded(grad_sum / wide_variance, pair_dtype) * rounded(2 * difference, pair_dtype)
        # dl/dv = (1 / v - (x - t)^2 / v^2) / 2
        grad_var = None
        if isinstance(var, np.ndarray):
            grad_logarithm = summed_to(wide_variance.shape, grad_sum, losses.shape) / wide_variance
            grad_quotient = rounded(squared / wide_variance, dtype) * grad_sum
            grad_quotient = summed_to(wide_variance.shape, rounded(grad_quotient, dtype), losses.shape)
            grad_var = (rounded(grad_logarithm, var.dtype) - rounded(grad_quotient, var.dtype)).reshape(var.shape)
        return gradients(input=(input, grad_input), target=(target, -grad_input), var=(var, grad_var))

    return output, vjp


@loss
def kl_div(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Result:
    """The pointwise Kullback-Leibler divergence of the distribution with logarithms x from the target.

    l = t log t - t x for probabilities t, and 0 for t = 0.

    input: log probabilities x, of a real floating dtype.
    target: probabilities t, of a real floating dtype and of a shape that broadcasts with input's.
    log_target: whether target holds logarithms t too: l = exp(t) (t - x).
    reduction: 'batchmean', the divergence as defined, is the sum over the size of input's first dimension;
        'mean' is over all elements, and warns.

    Raises ValueError for an unknown reduction, RuntimeError for shapes that do not broadcast and for dtypes
    other than real floating ones.

    Source: Kullback and Leibler, On information and sufficiency (1951).
    Torch departs from the maths at t = 0, where the gradient of target is nan and not -inf. A legacy flag
    leaves 'batchmean' in place as a division after its own reduction.

    >>> round(float(kl_div(np.log([0.5, 0.5]), np.array([1.0, 0.0]), reduction="sum")[0]), 4)
    0.6931
    """
    batchmean = reduction == "batchmean"
    if reduction == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction='mean' is not the divergence: write 'batchmean' to divide by the batch size.", stacklevel=3
        )
    reduction = resolve("sum" if batchmean else reduction, size_average, reduce)
    check_arrays(input=input, target=target)
    check_flag(log_target=log_target)
    batchmean = batchmean and input.ndim > 0
    check_broadcast(input=input, target=target)
    _check_probabilities(input=input, target=target)
    dtype = promote(input, target)
    x, t = in_blocks(input, target)
    input_logarithm = widen(x, dtype)
    if log_target:
        own = rounded(np.exp(widen(t, target.dtype)), target.dtype)
        probability = widen(own, dtype)
        difference = rounded(widen(t, dtype) - input_logarithm, dtype)
        losses = rounded(probability * difference, dtype)
    else:
        # a probability of 0 has the logarithm 0 here, which makes t log t the 0 that it tends to
        own = widen(t, target.dtype)
        own_logarithm = rounded(np.log(own + (own == 0)), target.dtype)
        entropy = rounded(own * own_logarithm, target.dtype)
        probability = widen(t, dtype)
        losses = rounded(widen(entropy, dtype) - rounded(probability * input_logarithm, dtype), dtype)
    output, adjoint = reduced(losses, reduction, dtype)
    if batchmean:
        output = widen(output, dtype) / input.shape[0]

    def vjp(grad_output: Array) -> Gradients:
        grad_losses = rounded(adjoint(grad_output), dtype)
        if batchmean:
            grad_losses = rounded(grad_losses / input.shape[0], dtype)
        # With p for exp(t) or t, l = p (log p - x), so dl/dx = -p and
        # dl/dt = p (t - x) + p for a logarithm t, else log t + t / t - x.
        # Torch's t / t is 1 save for its nan at 0 and inf. What target has by itself is summed to its shape first.
        weighted = rounded(grad_losses * probability, dtype)
        if log_target:
            grad_own = summed_to(target.shape, rounded(grad_losses * difference, target.dtype), losses.shape)
            grad_target = rounded(grad_own * own, target.dtype) + summed_to(target.shape, weighted, losses.shape)
        else:
            # where the entropy's gradient is 0, so is 0 log t, for t < 0 too
            grad_entropy = rounded(summed_to(target.shape, grad_losses, losses.shape), target.dtype)
            logarithm = zero_outside(own_logarithm, grad_entropy != 0)
            grad_target = rounded(grad_entropy * logarithm, target.dtype)
            grad_target = grad_target + rounded(grad_entropy * own, target.dtype) / own
            products = rounded(grad_losses * input_logarithm, target.dtype)
            grad_target = grad_target - summed_to(target.shape, products, losses.shape)
        return gradients(input=(input, -weighted), target=(target, grad_target))

    return np.asarray(output, dtype), vjp


def _check_no_bool_subtracted(input: Array, target: Array, log_input: bool, full: bool) -> None:
    """Raise RuntimeError where the formula subtracts bools. Multiplied by floats they are numbers, and allowed."""
    if not log_input or target.dtype == np.bool_:
        check_no_bool(input=input)
    if full:
        check_no_bool(target=target)


def _check_probabilities(**arrays: Array) -> None:
    """Raise RuntimeError for a named array of another dtype than a real floating one."""
    for name, array in arrays.items():
        if array.dtype.kind == "c" or not is_floating(array):
            raise RuntimeError(f"{name} is of {array.dtype}, expected a real floating dtype")

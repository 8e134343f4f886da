"""The distance of two vectors: pairwise_distance, which is not a loss itself but the default of the triplet losses."""

import numpy as np

from parity.losses.arguments import HALVES, gradients, widen
from parity.losses.arithmetic import float_dtype, rounded, row_sums, scalar
from parity.losses.blocks import in_blocks, row_by_row, whole
from parity.losses.checks import check_real, check_representable, difference_dtype
from parity.losses.registration import without_warnings
from parity.types import Array, DType, Gradients, Result

__all__ = ["pairwise_distance"]


@without_warnings
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Result:
    """The p-norm of x1 - x2 + eps over the last dimension: ``torch.nn.functional.pairwise_distance``.

    (sum |d|^p)^(1/p), for p = inf the largest |d| and for -inf the least, for p = 0 the number of d that are
    not 0, which has no gradient.

    x1, x2: (..., D), of any real dtype but bool; they broadcast. Integers give a float32 distance.
    p: the order of the norm. eps: added to each element of the difference.
    keepdim: whether the last dimension stays, with size 1.

    Raises RuntimeError for shapes that do not broadcast, for bools, and for a negative or infinite p over an
    empty dimension, NotImplementedError for complex numbers. The vjp raises RuntimeError for a half that cannot
    hold p - 1, as torch's backward does.

    Source: Horn and Johnson, Matrix Analysis, 5.2. Torch departs from the maths by eps, added to the
    difference rather than to its length, which makes the distance asymmetric, and by a gradient of 0 where the
    length is 0.

    >>> round(float(pairwise_distance(np.array([3.0, 4.0]), np.array([0.0, 0.0]))[0]), 4)
    5.0
    """
    pair_dtype = difference_dtype(x1=x1, x2=x2)
    check_real("pairwise_distance", x1, x2)
    dtype = float_dtype(pair_dtype)
    one, other = in_blocks(x1, x2)
    difference = rounded(widen(one, pair_dtype) - widen(other, pair_dtype), pair_dtype)
    difference = rounded(widen(difference, dtype) + scalar(eps, dtype), dtype)
    vectors = difference if difference.ndim else np.atleast_1d(difference)
    # of one element torch takes the magnitude, which does not overflow as its square does, but not in 0-d
    single_element = p != 0 and difference.shape[-1:] == (1,)
    lengths = np.abs(whole(vectors)[..., 0]) if single_element else rounded(whole(_lengths(vectors, p=p)), dtype)
    keep = keepdim and difference.ndim > 0

    def vjp(grad_output: Array) -> Gradients:
        if p == 0:
            return {}
        if dtype in HALVES and p not in (1, 2):  # torch raises each element to it, in the half
            check_representable(dtype, **{"p - 1": p - 1})
        grad_lengths = widen(grad_output, dtype)
        grad_lengths = grad_lengths if keep else grad_lengths[..., None]
        grad_difference = _norm_adjoint(vectors, lengths[..., None], grad_lengths, p=p, dtype=dtype)
        return gradients(x1=(x1, grad_difference), x2=(x2, -grad_difference))

    return np.array(lengths[..., None] if keep else lengths, dtype), vjp


@row_by_row
def _lengths(vectors: Array, *, p: float) -> Array:
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
    sums = row_sums(magnitudes**p)
    # a large p makes the last digit of a length the fifth of its gradient, so that the root must be exact
    order = float(sums.dtype.type(p))  # beyond the dtype it is inf, and the root then 1
    lengths: Array = (sums.astype(np.result_type(sums, np.float64)) ** (1 / order)).astype(sums.dtype)
    return lengths


@row_by_row
def _norm_adjoint(vectors: Array, lengths: Array, grad_lengths: Array, *, p: float, dtype: DType) -> Array:
    """The adjoint of the p-norm |v|: takes the gradient of the lengths to that of the vectors."""
    if p == 2:
        # d|v| / dv = v / |v|, and 0 for a length of 0
        units: Array = vectors / np.where(lengths == 0, np.inf, lengths)
        return units * grad_lengths
    signs = (vectors > 0).view(np.int8) - (vectors < 0).view(np.int8)
    if p == 1:
        return signs * grad_lengths
    magnitudes = np.abs(vectors)
    if abs(p) == np.inf:
        # the elements that attain the extreme share its gradient; torch counts a nan among them
        attained = (magnitudes == lengths) | np.isnan(magnitudes)
        grad_attained: Array = grad_lengths / np.count_nonzero(attained, axis=-1, keepdims=True) * attained
        return signs * grad_attained
    # d|v| / dv_i = sign(v_i) |v_i|^(p - 1) / |v|^(p - 1), and 0 where that is 0 / 0
    powers = rounded(magnitudes ** (p - 1), dtype)
    if p < 1:
        powers = np.where(magnitudes == 0, 0, powers)
        return rounded(signs * powers * grad_lengths, dtype) * rounded(lengths ** (1 - p), dtype)
    scale = rounded(grad_lengths / rounded(lengths ** (p - 1), dtype), dtype)
    return signs * powers * np.where(lengths == 0, 0, scale)

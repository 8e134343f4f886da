"""The functions that turn scores into probabilities: sigmoid, softmax, softmin, and the logarithms of the first two.

They are not losses, but have the same form: ``(output, vjp)``, with an output of the input's shape.
"""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from parity.losses.arguments import FLOAT32, gradients, is_floating, widen
from parity.losses.arithmetic import LONG, conjugate
from parity.losses.blocks import evaluated, in_blocks, row_by_row, whole
from parity.losses.checks import check_arrays, check_kernel, check_no_bool, check_real_floating
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result

__all__ = ["log_softmax", "logsigmoid", "sigmoid", "softmax", "softmin"]

# The size of NumPy's ufunc buffer, in elements, while a row's maximum or sum is broadcast along the row. NumPy copies
# such a number into its buffer once for each element wherever the row is shorter than the buffer, 8192 elements by
# default. With a buffer of 1024 it does not for rows longer than that, and takes half of the time.
SHORT_BUFFER = 1024
# Rows of so few numbers, in arrays of so many, are reduced column by column.
FEW, MANY = 8, 1 << 12
P = ParamSpec("P")
T = TypeVar("T")


def in_short_buffers(function: Callable[P, T]) -> Callable[P, T]:
    """Let NumPy's buffer be short while the function runs, and then be what it was."""

    @wraps(function)
    def buffered(*args: P.args, **kwargs: P.kwargs) -> T:
        before = np.setbufsize(SHORT_BUFFER)
        try:
            return function(*args, **kwargs)
        finally:
            np.setbufsize(before)

    return buffered


@loss
def sigmoid(input: Array) -> Result:
    """y = 1 / (1 + exp(-x)), which is torch.sigmoid.

    input: any shape and dtype; integers and bools are computed in float32 and have no gradient.

    Source: Verhulst's logistic curve (1845); Bishop, Pattern Recognition and Machine Learning, 4.2.

    >>> sigmoid(np.array([0.0, np.log(3.0)]))[0].tolist()
    [0.5, 0.75]
    """
    check_arrays(input=input)
    dtype = input.dtype if is_floating(input) else FLOAT32
    probability = whole(logistic(*in_blocks(widen(input, dtype))))

    def vjp(grad_output: Array) -> Gradients:
        # dy/dx = exp(-x) / (1 + exp(-x))^2 = (1 - y) y, conjugated for complex y as torch's gradients are
        (y,) = in_blocks(probability)
        derivative = (1 - y) * y
        return gradients(input=(input, conjugate(derivative) * widen(grad_output, dtype)))

    return probability.astype(dtype, copy=False), vjp


@loss
def logsigmoid(input: Array) -> Result:
    """y = log(1 / (1 + exp(-x))) = min(x, 0) - log(1 + exp(-|x|)), in which no exponential overflows.

    input: any shape, of a real floating dtype.

    Raises NotImplementedError for an input of another dtype.

    Source: Mächler, Accurately Computing log(1 - exp(-|a|)), 2012, for log1p in the tail.

    >>> round(float(logsigmoid(np.array(0.0))[0]), 4)
    -0.6931
    """
    check_arrays(input=input)
    check_real_floating("logsigmoid", input.dtype)
    (x,) = in_blocks(widen(input, input.dtype))
    decay = exponential_decay(x)
    output, decay = evaluated(log_sigmoid(x, decay), decay)

    def vjp(grad_output: Array) -> Gradients:
        # dy/dx = sigmoid(-x) = exp(min(-x, 0)) / (1 + exp(-|x|)): no cancellation as in 1 - sigmoid(x)
        derivative = np.maximum(decay, x < 0) / (decay + 1)
        return gradients(input=(input, derivative * widen(grad_output, input.dtype)))

    return output.astype(input.dtype, copy=False), vjp


@loss
def softmax(input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Result:
    """y_i = exp(x_i) / sum_j exp(x_j), along `dim`.

    input: any shape.
    dim: the dimension of the sum; None warns, and means 0 for an input of 0, 1 or 3 dimensions and 1 for others.
    dtype: of NumPy, or the name 'bfloat16'; the input is cast to it first. Its gradient keeps input's dtype.

    A slice that holds nan or inf, or nothing but -inf, is nan throughout.

    Raises TypeError for a dim that is not an int or a dtype that does not exist, IndexError for a dim outside the
    input, NotImplementedError where the dtype to compute in is not a real floating one.

    Source: Boltzmann's distribution (1868); Bridle, Probabilistic Interpretation of Feedforward
    Classification Network Outputs, 1990.

    >>> softmax(np.log([1.0, 3.0]), dim=0)[0].round(4).tolist()
    [0.25, 0.75]
    """
    return _softmax(input, input, _axis("softmax", input, dim, _stacklevel), dtype)


@loss
def softmin(input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Result:
    """y = softmax(-x): the smallest value gets the largest probability.

    input, dim, dtype: as in softmax. The negation comes before the cast to `dtype`, so unsigned integers wrap.

    Raises RuntimeError for an input of bools, besides what softmax raises.

    Source: as softmax.

    >>> softmin(np.log([1.0, 3.0]), dim=0)[0].round(4).tolist()
    [0.75, 0.25]
    """
    if isinstance(input, np.ndarray):  # the negation comes first
        check_no_bool(input=input)
        check_kernel(input=input.dtype)
    axis = _axis("softmin", input, dim, _stacklevel)
    return _softmax(input, -input, axis, dtype, negated=True)


@loss
@in_short_buffers
def log_softmax(input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Result:
    """y_i = log(softmax(x)_i) = (x_i - m) - log(sum_j exp(x_j - m)), where m is the largest x along `dim`.

    input, dim, dtype: as in softmax, its errors and its slices of nan too. Where x_i is -inf beside finite
        values, so is y_i.

    Source: Blanchard, Higham and Higham, Accurately Computing the Log-Sum-Exp and Softmax Functions, 2021.

    >>> log_softmax(np.array([0.0, 0.0]), dim=0)[0].round(4).tolist()
    [-0.6931, -0.6931]
    """
    axis = _axis("log_softmax", input, dim, _stacklevel)
    values, dtype = _cast("log_softmax", input, input, dtype)
    (x,) = in_blocks(values, axis=axis)
    shifted = x - largest_along(x, axis)
    exponential = np.exp(shifted)
    total = sum_along(exponential, axis)
    output, exponential, total = evaluated(shifted - np.log(total), exponential, total)

    @in_short_buffers
    def vjp(grad_output: Array) -> Gradients:
        # dy_i/dx_k = [i = k] - softmax(x)_k, so the gradient of x_k is g_k - softmax(x)_k sum_i g_i
        (g,) = in_blocks(np.atleast_1d(widen(grad_output, dtype)), axis=axis)
        return _gradient(input, g - exponential * (sum_along(g, axis) / total), dtype)

    return output.reshape(input.shape).astype(dtype, copy=False), vjp


@in_short_buffers
def _softmax(input: Array, values: Array, axis: int, dtype: DTypeLike | None, negated: bool = False) -> Result:
    """The softmax of `values`, which are `input`, or its negative if `negated`."""
    values, dtype = _cast("softmax", input, values, dtype)
    (x,) = in_blocks(values, axis=axis)
    _, exponential, total = exponentials(x, axis)
    probability = whole(exponential / total)

    @in_short_buffers
    def vjp(grad_output: Array) -> Gradients:
        # dy_i/dx_k = y_i ([i = k] - y_k), so the gradient of x_k is y_k (g_k - sum_i g_i y_i)
        g, y = in_blocks(np.atleast_1d(widen(grad_output, dtype)), probability, axis=axis)
        grad_values = (g - sum_along(g * y, axis)) * y
        return _gradient(input, -grad_values if negated else grad_values, dtype)

    return probability.reshape(input.shape).astype(dtype, copy=False), vjp


def logistic(values: Array) -> Array:
    """1 / (1 + exp(-x)). Where exp(-x) overflows it is 0, as in torch, also where exp(x) is a subnormal number."""
    return 1 / (np.exp(-values) + 1)


def exponential_decay(values: Array) -> Array:
    """exp(-|x|), from which the logarithm of the sigmoid follows on either side of 0 without overflow."""
    return np.exp(-np.abs(values))


def log_sigmoid(values: Array, decay: Array) -> Array:
    """log(1 / (1 + exp(-x))) = min(x, 0) - log(1 + exp(-|x|)), exact to the last digits in both tails."""
    return np.minimum(values, 0) - np.log1p(decay)


@in_short_buffers
def exponentials(values: Array, axis: int) -> tuple[Array, Array, Array]:
    """The largest m of `values` along `axis`, exp(x - m) and its sum: no exponential exceeds 1.

    Softmax is the second divided by the third. The first and the third keep `axis`, with size 1.
    """
    peak = largest_along(values, axis)
    exponential = np.exp(values - peak)
    return peak, exponential, sum_along(exponential, axis)


@row_by_row
def largest_along(values: Array, axis: int) -> Array:
    """The largest numbers along `axis`, which stays, with size 1; -inf along an axis of 0.

    Many short rows are compared column by column: NumPy's reduction takes forty times longer for rows of two.
    """
    length = values.shape[axis]
    if axis != values.ndim - 1 or not 0 < length <= FEW or values.size < MANY:
        return np.asarray(np.maximum.reduce(values, axis=axis, keepdims=True, initial=-np.inf))
    largest = values[..., :1].copy()
    for column in range(1, length):
        np.maximum(largest, values[..., column : column + 1], out=largest)
    return largest


@row_by_row
def sum_along(values: Array, axis: int) -> Array:
    """The sums along `axis`, which stays, with size 1.

    Along the last dimension of contiguous values it is a product with ones, which is quicker than np.sum. Other
    values, such as a grad_output expanded with stride 0, NumPy multiplies without BLAS: it adds one number after the
    other there, which loses digits that the pairwise np.sum keeps; and so it does with more than `LONG` numbers.
    """
    if axis == values.ndim - 1 and values.flags.forc and values.shape[axis] <= LONG:
        return values @ np.ones((values.shape[axis], 1), values.dtype)
    return np.add.reduce(values, axis=axis, keepdims=True)


def _gradient(input: Array, grad: Array, dtype: DType) -> Gradients:
    """The gradient of `input` from the wide gradient of its cast to `dtype`, to which torch rounds it first."""
    if not is_floating(np.empty((), dtype)):
        return {}
    return gradients(input=(input, grad.astype(dtype, copy=False).reshape(input.shape)))


def _cast(function: str, input: Array, values: Array, dtype: DTypeLike | None) -> tuple[Array, DType]:
    """The values in the dtype to compute in, with at least one dimension, and the dtype of the output."""
    dtype = values.dtype if dtype is None else np.dtype(dtype)
    if values.size:
        check_real_floating(function, dtype)
    elif dtype.kind == "c" and is_floating(input):
        raise RuntimeError(f"{function} has no gradient in {dtype}, expected a real floating dtype")
    if values.dtype.kind == "c":
        values = values.real
    wide = widen(values.astype(dtype, copy=False), dtype if values.size else FLOAT32)
    return np.atleast_1d(wide), dtype


def _axis(function: str, input: Array, dim: int | None, stacklevel: int) -> int:
    """The dimension meant by `dim`, counted from 0; an array without dimensions passes for one of size 1."""
    dimensions = max(input.ndim, 1)
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
        warnings.warn(f"{function} without dim is deprecated: write dim={dim}.", stacklevel=stacklevel + 1)
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        raise TypeError(f"dim is {dim!r}, expected an int")
    if not -dimensions <= dim < dimensions:
        raise IndexError(f"dim is {dim}, expected at least {-dimensions} and below {dimensions}")
    return int(dim) % dimensions

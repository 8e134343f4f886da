"""A second set of losses: the formulas as five published tutorials on torch's losses print them.

They are naive on purpose. exp(x) overflows for x > 88.7 in float32 and 709.8 in float64, 1 - p is 0 for a p near
1, and no case is treated apart. Each gradient is the plain derivative of its formula, by the chain rule, so it
meets 0 / 0 and 0 inf where the formula saturates. Everything is computed in the dtype of the arguments.
`parity.losses` holds the same functions as torch has them; the report shows where these leave them.
"""

from collections.abc import Callable

import numpy as np

from parity.losses.arguments import gradients
from parity.losses.reduction import resolve
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Loss, NotOffered, Result


@without_warnings
def sigmoid(input: Array) -> Result:
    """p = 1 / (1 + exp(-x)), as in "sigmoid, softmax and cross entropy in PyTorch".

    Leaves parity for integers alone, which NumPy computes in float64: where exp(-x) overflows p is 0, as torch's.
    """
    probability = 1 / (1 + np.exp(-input))

    def vjp(grad_output: Array) -> Gradients:
        return gradients(input=(input, grad_output * probability * (1 - probability)))

    return probability, vjp


@without_warnings
def softmax(input: Array, dim: int | None = None) -> Result:
    """p_i = exp(x_i) / sum_j exp(x_j), as in "sigmoid, softmax and cross entropy in PyTorch".

    No maximum is subtracted. Leaves parity where exp overflows (inf / inf is nan), and where all of a slice
    underflow (0 / 0 is nan).
    """
    if dim is None and input.ndim > 1:
        raise NotOffered("the articles name the dimension of the sum")
    exponential = np.exp(input)
    probability = exponential / np.sum(exponential, axis=dim, keepdims=True)

    def vjp(grad_output: Array) -> Gradients:
        # dp_i/dx_k = p_i ([i = k] - p_k)
        mean = np.sum(grad_output * probability, axis=dim, keepdims=True)
        return gradients(input=(input, probability * (grad_output - mean)))

    return probability, vjp


@without_warnings
def binary_cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Result:
    """l = -w [t log p + (1 - t) log(1 - p)], as in "torch.nn.BCELoss usage".

    The bracket passes through nan_to_num, as in "sigmoid, softmax and cross entropy in PyTorch", which makes
    0 log 0 a 0. Leaves parity where the logarithm of 0 counts: nan_to_num gives the largest number there,
    torch 100; at p = 0 and p = 1, where the gradient divides by 0; near p = 1, where 1 - p has few digits; and
    where a wider weight widens the output.
    """
    reduction = resolve(reduction, size_average, reduce)
    scale = 1 if weight is None else weight
    values = -(scale * np.nan_to_num(target * np.log(input) + (1 - target) * np.log(1 - input)))
    output, adjoint = _reduced(values, reduction)

    def vjp(grad_output: Array) -> Gradients:
        # dl/dp = (1 - t) / (1 - p) - t / p = (p - t) / (p (1 - p))
        grad_losses = scale * adjoint(grad_output)
        grad_target = grad_losses * (np.log(1 - input) - np.log(input))
        grad_input = grad_losses * (input - target) / (input * (1 - input))
        return gradients(input=(input, grad_input), target=(target, grad_target))

    return output, vjp


@without_warnings
def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array | None = None, reduction: str = "mean", pos_weight: Array | None = None
) -> Result:
    """l = -(t log p + (1 - t) log(1 - p)) with p = sigmoid(x), as in "binary_cross_entropy_with_logits,
    implemented in PyTorch".

    Leaves parity where p rounds to 1 or 0, from |x| = 17 on in float32: log 0 is -inf, and 0 log 0 is nan.
    Raises NotOffered for weights. To lack them would say that the formula holds without: over many rows some 1 - p
    has lost its digits, by chance, which no expected failure can be told of.
    """
    if weight is not None or pos_weight is not None:
        raise NotOffered("the article has no weights")
    probability, probability_vjp = sigmoid(input)
    values = -(target * np.log(probability) + (1 - target) * np.log(1 - probability))
    output, adjoint = _reduced(values, reduction)

    def vjp(grad_output: Array) -> Gradients:
        grad_losses = adjoint(grad_output)
        grad_probability = grad_losses * (probability - target) / (probability * (1 - probability))
        return gradients(input=(input, probability_vjp(grad_probability)["input"]))

    return output, vjp


@without_warnings
def cross_entropy(input: Array, target: Array, reduction: str = "mean") -> Result:
    """l_n = -log p_nt with p = softmax(x), as in "Understanding PyTorch's cross entropy"; for a one-hot target
    l_n = -sum_c t_nc log p_nc, as in "sigmoid, softmax and cross entropy in PyTorch".

    input: (N, C). target: N class indices, or (N, C) probabilities, whose t log p passes through nan_to_num.
    Leaves parity where softmax does, and where p underflows: log 0 is -inf, and the gradient then 0 inf.
    """
    if input.ndim != 2:
        raise NotOffered("the articles have logits of shape (N, C) only")
    if target.shape != input.shape and (target < 0).any():
        raise NotOffered("the articles ignore no target")
    probability, probability_vjp = softmax(input, dim=1)
    rows = np.arange(len(input))
    if target.shape == input.shape:
        values = -np.sum(np.nan_to_num(target * np.log(probability)), axis=1)
    else:
        values = -np.log(probability[rows, target])
    output, adjoint = _reduced(values, reduction)

    def vjp(grad_output: Array) -> Gradients:
        grad_losses = adjoint(grad_output)
        if target.shape == input.shape:
            grad_losses = grad_losses[..., np.newaxis]
            grad_probability = -grad_losses * target / probability
            grad_target = -grad_losses * np.log(probability)
            return gradients(input=(input, probability_vjp(grad_probability)["input"]), target=(target, grad_target))
        grad_probability = np.zeros_like(probability)
        grad_probability[rows, target] = -grad_losses / probability[rows, target]
        return gradients(input=(input, probability_vjp(grad_probability)["input"]))

    return output, vjp


def _reduced(values: Array, reduction: str) -> tuple[Array, Callable[[Array], Array]]:
    """The reduction of the values, and its adjoint, which takes grad_output to the gradient of each value."""
    if reduction == "none":
        return values, np.asarray
    if reduction == "sum":
        return np.asarray(np.sum(values)), np.asarray
    return np.asarray(np.mean(values)), lambda grad_output: grad_output / values.size


LOSSES: dict[str, Loss] = {
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cross_entropy": cross_entropy,
    "sigmoid": sigmoid,
    "softmax": softmax,
}

# What the articles do not have, and why a case with it says nothing about them.
LACKS: dict[str, str] = {
    "errors": "the articles check nothing",
    "float16": "the articles compute in float32 and float64",
    "bfloat16": "the articles compute in float32 and float64",
    "complex64": "the articles compute in float32 and float64",
    "complex128": "the articles compute in float32 and float64",
    **{
        f"{loss}.{dtype}": "the articles compute with floating numbers"
        for loss in ("sigmoid", "softmax")
        for dtype in ("int64", "int32", "int8", "uint8", "bool")
    },
    "softmax._stacklevel": "there is no warning",
    "softmax.dtype": "the articles cast nothing",
    "binary_cross_entropy_with_logits.gradient of target": "the article takes its labels as given",
    "binary_cross_entropy_with_logits.size_average": "the article has no reductions but the mean",
    "binary_cross_entropy_with_logits.reduce": "the article has no reductions but the mean",
    "cross_entropy.weight": "the articles have no weights",
    "cross_entropy.size_average": "the articles have no old flags",
    "cross_entropy.reduce": "the articles have no old flags",
    "cross_entropy.ignore_index": "the articles ignore no target",
    "cross_entropy.label_smoothing": "the articles smooth nothing",
}

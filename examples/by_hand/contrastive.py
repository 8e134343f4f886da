"""InfoNCE: each query is to be nearer to its own key than to the keys of the others."""

import numpy as np

from parity import losses
from parity.losses.arguments import gradients, widen
from parity.losses.arithmetic import scalar
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result, Vjp

EPS = 1e-12


@without_warnings
def info_nce(
    query: Array, key: Array, temperature: float = 0.07, symmetric: bool = False, reduction: str = "mean"
) -> Result:
    """The cross entropy of the cosines cos(q_i, k_j) / temperature with the target i.

    query: (N, D). key: (N, D); with symmetric=False also (M, D), M > N, where the keys from N on are nobody's own.
    symmetric: the average with the cross entropy that seeks each key's query.

    Raises RuntimeError for two dtypes or two D, and what cross_entropy raises for too few keys.

    Source: van den Oord, Li and Vinyals, Contrastive Predictive Coding (2018); Radford et al., CLIP (2021).

    >>> round(float(info_nce(np.eye(2), np.eye(2), temperature=1.0)[0]), 4)
    0.3133
    """
    dtype = query.dtype
    if key.dtype != dtype or key.shape[-1:] != query.shape[-1:]:
        raise RuntimeError(f"key is {key.shape} of {key.dtype}, expected (..., {query.shape[-1]}) of {dtype}")
    direction, query_back = _normalized(query)
    key_direction, key_back = _normalized(key)
    similarity = direction @ key_direction.T / temperature
    own = np.arange(len(query))
    output, back = losses.cross_entropy(similarity, own, reduction=reduction)
    if symmetric:
        other_output, other_back = losses.cross_entropy(similarity.T, own, reduction=reduction)
        output = (output + other_output) / 2

    def vjp(grad_output: Array) -> Gradients:
        # S = Q K^T / T, so dl/dQ = G K / T and dl/dK = G^T Q / T for G = dl/dS
        wide_grad = widen(grad_output, dtype)
        if symmetric:
            grad = (back(wide_grad / 2)["input"] + other_back(wide_grad / 2)["input"].T) / temperature
        else:
            grad = back(wide_grad)["input"] / temperature
        return gradients(
            query=(query, query_back(grad @ key_direction)["input"]), key=(key, key_back(grad.T @ direction)["input"])
        )

    return np.asarray(output, dtype), vjp


def _normalized(input: Array) -> tuple[Array, Vjp]:
    """u = x / max(|x|, eps), by row and wide."""
    x = widen(input, input.dtype)
    length = np.sqrt((x * x).sum(-1, keepdims=True))
    divisor = np.maximum(length, scalar(EPS, input.dtype))
    unit = x / divisor

    def vjp(grad_output: Array) -> Gradients:
        # du/dx = (1 - u u^T) / |x|; below eps the divisor is a constant, and du/dx = 1 / eps
        along = np.where(length >= divisor, (grad_output * unit).sum(-1, keepdims=True), 0)
        return {"input": (grad_output - unit * along) / divisor}

    return unit, vjp

"""NumPy functions as losses: those that return ``(output, vjp)``, and those that return the output alone."""

from collections.abc import Callable
from typing import Any

import numpy as np

from parity import losses
from parity.frameworks.adapters import Adapter
from parity.frameworks.callables import returned as unusable
from parity.frameworks.options import converter
from parity.types import Array, Differentiator, Gradients, Result


class NumpyLoss:
    """A NumPy callable as ``(output, vjp)``; one that returns no vjp has no gradients."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, **arguments: Any) -> Result:
        returned = self.function(**{name: option(name, value) for name, value in arguments.items()})
        if isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1]):
            output, vjp = returned
        else:
            output, vjp = returned, None
        if not isinstance(output, np.ndarray | np.generic | float | int | complex):
            raise unusable(output, "an array or (array, vjp)")
        if vjp is None:
            return plain(output), NoVjp()
        return plain(output), vjp if isinstance(vjp, Differentiator) else NumpyVjp(vjp)


def plain(value: Any) -> Any:
    """A lone number as an array; what else is no plain array is left for the comparison to tell."""
    return np.asarray(value) if isinstance(value, np.generic | bool | int | float | complex) else value


class NumpyVjp:
    """The vjp that a NumPy function returned; its gradients are taken by the rule of the outputs."""

    def __init__(self, vjp: Callable[[Array], Any]) -> None:
        self.vjp = vjp

    def __call__(self, grad_output: Array) -> Gradients:
        found: Any = self.vjp(grad_output)
        return {name: plain(value) for name, value in found.items()} if isinstance(found, dict) else found


class NoVjp:
    """The vjp of a function that returned its output alone."""

    has_gradients = False

    def __call__(self, grad_output: Array) -> Gradients:
        return {}


option = converter(
    dtype=np.dtype, pairwise_distance=losses.pairwise_distance, linear_options=losses.LinearCrossEntropyOptions
)
# NumPy has no device.
ADAPTER = Adapter(
    "numpy", lambda function, device: NumpyLoss(function), option,
    {
        "RuntimeError": ("ValueError", "TypeError", "IndexError"),
        "IndexError": ("ValueError",),
        "TypeError": ("ValueError",),
        "AttributeError": ("TypeError", "ValueError"),
    },
)  # fmt: skip

"""The one idea of the project as types: a loss is a function that returns ``(output, vjp)``."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Gradients: TypeAlias = dict[str, Array]
Vjp: TypeAlias = Callable[[Array], Gradients]
Result: TypeAlias = tuple[Array, Vjp]


class Loss(Protocol):
    """A loss: arrays and options in by name, ``(output, vjp)`` out.

    ``vjp(grad_output)`` takes an array of the output's shape and dtype and returns the gradient of
    ``sum(output * grad_output)`` by argument name, each with its argument's shape and dtype. An argument
    that has no gradient has no entry.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Result: ...


class NotOffered(Exception):
    """Raised by an implementation for a call it does not serve: shown as such, never counted as agreement."""


Functions: TypeAlias = Mapping[str, Loss]
DType: TypeAlias = np.dtype[Any]

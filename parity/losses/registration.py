"""How a function becomes a loss: the decorator that enters it by its name, and silences NumPy's warnings."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import numpy as np

from parity.types import Array, Gradients, Loss, Result

P = ParamSpec("P")

REGISTERED: dict[str, Loss] = {}
"""The losses by name, in the order in which their modules were imported."""


def loss(function: Callable[P, Result]) -> Callable[P, Result]:
    """Enter a function among the losses. It and its vjp answer without NumPy's floating-point warnings."""
    registered = without_warnings(function)
    REGISTERED[function.__name__] = registered
    return registered


def without_warnings(function: Callable[P, Result]) -> Callable[P, Result]:
    """Let a function and its vjp reach inf and nan as torch does, without NumPy's floating-point warnings."""

    @wraps(function)
    def silent(*args: P.args, **kwargs: P.kwargs) -> Result:
        with np.errstate(all="ignore"):
            output, vjp = function(*args, **kwargs)

        def silent_vjp(grad_output: Array) -> Gradients:
            with np.errstate(all="ignore"):
                return vjp(grad_output)

        return np.asarray(output), silent_vjp

    return silent

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
    """Enter a function among the losses. It and its vjp answer without NumPy's floating-point warnings.

    The vjp takes its upstream gradient in the output's dtype, as torch's autograd does: beyond a half it is inf.
    """
    registered = without_warnings(function, cast=True)
    REGISTERED[function.__name__] = registered
    return registered


def without_warnings(function: Callable[P, Result], cast: bool = False) -> Callable[P, Result]:
    """Let a function and its vjp reach inf and nan as torch does, without NumPy's floating-point warnings.

    `cast`: whether the upstream gradient is cast to the output's dtype.
    """

    @wraps(function)
    def silent(*args: P.args, **kwargs: P.kwargs) -> Result:
        with np.errstate(all="ignore"):
            returned, vjp = function(*args, **kwargs)
        output = np.asarray(returned)

        def silent_vjp(grad_output: Array) -> Gradients:
            with np.errstate(all="ignore"):
                return vjp(grad_output.astype(output.dtype, copy=False) if cast else grad_output)

        return output, silent_vjp

    return silent

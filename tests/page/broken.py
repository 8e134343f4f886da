"""A library with three wrong losses, each in a way of its own, as a run of pytest imports it."""

from collections.abc import Callable
from typing import Any

import numpy as np

import parity
from parity import losses
from parity.types import Array, Result


def sigmoid(input: Array) -> Result:
    """Its gradient has the wrong sign."""
    output, vjp = losses.sigmoid(input)
    return output, lambda grad_output: {name: -value for name, value in vjp(grad_output).items()}


def logsigmoid(input: Array) -> Result:
    """It is half of what it should be where the input has more than one dimension."""
    output, vjp = losses.logsigmoid(input)
    return (output if input.ndim < 2 else np.asarray(output / 2, output.dtype)), vjp


def soft_margin_loss(input: Array, target: Array, **options: Any) -> Result:
    """It refuses halves."""
    if input.dtype.itemsize == 2:
        raise TypeError("halves are not for us")
    return losses.soft_margin_loss(input, target, **options)


LOSSES: dict[str, Callable[..., Any]] = {
    "sigmoid": sigmoid,
    "logsigmoid": logsigmoid,
    "soft_margin_loss": soft_margin_loss,
}
IMPLEMENTATION = parity.Implementation("mylib", losses=LOSSES)

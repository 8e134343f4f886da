"""Bugs that no shipped case sees: each shows only where facts meet that no case file has together."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Gradients, Loss, Result


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug: the loss, and the wrong function, with the signature of the right one."""

    id: str
    loss: str
    function: Loss


BUGS: list[Bug] = []


def bug(loss: str) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """Plant one: where the condition holds of a call's arguments, everything is a hundredth too large."""

    def planted(condition: Callable[..., bool]) -> Callable[..., bool]:
        BUGS.append(Bug(condition.__name__, loss, wrong(losses.LOSSES[loss], condition)))
        return condition

    return planted


def wrong(loss: Loss, condition: Callable[..., bool]) -> Loss:
    """The loss, wrong by a hundredth where the condition holds."""
    signature = inspect.signature(loss)

    def function(*args: Any, **kwargs: Any) -> Result:
        output, vjp = loss(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if not condition(**bound.arguments):
            return output, vjp

        def larger(grad_output: Array) -> Gradients:
            return {name: _larger(gradient) for name, gradient in vjp(grad_output).items()}

        return _larger(output), larger

    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _larger(values: Array) -> Array:
    return np.asarray(values * np.asarray(1.01, values.dtype), values.dtype)


@bug("mse_loss")
def a_reversed_input_beside_another_dtype(input: Array, target: Array, **_: Any) -> bool:
    return input.dtype != target.dtype and any(stride < 0 for stride in input.strides)


@bug("smooth_l1_loss")
def another_beta_in_mixed_strides(input: Array, target: Array, beta: float, **_: Any) -> bool:
    return beta != 1 and input.dtype != target.dtype and not target.flags.c_contiguous


@bug("hinge_embedding_loss")
def a_margin_of_three(margin: float, **_: Any) -> bool:
    return margin == 3

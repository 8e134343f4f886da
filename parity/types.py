"""The one idea of the project as types: a loss is a function that returns ``(output, vjp)``."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
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


class Clause(StrEnum):
    """What an implementation may do otherwise than torch by design: the words of `differs`."""

    INPUTS = "inputs intact"
    BACKWARD = "backward once"
    DTYPE = "output dtype"
    EXTRA = "extra gradients"
    ZERO = "gradients of zero"
    ERRORS = "error classes"
    MEMORY = "own memory"
    REPEATABLE = "repeatable"


class Differentiator(ABC):
    """The vjp of a framework that differentiates by what it is asked to, and may do so twice.

    A vjp need not be one. Those that are, are asked for more: for some gradients alone, for none, for second ones.
    """

    @property
    def has_modes(self) -> bool:
        """Whether a module is called, which is in eval() where gradients are switched off."""
        return False

    @abstractmethod
    def __call__(self, grad_output: Array) -> Gradients:
        """Every gradient by argument name."""

    @abstractmethod
    def only(self, names: Collection[str], grad_output: Array) -> dict[str, Any]:
        """'output', and the gradients of these arguments, from a call in which no other asks for one."""

    @abstractmethod
    def without_gradients(self, inference: bool = False) -> dict[str, Any]:
        """'output', from a call in which gradients are switched off. Raises RuntimeError if they are not.

        `inference` asks for the mode of a model that is never trained, if the framework has one.
        """

    def after_change(self, name: str, grad_output: Array) -> Gradients:
        """The gradients, an argument, or the output, being changed in place between the forward and the backward.

        Raises RuntimeError where the framework refuses that.
        """
        raise NotOffered("saved inputs")

    def left(self) -> dict[str, str]:
        """By argument what the calls since the last time have left on it beside its numbers, in words."""
        return {}

    def changed_between(self, name: str, values: Array) -> tuple[Array, Array]:
        """The output of a second call with the same arguments, one of them given other values in place after the first
        call, and that of a call with copies of them.
        """
        raise NotOffered("saved inputs")

    def second(self, grad_output: Array, directions: Mapping[str, Array]) -> Gradients:
        """The gradient of sum(<gradients, directions>) by every argument and by 'grad_output'.

        Raises RuntimeError where the function cannot be differentiated twice.
        """
        raise NotOffered("second derivatives")


Functions: TypeAlias = Mapping[str, Loss]
DType: TypeAlias = np.dtype[Any]

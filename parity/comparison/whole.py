"""A call of a loss that has answered, and another whose answers belong to it: what relations are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from parity.dtypes import row_of
from parity.facts.axes import Axes
from parity.types import Array, Loss

Values: TypeAlias = Mapping[str, Array]
# What counts as usual in size: beyond it sums may overflow, and steps are lost.
USUAL, USUAL_HALF = 1e4, 60.0


@dataclass(frozen=True, slots=True)
class Whole:
    """A call of a loss that has answered: `values` are its output and gradients by name.

    `shifted` are the arguments that a constant may be added to. `reduction` is what the output is reduced by.
    """

    loss: Loss
    arguments: Mapping[str, Any]
    defaults: Mapping[str, Any]
    grad_output: Array
    values: Values
    axes: Axes
    shifted: tuple[str, ...] = ()

    @property
    def output(self) -> Array:
        return self.values["output"]

    @property
    def arrays(self) -> dict[str, Array]:
        """The arguments that hold floating numbers."""
        return {
            name: value
            for name, value in self.arguments.items() if isinstance(value, np.ndarray) and row_of(value.dtype)
        }  # fmt: skip

    @property
    def eps(self) -> float:
        """The coarsest step among the dtypes of the output and the arguments: what is wider is made of it."""
        rows = [row_of(value.dtype) for value in (self.output, *self.arrays.values())]
        return max((row.eps for row in rows if row is not None), default=0.0)

    @property
    def reduction(self) -> str:
        """'none', 'sum' or 'mean', by the names of old too; 'batchmean' is a mean, beside those names none of them."""
        given = {**self.defaults, **self.arguments}
        size_average, reduce = given.get("size_average"), given.get("reduce")
        word = given.get("reduction", "mean" if self.axes.output and not self.output.ndim else "none")
        if (size_average, reduce) != (None, None) and word == "batchmean":
            return "both"  # and divides twice
        if size_average is not None or reduce is not None:
            if reduce is not None and not reduce:
                return "none"
            return "sum" if size_average is not None and not size_average else "mean"
        return word if word in ("none", "sum") else "mean"

    @property
    def usual(self) -> bool:
        """Whether all numbers are finite, and those that are given of usual size."""
        return all(np.all(np.isfinite(value)) for value in self.values.values()) and all(
            np.all(np.abs(value) < (USUAL_HALF if _half(value) else USUAL)) and not np.any((value != 0) & _tiny(value))
            for value in [*self.arrays.values(), self.grad_output]
        )  # fmt: skip

    def asked(self, arguments: Mapping[str, Any], grad_output: Array | None = None) -> dict[str, Array]:
        """The values of another call."""
        output, vjp = self.loss(**arguments)
        return {"output": output, **vjp(self.grad_output if grad_output is None else grad_output)}


@dataclass(frozen=True, slots=True)
class Related:
    """Two answers that must be alike: `how` the second call was made, `against` which answer it is held.

    `exactly` says that they must be so bit for bit. `coarse` is what they may differ by relative to their size, where
    it is not a matter of rounding.
    """

    how: str
    against: str
    expected: Values
    actual: Values
    exactly: bool = False
    coarse: float = 0.0


def _half(value: Array) -> bool:
    row = row_of(value.dtype)
    return row is not None and row.half


def _tiny(value: Array) -> Array:
    """Where a number is so small that its products lose digits."""
    row = row_of(value.dtype)
    return np.abs(value) < (0 if row is None or row.half else row.tiny / row.eps)

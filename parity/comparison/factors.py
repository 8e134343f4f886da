"""Factors that explain themselves at a point: ratios of its sizes, counts and sums of weights, and a few constants."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from parity.facts.roles import role_of, scores_of

# How near a factor must be to one that explains itself.
NEAR = 1e-4
CONSTANTS = {"2": 2.0, "ln 2": math.log(2), "pi": math.pi}


class Factors:
    """The numbers of one call by what they are, and which ratio of two of them a factor is."""

    def __init__(self, loss: str, arguments: Mapping[str, Any]) -> None:
        self.loss, self.arguments = loss, arguments
        self._numbers: dict[str, float] | None = None
        self.last: list[str] = []

    def named(self, factor: float, near: float = NEAR) -> list[str]:
        """What the factor may be, the simplest first: '1 / the number of rows (4)', '2'; kept as `last`."""
        known = self._ratios() if math.isfinite(factor) and factor else ()
        self.last = list(dict.fromkeys(text for text, value in known if abs(value / factor - 1) <= near))
        return self.last

    def _ratios(self) -> Iterator[tuple[str, float]]:
        numbers = self.numbers
        for name, value in CONSTANTS.items():
            yield name, value
            yield f"1 / {name}", 1 / value
        for name, value in numbers.items():
            yield f"{name} ({value:.6g})", value
            yield f"1 / {name} ({value:.6g})", 1 / value
        for above, one in numbers.items():
            for below, other in numbers.items():
                if one != other:
                    yield f"{above} / {below} ({one:.6g} / {other:.6g})", one / other

    @property
    def numbers(self) -> dict[str, float]:
        """The counts and sums that a denominator is made of, by name; none of them is 0 or 1."""
        if self._numbers is None:
            found = {name: float(value) for name, value in self._counted()}
            self._numbers = {
                name: value for name, value in found.items() if math.isfinite(value) and value not in (0, 1)
            }
        return self._numbers

    def _counted(self) -> Iterator[tuple[str, float]]:
        arguments = self.arguments
        arrays = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
        scores = scores_of(arrays)
        if scores is None:
            return
        role, shape = role_of(self.loss, arguments), arrays[scores].shape
        target, weight = arrays.get("target"), arrays.get("weight")
        if target is not None and target.dtype.kind in "iu" and role.indices:
            ignored = arguments.get("ignore_index")
            kept = target[target != (-100 if ignored is None else ignored)]
            if weight is not None and weight.ndim == 1 and kept.size and 0 <= kept.min() <= kept.max() < weight.size:
                yield "the sum of the targets' weights", weight.astype(float)[kept].sum()
            yield "the targets that are not ignored", kept.size
            yield "the number of targets", target.size
        if shape:
            yield ("the batch size" if role.batch == 0 else "the length"), shape[0]
            yield "the number of elements", math.prod(shape)
        if weight is not None:
            yield "the sum of the weights", np.abs(weight).astype(float).sum()
        classes = shape[role.classes if len(shape) > role.classes else -1] if role.classes is not None and shape else 0
        if classes:
            yield "the number of classes", classes
        if target is not None:
            yield "the size of the target", target.size
        lengths = arguments.get("target_lengths")
        if isinstance(lengths, np.ndarray) and lengths.size == 1:
            yield "the target's length", lengths.item()

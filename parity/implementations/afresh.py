"""A loss of which clauses are waived: inputs of its own, a new forward for each vjp, or answers that are kept.

For frameworks whose losses do not see to that themselves (`waiving`, as torch's do).
"""

from collections.abc import Collection
from typing import Any

import numpy as np

from parity.draws.layouts import copied
from parity.types import Array, Clause, Differentiator, Gradients, Loss, Result

SEEN_TO = frozenset({Clause.INPUTS, Clause.BACKWARD, Clause.MEMORY})


def waiving(loss: Loss, words: Collection[str]) -> Loss:
    """The loss with those of these clauses waived that are a matter of how it is called."""
    waived = SEEN_TO & set(words)
    if not waived:
        return loss
    own = getattr(loss, "waiving", None)
    waiver: Loss = Afresh(loss, waived) if own is None else own(waived)
    return waiver


class Afresh:
    """A loss of arrays with clauses waived.

    A vjp that differentiates by what it is asked to is handed on as it is: its framework's arrays are no NumPy's.
    """

    def __init__(self, loss: Loss, waived: Collection[Clause]) -> None:
        self.loss, self.waived = loss, waived

    def __call__(self, **arguments: Any) -> Result:
        kept = {name: _own(value) for name, value in arguments.items()} if Clause.BACKWARD in self.waived else {}
        output, vjp = self.forward(arguments)
        if isinstance(vjp, Differentiator) or not getattr(vjp, "has_gradients", True):
            return output, vjp
        return output, AfreshVjp(self, kept, vjp)

    def forward(self, arguments: dict[str, Any]) -> Result:
        if Clause.INPUTS in self.waived:
            arguments = {name: _own(value) for name, value in arguments.items()}
        output, vjp = self.loss(**arguments)
        return self.answer(output), vjp

    def answer(self, value: Any) -> Any:
        """An answer as it stays: in memory of its own, if the loss may write over its own."""
        return value.copy() if Clause.MEMORY in self.waived and type(value) is np.ndarray else value


class AfreshVjp:
    """The vjp of one call, which may serve once: each later one has a forward of its own."""

    def __init__(self, loss: Afresh, arguments: dict[str, Any], vjp: Any) -> None:
        self.loss, self.arguments, self.vjp = loss, arguments, vjp
        self.used = False

    def __call__(self, grad_output: Array) -> Gradients:
        waived = self.loss.waived
        if self.used and Clause.BACKWARD in waived:
            self.vjp = self.loss.forward({name: _own(value) for name, value in self.arguments.items()})[1]
        self.used = True
        found = self.vjp(_own(grad_output) if Clause.INPUTS in waived else grad_output)
        if not isinstance(found, dict):
            return found  # type: ignore[no-any-return]  # told by the engine
        return {name: self.loss.answer(value) for name, value in found.items()}


def _own(value: Any) -> Any:
    return copied(value) if isinstance(value, np.ndarray) else value

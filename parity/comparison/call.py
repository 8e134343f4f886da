"""A call and its answer as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parity.cases.signature import Signature
from parity.types import Array, Gradients, Loss


@dataclass(frozen=True, slots=True)
class Call:
    """The function that is asked, what it takes and what it's given.

    `extended` is the same loss in NumPy, which can be asked in extended precision; None where there is none.
    """

    signature: Signature
    function: Loss
    arguments: Mapping[str, Any]
    grad_output: Array
    extended: Loss | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one side answers: the output, the gradients that its vjp gives for grad_output, and the vjp itself."""

    output: Array
    gradients: Gradients
    vjp: Any = None

    @property
    def values(self) -> Gradients:
        """The output and each gradient, by 'output' and argument name."""
        return {"output": self.output, **self.gradients}

    def value(self, name: str) -> Array:
        """The one of them that is called so."""
        return self.output if name == "output" else self.gradients[name]

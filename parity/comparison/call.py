"""A call and its answer as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parity.types import Array, Gradients, Loss


@dataclass(frozen=True, slots=True)
class Call:
    """A loss by name, the function that is asked for it, and what it's given.

    `plain` says that nothing goes around the call: our NumPy loss answers it too.
    """

    loss: str
    function: Loss
    arguments: Mapping[str, Any]
    grad_output: Array
    plain: bool = True


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

"""The two sides of a measurement: torch on tensors made beforehand, and a NumPy loss, forward and backward each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from parity import losses
from parity.frameworks import numpy as ours
from parity.frameworks import torch as theirs
from parity.reference import FUNCTIONS, TORCH
from parity.types import Array, Gradients


class Bare:
    """Torch and nothing else: the least that any comparison with torch must cost.

    The gradients are those that the engine compares: of every argument that torch differentiates, and with
    a grad_output as drawn. `grad_output` takes torch's output and gives it.
    """

    def __init__(self, loss: str, arguments: dict[str, Any], grad_output: Callable[[Array], Array]) -> None:
        wrapped = TORCH[loss]
        output, vjp = wrapped(**arguments)
        self.function = FUNCTIONS[loss]
        self.differentiable = vjp.output.requires_grad
        self.upstream = wrapped.tensor(grad_output(output))
        leaves = vjp.leaves
        self.call = {
            name: leaves[name] if name in leaves
            else wrapped.tensor(value) if isinstance(value, np.ndarray) else theirs.option(name, value)
            for name, value in arguments.items()
        }  # fmt: skip
        self.leaves = list(leaves.values())

    def __call__(self) -> tuple[torch.Tensor | None, ...]:
        output = self.function(**self.call)
        if not self.differentiable:
            return ()
        return torch.autograd.grad(output, self.leaves, self.upstream, allow_unused=True)


class Hand:
    """A hand-written loss, forward and backward."""

    def __init__(self, loss: str, arguments: dict[str, Any], grad_output: Callable[[Array], Array]) -> None:
        self.function = losses.LOSSES[loss]
        self.call = {name: ours.option(name, value) for name, value in arguments.items()}
        self.upstream = grad_output(self.function(**self.call)[0])

    def __call__(self) -> Gradients:
        return self.function(**self.call)[1](self.upstream)

"""The parts of a draw, each alone: torch on tensors made beforehand, a NumPy loss, and the making of the arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from parity import losses
from parity.cases.points import Point
from parity.draws.draw import Plan
from parity.frameworks import numpy as ours
from parity.frameworks import torch as theirs
from parity.references.torch import FUNCTIONS, TORCH
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
        output, self.vjp = self.function(**self.call)
        self.upstream = grad_output(output)

    def __call__(self) -> Gradients:
        return self.function(**self.call)[1](self.upstream)

    def again(self) -> tuple[Gradients, Gradients]:
        """What a point's first draw must ask once more: the same vjp, and the same call."""
        return self.vjp(self.upstream), self()


class Drawing:
    """The arrays of one draw, made anew."""

    def __init__(self, point: Point, seed: int) -> None:
        self.plan, self.seed = Plan(point), seed
        arguments, own = self.plan.arguments(seed)
        self.output = None if own is not None else TORCH[point.loss](**arguments)[0]

    def __call__(self) -> tuple[dict[str, Any], Array | None]:
        arguments, own = self.plan.arguments(self.seed)
        return arguments, own if self.output is None else self.plan.grad_output(self.output, self.seed)

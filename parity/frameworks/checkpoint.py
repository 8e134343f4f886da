"""A call whose forward keeps nothing: it is run again in the backward, as torch.utils.checkpoint does it.

What torch offers for that imports torch's compiler, for two seconds: longer than all points of most losses take. The
hooks below it are public, and a loss meets the same through them: what it saves for its backward is thrown away, and
comes from a second run of its forward, under the random numbers of the first.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import CheckpointError


def checkpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of named arguments, which keeps nothing of its forward.

    A backward raises CheckpointError if the second run saves fewer tensors than the first, or others.
    """

    def call(**arguments: Any) -> Any:
        forward = _Forward(function, arguments)
        with saved_tensors_hooks(forward.leave_out, forward.made_again):
            return function(**arguments)

    return call


class _Forward:
    """One forward: what its saved tensors are like, and how to make them once more."""

    def __init__(self, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        self.function, self.arguments = function, arguments
        self.random = torch.get_rng_state()
        self.forms: list[tuple[Any, ...]] = []
        self.again: dict[int, torch.Tensor] = {}

    def leave_out(self, tensor: torch.Tensor) -> int:
        """The place of a tensor in the order in which they are saved, in its stead."""
        self.forms.append(_form(tensor))
        return len(self.forms) - 1

    def made_again(self, place: int) -> torch.Tensor:
        """The tensor that was left out there. Each backward has it once, and the next one runs the forward anew."""
        if place not in self.again:
            self.again = dict(enumerate(self._saved()))
        return self.again.pop(place)

    def _saved(self) -> list[torch.Tensor]:
        saved: list[torch.Tensor] = []

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            saved.append(tensor.detach())
            return tensor

        with torch.random.fork_rng(devices=()), torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
            torch.set_rng_state(self.random)
            self.function(**self.arguments)
        if [_form(tensor) for tensor in saved[: len(self.forms)]] != self.forms:
            raise CheckpointError("the second run of the forward saves other tensors than the first")
        return saved


def _form(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.shape, tensor.dtype, tensor.device

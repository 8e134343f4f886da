"""What a call leaves on the tensors it is given, beside their numbers: a shape, a flag, a gradient, a version."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch

# By argument: how it is left, after "the call leaves target".
Marks: TypeAlias = dict[str, str]


@contextmanager
def marked(call: Mapping[str, Any], marks: Marks) -> Iterator[None]:
    """Note in `marks` what a call in here leaves on its arguments."""
    tensors = [(name, value) for name, value in call.items() if isinstance(value, torch.Tensor)]
    before = [_state(tensor) for _, tensor in tensors]
    yield
    for (name, tensor), state in zip(tensors, before, strict=True):
        now = _state(tensor)
        if now != state:
            marks.setdefault(name, _left(state, now))


def _state(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.shape, tensor.stride(), tensor.requires_grad, tensor._version


def _left(before: tuple[Any, ...], now: tuple[Any, ...]) -> str:
    if now[0] != before[0]:
        return f"with shape {list(now[0])} (it had {list(before[0])})"
    if now[1] != before[1]:
        return f"with strides {list(now[1])} (it had {list(before[1])})"
    if now[2] != before[2]:
        return "asking for a gradient" if now[2] else "asking for no gradient any more"
    return "written to, if with the numbers that it had: its version is another"


def gradients_of_their_own(leaves: Mapping[str, torch.Tensor], marks: Marks) -> None:
    """Note in `marks` the leaves that a backward has given a .grad, beside the gradients that it returns."""
    for name, leaf in leaves.items():
        if leaf.is_leaf and leaf.grad is not None:
            marks.setdefault(name, "with a .grad that was not asked for, beside the gradient that it returns")

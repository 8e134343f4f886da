"""A tensor in memory of its own, strides and all, through which gradients flow as if it were the tensor itself."""

from typing import Any

import torch

from parity.draws.layouts import REACH, copied
from parity.frameworks.tensors import to_numpy, to_tensor


class _Own(torch.autograd.Function):
    """The identity, in new memory."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor) -> torch.Tensor:
        memory = tensor.untyped_storage()
        if memory.nbytes() > REACH * tensor.element_size():  # little of it has ever been touched
            return to_tensor(copied(to_numpy(tensor)))
        new = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        return new.set_(memory.clone(), tensor.storage_offset(), tensor.size(), tensor.stride())

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output


def own(tensor: torch.Tensor) -> torch.Tensor:
    """A copy that a function may write into."""
    copy: torch.Tensor = _Own.apply(tensor)  # type: ignore[no-untyped-call]
    return copy


def all_owned(call: dict[str, Any]) -> dict[str, Any]:
    """The same arguments, each tensor in memory of its own."""
    return {name: own(value) if isinstance(value, torch.Tensor) else value for name, value in call.items()}

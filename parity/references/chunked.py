"""linear_cross_entropy in chunks: torch computes its gradients ahead, and takes their derivative to be 0.

Such a derivative is none to compare with, so the answer in chunks is made one that can be differentiated once.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

# None where this torch has none.
OWN = getattr(F, "linear_cross_entropy", None)


class _Once(torch.autograd.Function):
    """The identity, whose backward cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, output: torch.Tensor) -> torch.Tensor:
        return output.view_as(output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output


def linear_cross_entropy(input: torch.Tensor, linear_weight: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Torch's own, which in chunks refuses second derivatives."""
    assert OWN is not None
    output: torch.Tensor = OWN(input, linear_weight, *args, **kwargs)
    chunked = named_so(output) if names_tell() else constant_slope(output, (input, linear_weight))
    return _Once.apply(output) if chunked else output  # type: ignore[no-untyped-call]


def named_so(output: torch.Tensor) -> bool:
    """Whether the name of the node that made the output says that it was made in chunks."""
    node = output.grad_fn
    while node is not None and "Squeeze" in node.name():  # one sample has lost its batch
        node = node.next_functions[0][0]
    return node is not None and "chunked" in node.name()


def constant_slope(output: torch.Tensor, leaves: tuple[torch.Tensor, ...]) -> bool:
    """Whether the gradients depend on nothing, which no gradient of this loss does unless it was computed ahead."""
    asked = [leaf for leaf in leaves if leaf.requires_grad]
    if not output.requires_grad or not asked:
        return False
    found = torch.autograd.grad(output.sum(), asked, create_graph=True, allow_unused=True)
    return not any(one is not None and one.requires_grad for one in found)


@cache
def names_tell() -> bool:
    """Whether this torch names its nodes so that `named_so` tells both ways apart: nothing promises that it does."""
    assert OWN is not None
    input, weight, target = torch.ones(2, 3, requires_grad=True), torch.ones(4, 3), torch.zeros(2, dtype=torch.int64)
    options = torch.nn.LinearCrossEntropyOptions(allow_retain_graph=True, batch_chunk_size=1)
    return named_so(OWN(input, weight, target, options=options)) and not named_so(OWN(input, weight, target))

"""Torch's own insides that differentiating here relies on, each with what is done in a torch that has them no more.

Nothing promises that they stay: one function below torch.autograd, and the words of two errors.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import torch

from parity.wording import message

try:
    from torch.autograd.graph import _engine_run_backward
except ImportError:
    _engine_run_backward = None  # type: ignore[assignment]

# torch's two ways to say that an argument has no derivative.
_NOT_DIFFERENTIABLE = re.compile(r"(?:derivative for|with respect to argument) '(\w+)'")


def gradients(
    output: torch.Tensor, leaves: Sequence[torch.Tensor], grad_output: torch.Tensor, create_graph: bool = False,
    retain_graph: bool = True,
) -> tuple[torch.Tensor | None, ...]:  # fmt: skip
    """``torch.autograd.grad`` without its check of shapes.

    That check is Python, takes as long as the rest, and imports sympy when first given a grad_output: a quarter of
    ``import torch``.
    """
    if engine_serves():
        return _by_engine(output, leaves, grad_output, create_graph, retain_graph)
    options = {"create_graph": create_graph, "retain_graph": retain_graph, "allow_unused": True}
    return torch.autograd.grad(output, leaves, grad_output, **options) if leaves else ()


def _by_engine(
    output: torch.Tensor, leaves: Sequence[torch.Tensor], grad_output: torch.Tensor, create_graph: bool,
    retain_graph: bool,
) -> tuple[torch.Tensor | None, ...]:  # fmt: skip
    found: tuple[torch.Tensor | None, ...] = _engine_run_backward(
        (output,), (grad_output,), retain_graph, create_graph, tuple(leaves),
        allow_unreachable=True, accumulate_grad=False,
    )  # fmt: skip
    return found


@cache
def engine_serves() -> bool:
    """Whether torch's engine can be called directly, with the arguments that are known here."""
    if _engine_run_backward is None:
        return False
    with torch.enable_grad():
        leaf = torch.ones(1, device="cpu", requires_grad=True)
        try:
            found = _by_engine(leaf * 2, (leaf,), torch.ones(1, device="cpu"), False, False)
        except Exception:
            return False
    return len(found) == 1 and found[0] is not None and found[0].tolist() == [2.0]


def refused(
    error: RuntimeError, function: Callable[..., Any], call: Mapping[str, Any], leaves: Collection[str]
) -> set[str]:
    """The arguments that may not ask for a gradient, by the error of a call in which they do; none if it says another.

    Torch names one. Where it says so in words unknown here, each argument is asked alone.
    """
    named = _NOT_DIFFERENTIABLE.search(message(error))
    if named is not None:
        return {named[1]} & set(leaves)
    return set() if words_tell() else _refused_alone(function, call, leaves)


@cache
def words_tell() -> bool:
    """Whether this torch still says in known words which argument has no derivative."""
    weight = torch.ones(2, device="cpu", requires_grad=True)
    try:
        torch.nn.functional.nll_loss(torch.zeros(1, 2, device="cpu"), torch.zeros(1, dtype=torch.int64), weight)
    except RuntimeError as error:
        named = _NOT_DIFFERENTIABLE.search(message(error))
        return named is not None and named[1] == "weight"
    return False


def _refused_alone(function: Callable[..., Any], call: Mapping[str, Any], leaves: Collection[str]) -> set[str]:
    """The arguments with which the call fails if they alone ask for a gradient; none if it fails without any."""

    def fails(asking: str | None) -> bool:
        bare = {name: value.detach() if isinstance(value, torch.Tensor) else value for name, value in call.items()}
        if asking is not None:
            bare[asking].requires_grad_()
        try:
            function(**bare)
        except RuntimeError:
            return True
        return False

    return set() if fails(None) else {name for name in leaves if fails(name)}

"""The forward that keeps nothing does what torch.utils.checkpoint does, and leaves torch's compiler alone."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import CheckpointError
from torch.utils.checkpoint import checkpoint as of_torch

from parity.frameworks.checkpoint import checkpoint

Function = Callable[..., Any]


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(input, target)
        return (input - target) ** 2

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        input, target = ctx.saved_tensors
        return 2 * grad_output * (input - target), -2 * grad_output * (input - target)


def random(input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.mse_loss((2 * F.dropout(input, 0.5)).exp(), target, reduction="none")


def squared(input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = Squared.apply(input, target)  # type: ignore[no-untyped-call]
    return found


def seen(around: Function, function: Function) -> list[Any]:
    """The output, two gradients, the second derivative, the forwards that were run, and the next random number."""
    runs = 0

    def counted(**arguments: torch.Tensor) -> Any:
        nonlocal runs
        runs += 1
        return function(**arguments)

    torch.manual_seed(0)
    input, target, upstream = (torch.arange(5.0) / 7).requires_grad_(), torch.ones(5), torch.arange(5.0)
    output = around(counted)(input=input, target=target)
    (first,) = torch.autograd.grad(output, input, upstream, retain_graph=True)
    (again,) = torch.autograd.grad(output, input, upstream, create_graph=True)
    (second,) = torch.autograd.grad(again.sum(), input)
    return [*(one.tolist() for one in (output, first, again, second, torch.rand(1))), runs]


@pytest.mark.parametrize("function", [random, squared])
def test_it_does_what_torch_does(function: Function) -> None:
    with torch.random.fork_rng(devices=()):
        theirs = seen(lambda inner: partial(of_torch, inner, use_reentrant=False), function)
        assert seen(checkpoint, function) == theirs


def test_a_second_run_that_saves_less_is_refused() -> None:
    runs = 0

    def less(input: torch.Tensor) -> torch.Tensor:
        nonlocal runs
        runs += 1
        return input.exp().sin() if runs == 1 else input.exp()

    input = torch.ones(3, requires_grad=True)
    with pytest.raises(CheckpointError):
        checkpoint(less)(input=input).sum().backward()


def test_torch_s_compiler_is_not_imported() -> None:
    program = """
import sys, torch
from parity.frameworks.checkpoint import checkpoint
input = torch.ones(3, requires_grad=True)
checkpoint(torch.exp)(input=input).sum().backward()
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

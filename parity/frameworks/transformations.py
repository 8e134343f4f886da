"""What a call of tensors may go through: the same code for torch's own functions and for those under test.

Each takes a function of named arguments to another one. The state of the process is afterwards what it was before.
"""

from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.autograd import forward_ad

from parity.cases.signature import Signature
from parity.draws.draw import generator
from parity.frameworks.checkpoint import checkpoint
from parity.frameworks.positional import by_position
from parity.frameworks.surroundings import SURROUNDINGS

Function: TypeAlias = Callable[..., Any]
# Tangents are whole multiples of this, and few bits long: every floating dtype holds the same ones.
_STEP = 0.125


def _autocast(function: Function, dtype: torch.dtype) -> Function:
    """The call in a region of autocast; the backward comes after it, as torch recommends."""

    def call(**arguments: Any) -> Any:
        devices = [value.device.type for value in arguments.values() if isinstance(value, torch.Tensor)]
        with torch.autocast(devices[0] if devices else "cpu", dtype=dtype):
            return function(**arguments)

    return call


def _vmap(function: Function) -> Function:
    """The function of one draw, mapped over a stack of draws: the first dimension of every tensor."""

    def call(**arguments: Any) -> Any:
        stacks, options = _split(arguments)
        return torch.func.vmap(lambda stacks: function(**stacks, **options))(stacks)

    return call


def _vmap_first(function: Function) -> Function:
    """The same over the first tensor alone: the others are the first draw's, as a weight is that all draws share."""

    def call(**arguments: Any) -> Any:
        stacks, options = _split(arguments)
        first, *others = stacks
        shared = {name: stacks[name][0] for name in others}
        return torch.func.vmap(lambda one: function(**{first: one}, **shared, **options))(stacks[first])

    return call


def each_alone(function: Function, word: str = "vmap") -> Function:
    """What vmap stands for: a call for each draw of the stack."""

    def call(**arguments: Any) -> Any:
        stacks, options = _split(arguments)
        count = len(next(iter(stacks.values())))
        mapped = list(stacks)[:1] if word == "vmap first" else list(stacks)
        each = [{name: stack[row if name in mapped else 0] for name, stack in stacks.items()} for row in range(count)]
        return torch.stack([function(**one, **options) for one in each])

    return call


def _split(arguments: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors, and the rest."""
    tensors = {name: value for name, value in arguments.items() if isinstance(value, torch.Tensor)}
    return tensors, {name: value for name, value in arguments.items() if name not in tensors}


def _jvp(function: Function) -> Function:
    """The tangent of the output in forward mode, along a fixed direction of all that asks for a gradient."""

    def call(**arguments: Any) -> Any:
        with forward_ad.dual_level():
            output = function(**{name: _dual(name, value) for name, value in arguments.items()})
            if not isinstance(output, torch.Tensor):
                return output
            tangent = forward_ad.unpack_dual(output).tangent
            return (torch.zeros_like(output) if tangent is None else tangent).detach()

    return call


def _dual(name: str, value: Any) -> Any:
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        return value
    return forward_ad.make_dual(value, direction(name, value))


def direction(name: str, value: torch.Tensor) -> torch.Tensor:
    """The tangent of an argument: the same for the same name and shape."""
    steps: Any = generator(f"tangent of {name}").integers(-16, 17, tuple(value.shape))
    return torch.from_numpy(np.asarray(steps * _STEP)).to(value.device, value.dtype)


def positional(signature: Signature, function: Function) -> Function:
    """The callable of the loss, called by position; of a module that is its forward, of a class that of its modules."""
    if isinstance(function, torch.nn.Module):
        module = copy(function)
        module.__class__ = _positional(signature, type(function))
        return module
    if isinstance(function, type) and issubclass(function, torch.nn.Module):
        return _positional(signature, function)
    return by_position(signature, function)


def _positional(signature: Signature, module: type[torch.nn.Module]) -> type[torch.nn.Module]:
    """A module class whose modules are called by name, and call themselves by position."""
    return type(module.__name__, (module,), {"__call__": by_position(signature, module.__call__)})


def _compiled(function: Function) -> Function:
    """The same in compiled code. Until torch 2.9 a function of torch's own is compiled only within another."""

    def called(*places: Any, **named: Any) -> Any:
        return function(*places, **named)

    own = str(getattr(function, "__module__", "")).startswith("torch.")
    return torch.compile(called if own else function)


TRANSFORMATIONS: dict[str, Callable[[Function], Function]] = {
    "autocast bfloat16": partial(_autocast, dtype=torch.bfloat16),
    "autocast float16": partial(_autocast, dtype=torch.float16),
    "vmap": _vmap,
    "vmap first": _vmap_first,
    "jvp": _jvp,
    "compile": _compiled,
    "checkpoint": checkpoint,
    **SURROUNDINGS,
}

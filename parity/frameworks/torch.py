"""Torch callables and modules as losses, gradients by autograd. Torch itself, wrapped so, is the reference."""

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from parity.dtypes import BFLOAT16, is_floating, row_of
from parity.frameworks import autograd
from parity.frameworks.adapters import Adapter
from parity.frameworks.compiled import is_compiled
from parity.frameworks.options import converter
from parity.types import Array, Differentiator, Gradients, NotOffered

_REMEMBERED = 10_000


class TorchLoss:
    """A callable of tensors as ``(output, vjp)``.

    Every floating array asks for a gradient; an argument whose derivative torch refuses is asked again
    without, so what is differentiable is observed and never written down. What a call that worked has shown is
    kept for calls of the same shapes, dtypes and options, and for no other: no answer depends on what was asked
    before. The first vjp of a call is asked for as a training step asks for it, its graph freed, unless
    `keeps_graph`, which spares the reference a second forward.
    """

    def __init__(self, function: Callable[..., Any], device: str = "cpu", keeps_graph: bool = False) -> None:
        self.function = as_function(function)
        self.device, self.keeps_graph = device, keeps_graph
        self.compiles = is_compiled(function)
        self._refused: dict[tuple[Any, ...], frozenset[str]] = {}

    def __call__(self, **arguments: Any) -> tuple[Array, "TorchVjp"]:
        call: dict[str, Any] = {}
        floating: list[str] = []
        kind: list[Any] = []
        for name, value in arguments.items():
            if isinstance(value, np.ndarray):
                call[name] = self.tensor(value)
                kind.append((name, value.dtype, value.shape))
                if is_floating(value):
                    floating.append(name)
            else:
                call[name] = option(name, value)
                kind.append((name, repr(value)))
        key = tuple(kind)
        refused = set(self._refused.get(key, ()))
        while True:
            leaves = [name for name in floating if name not in refused]
            for name in leaves:
                call[name].requires_grad_()
            try:
                output = self.function(**call)
            except RuntimeError as error:
                found = autograd.refused(error, self.function, call, leaves)
                if not found:
                    raise
                refused |= found
                call |= {name: call[name].detach() for name in found}
                continue
            if not isinstance(output, torch.Tensor):
                raise TypeError(f"the loss returned {type(output).__name__}, expected a tensor")
            if refused and key not in self._refused:
                if len(self._refused) == _REMEMBERED:
                    self._refused.clear()
                self._refused[key] = frozenset(refused)
            made = TorchVjp if self.compiles else TwiceVjp
            return to_numpy(output), made(self, call, output, {name: call[name] for name in leaves})

    def tensor(self, array: Array) -> torch.Tensor:
        """A tensor over the array's own memory and strides where torch can, else a copy."""
        if not array.flags.writeable or min(array.strides, default=0) < 0:
            array = array.copy()
        buffer = array.base
        if isinstance(buffer, np.ndarray) and buffer.ndim == 1 and buffer.flags.carray and buffer.dtype == array.dtype:
            # a window into a buffer is one in torch too: there a kernel may forget the offset
            strides = [stride // array.itemsize for stride in array.strides]
            skipped = (array.ctypes.data - buffer.ctypes.data) // array.itemsize
            shared = torch.as_strided(_shared(buffer), array.shape, strides, skipped)
        else:
            shared = _shared(array)
        return shared if self.device == "cpu" else shared.to(self.device)


def _shared(array: Array) -> torch.Tensor:
    """A tensor over the array's memory."""
    row = row_of(array.dtype)
    if row is not None and row.bits is not None:
        return torch.from_numpy(array.view(row.bits)).view(getattr(torch, row.name))
    return torch.from_numpy(array)


class TorchVjp(Differentiator):
    """The vjp of one call.

    A graph that a first vjp has freed is made anew by calling the function again. A second backward goes through
    one graph twice, unless the function is compiled: such a graph serves once.
    """

    def __init__(
        self, loss: TorchLoss, call: dict[str, Any], output: torch.Tensor, leaves: dict[str, torch.Tensor]
    ) -> None:
        self.loss, self.call, self.output, self.leaves = loss, call, output, leaves
        self.tensor = loss.tensor
        self.freed = False

    def __call__(self, grad_output: Array) -> Gradients:
        if not self.output.requires_grad or not self.leaves:
            return {}
        upstream = self.tensor(grad_output)
        keep = self.loss.keeps_graph
        if self.freed:
            self._call_again()
            keep = not self.loss.compiles
            if keep:
                autograd.gradients(self.output, tuple(self.leaves.values()), upstream)
        found = autograd.gradients(self.output, tuple(self.leaves.values()), upstream, retain_graph=keep)
        self.freed = not keep
        return {
            name: to_numpy(gradient) for name, gradient in zip(self.leaves, found, strict=True) if gradient is not None
        }

    def _call_again(self) -> None:
        self.output = self.loss.function(**self.call)

    def only(self, names: Collection[str], grad_output: Array) -> dict[str, Any]:
        """The output, and the gradients of these arguments, from a call in which no other asks for one.

        They are no leaves in it, as what a network computes is none.
        """
        call = {word: value.detach() if isinstance(value, torch.Tensor) else value for word, value in self.call.items()}
        leaves = {name: call[name].requires_grad_() for name in names}
        call |= {name: leaf.view_as(leaf) for name, leaf in leaves.items()}
        output = self.loss.function(**call)
        found = (
            ()
            if not leaves
            else autograd.gradients(output, tuple(leaves.values()), self.tensor(grad_output), retain_graph=False)
        )
        gradients = {
            name: None if gradient is None else to_numpy(gradient)
            for name, gradient in zip(leaves, found, strict=True)
        }  # fmt: skip
        return {"output": to_numpy(output), **gradients}

    def without_gradients(self) -> dict[str, Any]:
        """The output under torch.no_grad(). Raises RuntimeError if that could be differentiated."""
        with torch.no_grad():
            output = self.loss.function(**self.call)
        if output.requires_grad:
            raise RuntimeError("the output requires a gradient")
        return {"output": to_numpy(output)}


class TwiceVjp(TorchVjp):
    """The vjp of a call whose gradients can be differentiated again, if torch can."""

    def second(self, grad_output: Array, directions: Mapping[str, Array]) -> Gradients:
        """The gradient of sum(<gradients, directions>) by every argument and by grad_output.

        Raises RuntimeError where the function cannot be differentiated twice. A gradient is linear in
        grad_output, so one that does not depend on it has been computed apart.
        """
        upstream = self.tensor(grad_output).detach().requires_grad_()
        names = [name for name in self.leaves if name in directions]
        leaves = [self.leaves[name] for name in names]
        if self.freed:
            self._call_again()
            self.freed = False
        try:
            first = autograd.gradients(self.output, leaves, upstream, create_graph=True)
        except RuntimeError as error:
            if "torch.compile" in str(error):
                raise NotOffered("second derivatives") from None
            raise
        total = torch.zeros((), dtype=self.output.dtype, device=self.output.device)
        for name, gradient in zip(names, first, strict=True):
            if gradient is not None:
                total = total + (gradient * self.tensor(directions[name])).sum()
        wanted = {"grad_output": upstream, **self.leaves}
        found: tuple[torch.Tensor | None, ...] = (None,)
        if total.requires_grad:
            found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True, retain_graph=True)
        if found[0] is None:
            raise RuntimeError("the gradients cannot be differentiated: they do not depend on grad_output")
        return {name: to_numpy(gradient) for name, gradient in zip(wanted, found, strict=True) if gradient is not None}


def to_numpy(tensor: torch.Tensor) -> Array:
    """The tensor's values as an array of the same dtype and shape."""
    if tensor.dtype is torch.bfloat16:
        halves: Array = tensor.view(torch.int16).numpy(force=True).view(BFLOAT16)
        return halves
    array: Array = tensor.numpy(force=True)
    return array


def as_function(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function of all the arguments from a callable, a module class or a module.

    A class is built from the arguments its constructor names (once for the same options, if none is a tensor)
    and called with the rest; a built module is called with the arguments that its forward names, the others
    must be what it was built with.
    """
    if isinstance(loss, type) and issubclass(loss, torch.nn.Module):
        return partial(_build_and_call, loss, frozenset(inspect.signature(loss).parameters), {})
    if isinstance(loss, torch.nn.Module):
        built = inspect.signature(type(loss)).parameters.values()
        defaults = {one.name: one.default for one in built if one.default is not one.empty}
        return partial(_call_built, loss, frozenset(inspect.signature(loss.forward).parameters), defaults)
    return loss


def _build_and_call(
    module: type[torch.nn.Module], built: frozenset[str], modules: dict[str, torch.nn.Module], **arguments: Any
) -> Any:
    options = {name: value for name, value in arguments.items() if name in built}
    rest = {name: value for name, value in arguments.items() if name not in built}
    if any(isinstance(value, torch.Tensor) for value in options.values()):
        return module(**options)(**rest)
    # as in a training loop: a module that keeps something of a call shows it in the next
    words = repr(sorted(options.items()))
    if words not in modules:
        modules[words] = module(**options)
    return modules[words](**rest)


def _call_built(module: torch.nn.Module, called: frozenset[str], defaults: Mapping[str, Any], **arguments: Any) -> Any:
    for name, value in arguments.items():
        if name not in called and not _same(getattr(module, name, None), value):
            raise TypeError(
                f"the module was not built with {name}={value!r}: give the class, or declare {name!r} in lacks"
            )
    for name, default in defaults.items():
        if name not in arguments and not _same(getattr(module, name, default), default):
            raise TypeError(
                f"the module was built with {name}={getattr(module, name)!r}, which this call leaves at {default!r}: "
                f"give the class"
            )
    return module(**{name: value for name, value in arguments.items() if name in called})


def _same(built: Any, wanted: Any) -> bool:
    if isinstance(built, torch.Tensor) and isinstance(wanted, torch.Tensor):
        return built.shape == wanted.shape and bool((built == wanted).all())
    return type(built) is not torch.Tensor and built == wanted


option = converter(
    dtype=lambda word: getattr(torch, word), pairwise_distance=torch.nn.functional.pairwise_distance,
    # a vjp is called more than once here, which torch's chunks allow only if they are told
    linear_options=lambda **fields: torch.nn.LinearCrossEntropyOptions(**{"allow_retain_graph": True, **fields}),
)  # fmt: skip
ADAPTER = Adapter("torch", TorchLoss, option, {"IndexError": ("AcceleratorError",)}, is_reference=True)

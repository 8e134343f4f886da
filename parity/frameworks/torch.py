"""Torch callables and modules as losses, gradients by autograd. Torch itself, wrapped so, is the reference."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import copy
from typing import Any

import numpy as np
import torch
from torch.autograd.graph import _engine_run_backward

from parity.dtypes import BFLOAT16, is_floating, row_of
from parity.frameworks.adapters import Adapter
from parity.frameworks.callables import returned
from parity.frameworks.compiled import is_compiled
from parity.frameworks.modules import as_plain
from parity.frameworks.options import converter
from parity.frameworks.owned import own
from parity.types import Array, Clause, Differentiator, Gradients, NotOffered
from parity.wording import first_line, message

_REMEMBERED = 10_000
# torch's two ways to say that an argument has no derivative.
_NOT_DIFFERENTIABLE = re.compile(r"(?:derivative for|with respect to argument) '(\w+)'")


class TorchLoss:
    """A callable of tensors as ``(output, vjp)``.

    Every floating array asks for a gradient; an argument whose derivative torch refuses is asked again
    without, so what is differentiable is observed and never written down. What a call that worked has shown is
    kept for calls of the same shapes, dtypes and options, and for no other: no answer depends on what was asked
    before. The first vjp of a call is asked for as a training step asks for it, its graph freed, unless
    `keeps_graph`, which spares the reference a second forward.
    """

    def __init__(self, function: Callable[..., Any], device: str = "cpu", keeps_graph: bool = False) -> None:
        self.function = as_plain(function).function
        self.device, self.keeps_graph = device, keeps_graph
        self.compiles = is_compiled(function)
        self.waived: Collection[Clause] = ()
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
        spare = _owned(call) if Clause.BACKWARD in self.waived else call
        while True:
            leaves = [name for name in floating if name not in refused]
            for name in leaves:
                call[name].requires_grad_()
            try:
                output = self.answer(call)
            except RuntimeError as error:
                named = _NOT_DIFFERENTIABLE.search(message(error))
                if named is None or named[1] not in leaves:
                    raise
                refused.add(named[1])
                call[named[1]] = call[named[1]].detach()
                continue
            if not isinstance(output, torch.Tensor):
                raise returned(output, "a tensor")
            if refused and key not in self._refused:
                if len(self._refused) == _REMEMBERED:
                    self._refused.clear()
                self._refused[key] = frozenset(refused)
            made = TorchVjp if self.compiles else TwiceVjp
            vjp = made(self, call, output, {name: call[name] for name in leaves})
            if spare is not call:  # a later forward is given what nobody has written into
                vjp.call = spare | {name: spare[name].requires_grad_() for name in leaves}
            return self.array(output), vjp

    def waiving(self, clauses: Collection[Clause]) -> "TorchLoss":
        """The same loss with clauses waived: it may write into its inputs, or over its answers, or its graph serves
        once, on inputs that nobody has written into.
        """
        other = copy(self)
        other.waived = clauses
        return other

    def answer(self, call: dict[str, Any], again: bool = False) -> Any:
        """What the function returns; `again` says that it was called with these tensors before."""
        owned = Clause.INPUTS in self.waived or (again and Clause.BACKWARD in self.waived)
        return self.function(**(_owned(call) if owned else call))

    def upstream(self, grad_output: Array) -> torch.Tensor:
        """An upstream gradient as a tensor."""
        tensor = self.tensor(grad_output)
        return own(tensor) if Clause.INPUTS in self.waived else tensor

    def array(self, answer: torch.Tensor) -> Array:
        """An answer as an array."""
        array = to_numpy(answer)
        return array.copy() if Clause.MEMORY in self.waived else array

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


def _owned(call: dict[str, Any]) -> dict[str, Any]:
    """The same arguments, each tensor in memory of its own."""
    return {name: own(value) if isinstance(value, torch.Tensor) else value for name, value in call.items()}


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
        upstream = self.loss.upstream(grad_output)
        keep = self.loss.keeps_graph
        if self.freed:
            self._call_again()
            keep = not (self.loss.compiles or Clause.BACKWARD in self.loss.waived)
            if keep:
                _grad(self.output, self.leaves.values(), upstream)
        found = _grad(self.output, self.leaves.values(), upstream, retain_graph=keep)
        self.freed = not keep
        return {
            name: self.loss.array(gradient)
            for name, gradient in zip(self.leaves, found, strict=True)
            if gradient is not None
        }

    def _call_again(self) -> None:
        self.leaves = {name: self.call[name] for name in self.leaves}
        self.output = self.loss.answer(self.call, again=True)

    def only(self, names: Collection[str], grad_output: Array) -> dict[str, Any]:
        """The output, and the gradients of these arguments, from a call in which no other asks for one.

        They are no leaves in it, as what a network computes is none.
        """
        call = {word: value.detach() if isinstance(value, torch.Tensor) else value for word, value in self.call.items()}
        leaves = {name: call[name].requires_grad_() for name in names}
        call |= {name: leaf.view_as(leaf) for name, leaf in leaves.items()}
        output = self.loss.answer(call, again=True)
        found = _grad(output, leaves.values(), self.loss.upstream(grad_output), retain_graph=False) if leaves else ()
        gradients = {
            name: None if gradient is None else to_numpy(gradient)
            for name, gradient in zip(leaves, found, strict=True)
        }  # fmt: skip
        return {"output": to_numpy(output), **gradients}

    def without_gradients(self) -> dict[str, Any]:
        """The output under torch.no_grad(). Raises RuntimeError if that could be differentiated."""
        with torch.no_grad():
            output = self.loss.answer(self.call, again=True)
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
        if self.freed:
            self._call_again()
            self.freed = False
        leaves = [self.leaves[name] for name in names]
        try:
            first = _grad(self.output, leaves, upstream, create_graph=True)
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


def _grad(
    output: torch.Tensor, leaves: Iterable[torch.Tensor], grad_output: torch.Tensor, create_graph: bool = False,
    retain_graph: bool = True,
) -> tuple[torch.Tensor | None, ...]:  # fmt: skip
    """``torch.autograd.grad`` without its check of shapes.

    That check is Python, and imports sympy when first given a grad_output: a quarter of ``import torch``.
    """
    found: tuple[torch.Tensor | None, ...] = _engine_run_backward(
        (output,), (grad_output,), retain_graph, create_graph, tuple(leaves),
        allow_unreachable=True, accumulate_grad=False,
    )  # fmt: skip
    return found


def to_numpy(tensor: torch.Tensor) -> Array:
    """The tensor's values as an array of the same dtype and shape."""
    if tensor.dtype is torch.bfloat16:
        halves: Array = tensor.view(torch.int16).numpy(force=True).view(BFLOAT16)
        return halves
    array: Array = tensor.numpy(force=True)
    return array


def unready(device: str) -> str | None:
    """Why nothing can run on the device, or None if it can; CUDA is asked without being started."""
    try:
        if torch.device(device).type == "cuda":
            return None if torch.cuda.is_available() else f"torch {torch.__version__} finds no CUDA device here"
        torch.empty(0, device=device)
    except Exception as error:
        return f"torch cannot use it: {first_line(error)}"
    return None


option = converter(
    dtype=lambda word: getattr(torch, word), pairwise_distance=torch.nn.functional.pairwise_distance,
    # a vjp is called more than once here, which torch's chunks allow only if they are told
    linear_options=lambda **fields: torch.nn.LinearCrossEntropyOptions(**{"allow_retain_graph": True, **fields}),
)  # fmt: skip
# An AttributeError is what becomes of a plain number where torch's own Python code expects a tensor.
REFUSALS = {"IndexError": ("AcceleratorError",), "AttributeError": ("TypeError", "ValueError")}
ADAPTER = Adapter(
    "torch", TorchLoss, option, REFUSALS, is_reference=True, plain=as_plain,
    unready=unready,
)  # fmt: skip

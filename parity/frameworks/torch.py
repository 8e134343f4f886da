"""Torch callables and modules as losses, gradients by autograd. Torch itself, wrapped so, is the reference."""

from collections.abc import Callable, Collection, Iterable, Mapping
from copy import copy
from functools import partial
from typing import Any

import numpy as np
import torch

from parity.cases.signature import Signature
from parity.dtypes import is_floating
from parity.frameworks import autograd
from parity.frameworks.adapters import Adapter
from parity.frameworks.callables import returned
from parity.frameworks.compiled import is_compiled
from parity.frameworks.modules import as_plain
from parity.frameworks.options import converter
from parity.frameworks.owned import own
from parity.frameworks.tensors import to_numpy as to_numpy
from parity.frameworks.tensors import to_tensor
from parity.frameworks.transformations import TRANSFORMATIONS, positional
from parity.types import Array, Clause, Differentiator, Gradients, NotOffered
from parity.wording import first_line

_REMEMBERED = 10_000


class TorchLoss:
    """A callable of tensors as ``(output, vjp)``.

    Every floating array asks for a gradient; an argument whose derivative torch refuses is asked again
    without, so what is differentiable is observed and never written down. What a call that worked has shown is
    kept for calls of the same shapes, dtypes and options, and for no other: no answer depends on what was asked
    before. The first vjp of a call is asked for as a training step asks for it, its graph freed, unless
    `keeps_graph`, which spares the reference a second forward. Each call goes through the transformation
    `around`, if there is one.
    """

    def __init__(
        self, function: Callable[..., Any], device: str = "cpu", keeps_graph: bool = False, around: str = ""
    ) -> None:
        plain = as_plain(function).function
        self.function = TRANSFORMATIONS[around](plain) if around else plain
        self.device, self.keeps_graph = device, keeps_graph
        self.compiles = around == "compile" or is_compiled(function)
        self.waived: Collection[Clause] = ()
        self._refused: dict[tuple[Any, ...], frozenset[str]] = {}

    def __call__(self, **arguments: Any) -> tuple[Array, "TorchVjp"]:
        call: dict[str, Any] = {}
        floating: list[str] = []
        for name, value in arguments.items():
            if isinstance(value, np.ndarray):
                call[name] = self.tensor(value)
                if is_floating(value):
                    floating.append(name)
            else:
                call[name] = option(name, value)
        refused = set(self._refused.get(_kind(arguments), ())) if self._refused else set()
        spare = _owned(call) if Clause.BACKWARD in self.waived else call
        while True:
            leaves = [name for name in floating if name not in refused]
            for name in leaves:
                call[name].requires_grad_()
            try:
                output = self.answer(call)
            except RuntimeError as error:
                found = autograd.refused(error, self.function, call, leaves)
                if not found:
                    raise
                refused |= found
                call |= {name: call[name].detach() for name in found}
                continue
            if not isinstance(output, torch.Tensor):
                raise returned(output, "a tensor")
            if refused and (key := _kind(arguments)) not in self._refused:
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
        """The array as a tensor on the device."""
        shared = to_tensor(array)
        return shared if self.device == "cpu" else shared.to(self.device)


def _kind(arguments: dict[str, Any]) -> tuple[Any, ...]:
    """The shapes and dtypes of a call, and its options."""
    return tuple(
        (name, value.dtype, value.shape) if isinstance(value, np.ndarray) else (name, repr(value))
        for name, value in arguments.items()
    )


def _owned(call: dict[str, Any]) -> dict[str, Any]:
    """The same arguments, each tensor in memory of its own."""
    return {name: own(value) if isinstance(value, torch.Tensor) else value for name, value in call.items()}


def around(
    word: str, signature: Signature, function: Callable[..., Any], device: str = "cpu", keeps_graph: bool = False
) -> TorchLoss:
    """A callable of a loss under the transformation of that word. Raises NotOffered for one that cannot meet it."""
    if (word == "jvp" or word.startswith("vmap")) and is_compiled(function):
        raise NotOffered(f"{word} of compiled code")  # torch runs it as it was before it was compiled
    if word == "positional":
        return TorchLoss(positional(signature, function), device, keeps_graph)
    return TorchLoss(function, device, keeps_graph and word != "compile", word)


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
                autograd.gradients(self.output, tuple(self.leaves.values()), upstream)
        found = autograd.gradients(self.output, tuple(self.leaves.values()), upstream, retain_graph=keep)
        self.freed = not keep
        return _named(self.leaves, found, self.loss.array)

    def _call_again(self) -> None:
        self.leaves = {name: self.call[name] for name in self.leaves}
        self.output = self.loss.answer(self.call, again=True)

    def accumulated(self) -> Collection[str]:
        """The arguments whose .grad is set: gradients are asked for, and none is to be stored."""
        return [name for name, leaf in self.leaves.items() if leaf.grad is not None]

    def only(self, names: Collection[str], grad_output: Array) -> dict[str, Any]:
        """The output, and the gradients of these arguments, from a call in which no other asks for one.

        They are no leaves in it, as what a network computes is none.
        """
        call = self._detached()
        leaves = {name: call[name].requires_grad_() for name in names}
        call |= {name: leaf.view_as(leaf) for name, leaf in leaves.items()}
        output = self.loss.answer(call, again=True)
        upstream = self.loss.upstream(grad_output)
        found = autograd.gradients(output, tuple(leaves.values()), upstream, retain_graph=False) if leaves else ()
        gradients = {
            name: None if gradient is None else to_numpy(gradient)
            for name, gradient in zip(leaves, found, strict=True)
        }  # fmt: skip
        return {"output": to_numpy(output), **gradients}

    def after_change(self, name: str, grad_output: Array) -> Gradients:
        """The gradients, an argument being set to 0 between the forward and the backward of a call on copies.

        Raises RuntimeError where autograd refuses that.
        """
        call = _owned(self._detached())
        leaves = {leaf: call[leaf].requires_grad_() for leaf in self.leaves}
        output = self.loss.answer(call, again=True)
        with torch.no_grad():
            call[name].zero_()
        upstream = self.loss.upstream(grad_output)
        found = autograd.gradients(output, tuple(leaves.values()), upstream, retain_graph=False) if leaves else ()
        return _named(leaves, found)

    def changed_between(self, name: str) -> tuple[Array, Array]:
        """The output of a second call with the same tensors, one set to 0 in between, and that of one with copies."""
        call = _owned(self._detached())
        self.loss.answer(call, again=True)
        call[name].zero_()
        return to_numpy(self.loss.answer(call, again=True)), to_numpy(self.loss.answer(_owned(call), again=True))

    def _detached(self) -> dict[str, Any]:
        return {word: value.detach() if isinstance(value, torch.Tensor) else value for word, value in self.call.items()}

    def without_gradients(self, inference: bool = False) -> dict[str, Any]:
        """The output under torch.no_grad() or inference_mode(). Raises RuntimeError if it could be differentiated."""
        with torch.inference_mode() if inference else torch.no_grad():
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
            found = autograd.gradients(total, tuple(wanted.values()), torch.ones_like(total))
        if found[0] is None:
            raise RuntimeError("the gradients cannot be differentiated: they do not depend on grad_output")
        return _named(wanted, found)


def _named(
    names: Iterable[str],
    found: Iterable[torch.Tensor | None],
    array: Callable[[torch.Tensor], Array] | None = None,
) -> Gradients:
    """The gradients that there are, by argument name, each made an array by `array`."""
    make = array or to_numpy
    return {name: make(gradient) for name, gradient in zip(names, found, strict=True) if gradient is not None}


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
    "torch", TorchLoss, option, REFUSALS, is_reference=True, plain=as_plain, unready=unready,
    around={word: partial(around, word) for word in (*TRANSFORMATIONS, "positional")},
)  # fmt: skip

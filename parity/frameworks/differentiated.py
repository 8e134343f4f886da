"""What a call of tensors is asked beside its output: gradients, by autograd, and what becomes of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from parity.frameworks import autograd
from parity.frameworks.marks import Marks, gradients_of_their_own
from parity.frameworks.modules import evaluating
from parity.frameworks.owned import all_owned
from parity.frameworks.tensors import to_numpy
from parity.types import Array, Clause, Differentiator, Gradients, NotOffered

if TYPE_CHECKING:
    from parity.frameworks.torch import TorchLoss


class TorchVjp(Differentiator):
    """The vjp of one call.

    A graph that a first vjp has freed is made anew by calling the function again. A second backward goes through
    one graph twice, unless the function is compiled: such a graph serves once.
    """

    def __init__(
        self, loss: TorchLoss, call: dict[str, Any], output: torch.Tensor, leaves: dict[str, torch.Tensor],
        marks: Marks,
    ) -> None:  # fmt: skip
        self.loss, self.call, self.output, self.leaves, self.marks = loss, call, output, leaves, marks
        self.tensor = loss.tensor
        self.freed = False

    @property
    def has_modes(self) -> bool:
        return self.loss.has_modes and not self.loss.compiles

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
        gradients_of_their_own(self.leaves, self.marks)
        return _named(self.leaves, found, self.loss.array)

    def _call_again(self) -> None:
        self.leaves = {name: self.call[name] for name in self.leaves}
        self.output = self.loss.answer(self.call, again=True, marks=self.marks)

    def left(self) -> dict[str, str]:
        """What the calls since the last time have left on their arguments."""
        found, self.marks = self.marks, {}
        return found

    def only(self, names: Collection[str], grad_output: Array) -> dict[str, Any]:
        """The output, and the gradients of these arguments, from a call in which no other asks for one.

        They are no leaves in it, as what a network computes is none.
        """
        call = self._detached()
        leaves = {name: call[name].requires_grad_() for name in names}
        call |= {name: leaf.view_as(leaf) for name, leaf in leaves.items()}
        output = self.loss.answer(call, again=True, marks=self.marks)
        if not leaves and output.requires_grad and output.is_leaf:
            self.marks.setdefault("its output", "asking for a gradient, where no argument does")
        upstream = self.loss.upstream(grad_output)
        found = autograd.gradients(output, tuple(leaves.values()), upstream, retain_graph=False) if leaves else ()
        gradients_of_their_own(leaves, self.marks)
        gradients = {
            name: None if gradient is None else to_numpy(gradient)
            for name, gradient in zip(leaves, found, strict=True)
        }  # fmt: skip
        return {"output": to_numpy(output), **gradients}

    def after_change(self, name: str, grad_output: Array) -> Gradients:
        """The gradients, an argument being set to 0 between the forward and the backward of a call on copies.

        The output is halved, under twice the upstream gradient. Raises RuntimeError where autograd refuses that.
        """
        call = all_owned(self._detached())
        leaves = {leaf: call[leaf].requires_grad_() for leaf in self.leaves}
        output = self.loss.answer(call, again=True)
        upstream = self.loss.upstream(grad_output)
        if name == "output":
            output.div_(2)  # as by the number of steps that gradients are added up over
            upstream = upstream * 2
        else:
            with torch.no_grad():
                call[name].zero_()
        found = autograd.gradients(output, tuple(leaves.values()), upstream, retain_graph=False) if leaves else ()
        return _named(leaves, found)

    def changed_between(self, name: str, values: Array) -> tuple[Array, Array]:
        """The output of a second call with the same tensors, one of other values by then, and that of one with copies.

        They are written past the version of the tensor, by which something may be kept as well.
        """
        call = all_owned(self._detached())
        self.loss.answer(call, again=True)
        call[name].data.copy_(self.tensor(values))
        return to_numpy(self.loss.answer(call, again=True)), to_numpy(self.loss.answer(all_owned(call), again=True))

    def _detached(self) -> dict[str, Any]:
        return {word: value.detach() if isinstance(value, torch.Tensor) else value for word, value in self.call.items()}

    def without_gradients(self, inference: bool = False) -> dict[str, Any]:
        """The output under torch.no_grad() or inference_mode(), of a module in eval().

        Raises RuntimeError if it could be differentiated.
        """
        mode = evaluating() if self.has_modes else nullcontext()
        with mode, torch.inference_mode() if inference else torch.no_grad():
            output = self.loss.answer(self.call, again=True, marks=self.marks)
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

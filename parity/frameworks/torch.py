"""Torch callables and modules as losses, gradients by autograd. Torch itself, wrapped so, is the reference."""

from collections.abc import Callable, Collection
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
from parity.frameworks.differentiated import TorchVjp, TwiceVjp
from parity.frameworks.marks import Marks, marked
from parity.frameworks.modules import as_plain, has_modes
from parity.frameworks.options import converter
from parity.frameworks.owned import all_owned, own
from parity.frameworks.tensors import to_numpy as to_numpy
from parity.frameworks.tensors import to_tensor
from parity.frameworks.transformations import TRANSFORMATIONS, positional
from parity.types import Array, Clause, NotOffered
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
        self.has_modes = has_modes(plain)
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
        marks: Marks = {}
        spare = all_owned(call) if Clause.BACKWARD in self.waived else call
        while True:
            leaves = [name for name in floating if name not in refused]
            for name in leaves:
                call[name].requires_grad_()
            try:
                output = self.answer(call, marks=marks)
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
            vjp = made(self, call, output, {name: call[name] for name in leaves}, marks)
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

    def answer(self, call: dict[str, Any], again: bool = False, marks: Marks | None = None) -> Any:
        """What the function returns; `again` says that it was called with these tensors before.

        What it leaves on them beside their numbers is noted in `marks`.
        """
        owned = Clause.INPUTS in self.waived or (again and Clause.BACKWARD in self.waived)
        if owned or marks is None or self.keeps_graph:
            return self.function(**(all_owned(call) if owned else call))
        with marked(call, marks):
            return self.function(**call)

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


def around(
    word: str, signature: Signature, function: Callable[..., Any], device: str = "cpu", keeps_graph: bool = False
) -> TorchLoss:
    """A callable of a loss under the transformation of that word. Raises NotOffered for one that cannot meet it."""
    if (word == "jvp" or word.startswith("vmap")) and is_compiled(function):
        raise NotOffered(f"{word} of compiled code")  # torch runs it as it was before it was compiled
    if word == "positional":
        return TorchLoss(positional(signature, function), device, keeps_graph)
    return TorchLoss(function, device, keeps_graph and word != "compile", word)


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

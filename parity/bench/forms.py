"""Right losses that are computed in other ways than by torch's own kernels: what no tolerance may accuse.

Each form is made of a loss by a rule, so that all losses have it: `FORMS` maps its name to what makes it.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch._decomp import core_aten_decompositions
from torch.utils._python_dispatch import TorchDispatchMode

from parity import losses
from parity.bench.formulas import FORMULAS
from parity.comparison.truth import is_double, widened
from parity.dtypes import HALVES
from parity.facts.axes import ROWS, axes_of
from parity.frameworks.adapters import Adapter
from parity.frameworks.torch import TorchLoss
from parity.implementations.declaration import Implementation
from parity.references.torch import FUNCTIONS, TORCH
from parity.types import Array, Gradients, Loss, Result

aten = torch.ops.aten
# Rows of a block: neither the number of rows nor a width of vectors is a multiple of it.
BLOCK = 97
Changes = Mapping[Any, Callable[..., Any]]


@cache
def decompositions() -> dict[Any, Callable[..., Any]]:
    """Torch's formulas, by operation; the table that torch returns is made anew at each call.

    One is left out: taken apart like this it counts every class as a label once the labels end with -1.
    """
    return {
        operation: formula for operation, formula in core_aten_decompositions().items()
        if "multilabel_margin_loss" not in str(operation)
    }  # fmt: skip


class Decomposed(TorchDispatchMode):
    """Calls of torch in its own formulas of single operations, as compilers take them, `changes` in place of some."""

    def __init__(self, changes: Changes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.changes = changes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        formula = decompositions().get(func)
        if func in self.changes:
            return self.changes[func](*args, **(kwargs or {}))
        if formula is None:
            return func(*args, **(kwargs or {}))
        with self:
            return formula(*args, **(kwargs or {}))


def _wide(operation: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The operation, that of halves in float32 and rounded at its end."""

    def function(x: torch.Tensor, *others: Any) -> torch.Tensor:
        made = torch.result_type(x, *others) if others else x.dtype
        if not made.is_floating_point:
            made = torch.float32
        wider = torch.promote_types(made, torch.float32)
        return operation(*(one.to(wider) if isinstance(one, torch.Tensor) else one for one in (x, *others))).to(made)

    return function


def _exp(x: torch.Tensor) -> torch.Tensor:
    return torch.exp2(x * math.log2(math.e))


def _divided(x: torch.Tensor, y: Any) -> torch.Tensor:
    return x * torch.reciprocal(y) if isinstance(y, torch.Tensor) else x * (1 / y) if y else x / y


def _from_the_end(x: torch.Tensor, dims: Any = None, keepdim: bool = False, dtype: Any = None) -> torch.Tensor:
    """The sum, a term after the other from the last to the first; that of halves in float32."""
    made = dtype or (x.dtype if x.is_floating_point() else torch.int64)
    if not made.is_floating_point or not x.ndim or not x.numel():
        return torch.sum(x, dims, keepdim, dtype=dtype) if x.ndim else x.to(made).clone()
    total = x.to(torch.promote_types(made, torch.float32))
    for dim in sorted({dim % x.ndim for dim in dims or range(x.ndim)}, reverse=True):
        total = total.flip(dim).cumsum(dim).narrow(dim, x.shape[dim] - 1, 1)
        total = total if keepdim else total.squeeze(dim)
    return total.to(made)


# Powers of 2 and products with reciprocals, as GPUs have them; and sums that are no trees.
POWERS: Changes = {
    aten.exp.default: _wide(_exp), aten.div.Tensor: _wide(_divided),
    aten.log.default: _wide(lambda x: torch.log2(x) * math.log(2)),
    aten.sigmoid.default: _wide(lambda x: torch.reciprocal(1 + _exp(-x))),
}  # fmt: skip
SUMS: Changes = {
    aten.sum.default: _from_the_end, aten.sum.dim_IntList: _from_the_end,
    aten.mean.default: lambda x, dtype=None: _from_the_end(x, dtype=dtype) / max(x.numel(), 1),
}  # fmt: skip


def in_formulas(loss: Loss, changes: Changes | None = None) -> Loss:
    """A loss of torch and its gradients in torch's own formulas, some of their operations changed."""

    def function(**arguments: Any) -> Result:
        with Decomposed(changes or {}):
            output, vjp = loss(**arguments)

        def backward(grad_output: Array) -> Gradients:
            with Decomposed(changes or {}):
                return vjp(grad_output)

        return output, backward

    return function


def rounded_once(loss: str) -> Loss:
    """Torch's loss in the next wider dtype, and rounded at the end; of doubles our own, in longdouble."""

    def function(**arguments: Any) -> Result:
        first = next(value for value in arguments.values() if isinstance(value, np.ndarray)).dtype
        double = is_double(arguments, np.zeros(()))
        dtype = "longdouble" if double else "float32" if first in HALVES else "float64"
        output, vjp = (losses.LOSSES if double else TORCH)[loss](**widened(arguments, dtype))

        def backward(grad_output: Array) -> Gradients:
            found = vjp(grad_output.astype(output.dtype))
            return {name: value.astype(arguments[name].dtype) for name, value in found.items()}

        return np.asarray(output, first), backward

    return function


def in_blocks(loss: str) -> Loss:
    """Torch's loss, a few rows at a time; whole where it has no rows, or reduces them."""

    def function(**arguments: Any) -> Result:
        axes = axes_of(loss, arguments)
        dims = {name: labels.index(ROWS) for name, labels in axes.arrays.items() if ROWS in labels}
        if not dims or ROWS not in axes.output:
            return TORCH[loss](**arguments)
        along, rows = axes.output.index(ROWS), axes.sizes(arguments)[ROWS]
        parts = [slice(start, start + BLOCK) for start in range(0, rows, BLOCK)]
        answers = [
            TORCH[loss](**{name: _part(value, dims.get(name), part) for name, value in arguments.items()})
            for part in parts
        ]

        def backward(grad_output: Array) -> Gradients:
            found = [vjp(_part(grad_output, along, part)) for part, (_, vjp) in zip(parts, answers, strict=True)]
            # a cluster without targets among these rows has no gradient
            names = dict.fromkeys(name for one in found for name in one)
            columns = {name: [one[name] for one in found if name in one] for name in names}
            return {
                name: np.concatenate(column, dims[name]) if name in dims
                else np.sum(column, axis=0, dtype=np.float64).astype(column[0].dtype)
                for name, column in columns.items()
            }  # fmt: skip

        if not answers[0][0].ndim:
            return TORCH[loss](**arguments)
        return np.concatenate([output for output, _ in answers], along), backward

    return function


def _part(value: Any, dim: int | None, part: slice) -> Any:
    return value if dim is None else np.ascontiguousarray(value[(slice(None),) * dim + (part,)])


def strided(loss: str) -> Loss:
    """Torch's loss on arrays whose first axis is the innermost in memory: other kernels, and other orders of sums."""

    def function(**arguments: Any) -> Result:
        arrays = {name: np.asfortranarray(value) for name, value in arguments.items() if isinstance(value, np.ndarray)}
        output, vjp = TORCH[loss](**arguments | arrays)
        return output, lambda grad_output: vjp(np.asfortranarray(grad_output))

    return function


def by_formula(loss: str) -> Loss | None:
    """The loss written by hand in another way, its gradients by autograd of that; halves are computed in float32."""
    return TorchLoss(FORMULAS[loss], keeps_graph=True) if loss in FORMULAS else None


def compiled(loss: str) -> Loss:
    """Torch's loss as torch.compile makes it."""
    return TorchLoss(torch.compile(FUNCTIONS[loss]), keeps_graph=True)


FORMS: dict[str, Callable[[str], Loss | None]] = {
    "numpy": losses.LOSSES.get,
    "rounded once": rounded_once,
    "in blocks": in_blocks,
    "strided": strided,
    "decomposed": lambda loss: in_formulas(TORCH[loss]),
    "powers of 2": lambda loss: in_formulas(TORCH[loss], POWERS),
    "sums from the end": lambda loss: in_formulas(TORCH[loss], SUMS),
    "by hand": by_formula,
    "compiled": compiled,
}
# `parity check parity.bench.forms:DECOMPOSED`: torch as compilers and new backends take it apart.
DECOMPOSED = Implementation(
    "decompositions",
    Adapter("formulas", lambda loss, device: loss, lambda name, value: value, is_reference=True),
    {loss: in_formulas(reference) for loss, reference in TORCH.items()},
    differs={"error classes": "a formula refuses what its operations refuse"},
)

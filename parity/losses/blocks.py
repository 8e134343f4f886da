"""Formulas of large arrays, computed in blocks of rows that stay in the cache.

NumPy computes one operation after the other over whole arrays: what lies between takes memory as large as they are,
goes out to it and comes back. `in_blocks` makes large arrays lazy: a formula of them is only written down, by the
names that it has for any array, and is computed where its result is needed, block by block, all of its operations on
one block before the next. Small arrays stay what they are, so that a loss has one formula for both.

>>> (x,) = in_blocks(np.ones((1 << 10, 1 << 10)))
>>> formula = np.exp(-x) + 1
>>> whole(formula).shape, float(np.add.reduce(x * x, axis=None))
((1024, 1024), 1048576.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, wraps
from math import prod
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from parity.types import Array, DType

# Arrays of so many elements are computed in blocks of so many: 2^16 of 4 bytes are 256 KiB, of which several fit into
# the second cache of a core. Of shorter blocks the calls of the operations would count.
LARGE, BLOCK = 1 << 17, 1 << 16
Function = Callable[..., Any]


class Lazy(NDArrayOperatorsMixin):
    """An array that is not computed yet: a function of others, whose rows are the same function of theirs.

    function: takes the blocks of the operands, and `out` to write to, as ufuncs do; None once the whole array is
        known, which is then the one operand.
    empty: what it gives for no rows. Its dtype and the rest of its shape are those of the whole.
    kept: whether the first pass that computes it stores the whole.
    """

    def __init__(self, function: Function | None, operands: tuple[Any, ...], rows: int, empty: Array) -> None:
        self.function, self.operands, self.rows, self.empty = function, operands, rows, empty
        self.kept = False

    @property
    def dtype(self) -> DType:
        return self.empty.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, *self.empty.shape[1:])

    @property
    def ndim(self) -> int:
        return self.empty.ndim

    @property
    def size(self) -> int:
        return prod(self.shape)

    def astype(self, dtype: DType, copy: bool = True) -> Lazy:
        """This array in another dtype; itself if it has it."""
        return self if dtype == self.dtype else Lazy(_cast, (self,), self.rows, self.empty.astype(dtype))

    def reshape(self, *shape: Any) -> Any:
        """Itself in its own shape, and whole in another."""
        return self if shape in (self.shape, (self.shape,)) else np.asarray(self).reshape(*shape)

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        """The whole array."""
        return np.asarray(whole(self), dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method not in ("__call__", "reduce") or "out" in options:
            return NotImplemented
        function = getattr(ufunc, method)
        if method == "reduce" and options.get("axis", 0) is None:
            return _total(function, self)
        return lazily(partial(function, **options) if options else function, *inputs)


def in_blocks(*arrays: Array, axis: int = -1) -> tuple[Any, ...]:
    """The arrays, of shapes that broadcast, lazy if they are large: real, and of more than one row.

    axis: a dimension along which the formula goes, so that no block may cut it.
    """
    if max(array.size for array in arrays) < LARGE or not axis or any(array.dtype.kind == "c" for array in arrays):
        return arrays
    ndim = max(array.ndim for array in arrays)
    rows = max(len(array) for array in arrays if array.ndim == ndim) if ndim else 0
    if rows < 2:
        return arrays
    return tuple(_leaf(array, rows) if array.ndim == ndim and len(array) == rows else array for array in arrays)


def lazily(function: Function, *operands: Any) -> Any:
    """A function that takes `out`, of these operands: lazy if one of them is."""
    tall = next((operand for operand in operands if isinstance(operand, Lazy)), None)
    if tall is None:
        return function(*operands)
    if not all(_fits(operand, tall) for operand in operands):
        return function(*evaluated(*operands))
    operands = tuple(_leaf(operand, tall.rows) if _has_rows(operand, tall) else operand for operand in operands)
    empty = function(*[operand.empty if isinstance(operand, Lazy) else operand for operand in operands])
    return Lazy(function, operands, tall.rows, empty)


def row_by_row(function: Callable[..., Array]) -> Callable[..., Array]:
    """Let a function of arrays, each row of whose result is made of the same row of each, take lazy ones too."""

    @wraps(function)
    def lazy(*operands: Any, **options: Any) -> Any:
        if not any(isinstance(operand, Lazy) for operand in operands):
            return function(*operands, **options)
        return lazily(partial(_into, function, **options), *operands)

    return lazy


def kept(value: Any) -> Any:
    """The value, stored by the first pass that computes it if it is lazy: what is dear, and needed again."""
    if isinstance(value, Lazy):
        value.kept = True
    return value


def evaluated(*values: Any) -> tuple[Any, ...]:
    """The values, those that are lazy whole, computed in one pass over their blocks."""
    lazy = [kept(value) for value in values if isinstance(value, Lazy)]
    if any(value.function for value in lazy):
        for _ in _Pass(lazy).blocks():
            pass
    return tuple(value.operands[0] if isinstance(value, Lazy) else value for value in values)


def whole(value: Any) -> Any:
    """The value, computed if it is lazy."""
    return evaluated(value)[0]


def _total(reduction: Function, values: Lazy) -> Any:
    """The reduction of all there is to one number, from those of the blocks."""
    return reduction(np.array([reduction(block, axis=None) for block in _Pass([values]).blocks()]))


class _Pass:
    """One way through the blocks of what some lazy arrays are made of.

    Each array and number has a slot, its place in `values`, where its present block is. A step computes that of one
    array, and writes it to its part of the whole if it is kept, else to a buffer.
    """

    def __init__(self, results: list[Lazy]) -> None:
        self.rows = results[0].rows
        self.values: list[Any] = []
        self.leaves: list[tuple[int, Array]] = []
        self.nodes: dict[int, Lazy] = {}
        self.steps: list[tuple[Function, list[int], int]] = []
        slots: dict[int, int] = {}
        self.result, *_ = [self._slot(result, slots) for result in results]
        largest = max(prod(node.shape[1:]) for node in (*results, *self.nodes.values()))
        self.height = max(1, BLOCK // max(1, largest))
        self.wholes = {slot: np.empty(node.shape, node.dtype) for slot, node in self.nodes.items() if node.kept}
        self.buffers = self._buffers()

    def _slot(self, node: Any, slots: dict[int, int]) -> int:
        """The slot of a node, whose step comes after those of its operands."""
        if id(node) in slots:
            return slots[id(node)]
        function = node.function if isinstance(node, Lazy) else None
        operands = [self._slot(operand, slots) for operand in node.operands] if function else []
        slots[id(node)] = slot = len(self.values)
        self.values.append(node)
        if function:
            self.nodes[slot] = node
            self.steps.append((function, operands, slot))
        elif isinstance(node, Lazy):
            self.leaves.append((slot, node.operands[0]))
        return slot

    def _buffers(self) -> dict[int, Array]:
        """Where to write what is not kept: a buffer whose block is read no more serves the next."""
        last = {operand: number for number, (_, operands, _) in enumerate(self.steps) for operand in operands}
        buffers: dict[int, Array] = {}
        free: dict[object, list[Array]] = {}
        for number, (_, operands, slot) in enumerate(self.steps):
            for read in set(operands) & buffers.keys():
                if last[read] == number:
                    free.setdefault((buffers[read].dtype, buffers[read].shape), []).append(buffers[read])
            if slot not in self.wholes:
                shape, dtype = (self.height, *self.nodes[slot].shape[1:]), self.nodes[slot].dtype
                spare = free.get((dtype, shape))
                buffers[slot] = spare.pop() if spare else np.empty(shape, dtype)
        return buffers

    def blocks(self) -> Iterator[Array]:
        """Compute block by block, and give that of the first result while it is fresh."""
        values, outs = self.values, dict(self.buffers)
        for start in range(0, self.rows, self.height):
            block = slice(start, start + self.height)
            for slot, array in self.leaves:
                values[slot] = array[block]
            for slot, array in self.wholes.items():
                outs[slot] = array[block]
            if start + self.height > self.rows:
                outs = {slot: out[: self.rows - start] for slot, out in outs.items()}
            for function, operands, slot in self.steps:
                values[slot] = function(*[values[operand] for operand in operands], out=outs[slot])
            yield values[self.result]
        for slot, array in self.wholes.items():
            self.nodes[slot].function, self.nodes[slot].operands = None, (array,)


def _leaf(array: Array, rows: int) -> Lazy:
    return Lazy(None, (array,), rows, array[:0])


def _fits(operand: Any, tall: Lazy) -> bool:
    """Whether the operand broadcasts with the rows of a lazy one: as many dimensions and rows, or the same for all."""
    if isinstance(operand, Lazy):
        return operand.rows == tall.rows and operand.ndim == tall.ndim
    return np.ndim(operand) < tall.ndim or (operand.ndim == tall.ndim and len(operand) in (1, tall.rows))


def _has_rows(operand: Any, tall: Lazy) -> bool:
    return isinstance(operand, np.ndarray) and operand.ndim == tall.ndim and len(operand) == tall.rows


def _into(function: Function, *blocks: Any, out: Array | None = None, **options: Any) -> Any:
    """The function's own result, copied to `out` if there is one."""
    result = function(*blocks, **options)
    if out is None:
        return result
    out[...] = result
    return out


def _cast(values: Array, out: Array) -> Array:
    """The values in the dtype of `out`."""
    np.copyto(out, values, casting="unsafe")
    return out

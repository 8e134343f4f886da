"""Smaller calls of a kind: less around it, fewer options, plainer strides, fewer rows and dimensions, simpler numbers.

Each pass yields calls that are smaller than the one it is given, the smallest first; which of them still show what is
wrong is for others to see.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity.cases.signature import Signature
from parity.causes.literal import Literal, cost, is_constant
from parity.dtypes import is_floating, name_of
from parity.types import Array

# Numbers are looked at one by one in arrays of so many, and indices taken out one by one of so many.
FEW = 12
# What is wrong beyond a size needs arrays that are never small: of more elements than this, one number fills them.
LARGE = 1000
# So many indices of each long axis of a large draw are looked at first.
EXCERPT = 64


def filled(call: Literal, signature: Signature) -> Iterator[Literal]:
    """Large arrays filled with one number, all at once and one by one."""
    large = [name for name, array in call.arrays.items() if array.size > LARGE and not is_constant(array)]
    for names in (large, *([name] for name in large if len(large) > 1)):
        for change in _WHOLE if names else ():
            yield replace(call, arrays={
                name: _changed(array, ..., np.ones_like if name == "grad_output" else change)
                if name in names else array
                for name, array in call.arrays.items()
            })  # fmt: skip


def plainer(call: Literal, signature: Signature) -> Iterator[Literal]:
    """Without the transformation, without what is said besides, with options left out and contiguous arrays."""
    if call.around:
        yield replace(call, around="")
    for name in call.said:
        yield replace(call, said={own: value for own, value in call.said.items() if own != name})
    for name in (*call.options, *call.arrays):
        if name not in (*signature.required, "grad_output"):
            yield call.without(name)
    for name, layout in call.layouts.items():
        if layout != "contiguous":
            yield replace(call, layouts={**call.layouts, name: "contiguous"})
    upstream = call.arrays.get("grad_output")
    if upstream is not None and is_floating(upstream) and not (upstream == 1).all():
        yield call.with_array("grad_output", np.ones_like(upstream))
    if call.dtype != "float32":
        yield _in_float32(call)


def _in_float32(call: Literal) -> Literal:
    """What is in the dtype of the point in float32; of complex numbers a call has the real parts alone."""
    with np.errstate(over="ignore"):
        arrays = {
            name: np.asarray(array.real, np.float32) if name_of(array.dtype) == call.dtype else array
            for name, array in call.arrays.items()
        }
    return replace(call, dtype="float32", arrays=arrays)


def rounder(call: Literal, signature: Signature) -> Iterator[Literal]:
    """All numbers rounded at once, so that there is little to read whatever comes after."""
    for change in _ROUNDINGS[2:]:
        arrays = {
            name: _changed(array, ..., change) if is_floating(array) else array for name, array in call.arrays.items()
        }  # fmt: skip
        if sum(map(cost, arrays.values())) < sum(map(cost, call.arrays.values())):
            yield replace(call, arrays=arrays)


def fewer(call: Literal, signature: Signature) -> Iterator[Literal]:
    """Fewer indices along one size, of all arrays that have it, or of some."""
    for axes, size in _sizes(call):
        for kept in _kept(size):
            yield from _taken(call, axes, size, kept)


def column(call: Literal) -> Literal:
    """The first column of every array: strides that are all 0 have a word in one dimension alone."""
    arrays = {
        name: array.reshape(len(array), -1)[:, 0] if array.ndim > 1 and array.size else array
        for name, array in call.arrays.items()
    }
    return replace(call, arrays=arrays)


def excerpts(call: Literal) -> Iterator[Literal]:
    """Of large arrays some indices along every long axis, the first ones and others throughout: soon asked."""
    if max((array.size for array in call.arrays.values()), default=0) <= EXCERPT**2:
        return
    for throughout in (False, True):
        found = call
        for axes, size in _long(call):
            step = size // EXCERPT if throughout else 1
            found = next(_taken(found, axes, size, list(range(0, step * EXCERPT, step))))
        yield found


def _long(call: Literal) -> Iterator[tuple[list[tuple[str, int]], int]]:
    """The axes that have one large size."""
    axes = [(name, axis, size) for name, array in call.arrays.items() for axis, size in enumerate(array.shape)]
    for size in sorted({size for _, _, size in axes if size > EXCERPT}):
        yield [(name, axis) for name, axis, own in axes if own == size and name != "grad_output"], size


def lower(call: Literal, signature: Signature) -> Iterator[Literal]:
    """Without a dimension of one index, in all arrays or in one."""
    arrays = {name: array for name, array in call.arrays.items() if name != "grad_output"}
    dims = max((array.ndim for array in arrays.values()), default=0)
    for axis in range(dims):
        single = [name for name, array in arrays.items() if array.ndim > axis and array.shape[axis] == 1]
        for names in (single, *([name] for name in single if len(single) > 1)):
            if names:
                yield replace(call, arrays={
                    name: array.squeeze(axis) if name in names else array for name, array in call.arrays.items()
                })  # fmt: skip


def _sizes(call: Literal) -> Iterator[tuple[list[tuple[str, int]], int]]:
    """The axes that have one size: all that do, those at one place, and each alone."""
    axes = {
        (name, axis): size
        for name, array in call.arrays.items() if name != "grad_output"
        for axis, size in enumerate(array.shape) if size > 1
    }  # fmt: skip
    for size in sorted(set(axes.values()), reverse=True):
        every = [place for place, own in axes.items() if own == size]
        groups = [[place for place in every if place[1] == axis] for axis in sorted({axis for _, axis in every})]
        yield from ((group, size) for group in groups)
        if len(groups) > 1:
            yield every, size
        if len(every) > 1:
            yield from (([place], size) for place in every)


def _kept(size: int) -> Iterator[list[int]]:
    """The indices that are kept: a few, then all but a part, and at last all but one."""
    everything = list(range(size))
    for few in (1, 2, 3):
        if few < size:
            yield everything[:few]
            yield everything[-few:]
    chunk = size // 2
    while chunk >= 1 and (chunk > 1 or size <= FEW):
        for start in range(0, size, chunk):
            kept = everything[:start] + everything[start + chunk :]
            if 3 < len(kept) < size or (size <= 4 and 0 < len(kept) < size):
                yield kept
        chunk //= 2


def _taken(call: Literal, axes: Sequence[tuple[str, int]], size: int, kept: list[int]) -> Iterator[Literal]:
    """The call with these indices alone; whole numbers that may be indices, or lengths, are fitted to them."""
    arrays = dict(call.arrays)
    for name, axis in axes:
        arrays[name] = np.take(arrays[name], kept, axis=axis)
    grad_output = arrays.get("grad_output")
    along = {axis for _, axis in axes}
    if grad_output is not None and len(along) == 1:
        (axis,) = along
        if grad_output.ndim > axis and grad_output.shape[axis] == size:
            arrays["grad_output"] = np.take(grad_output, kept, axis=axis)
    whole = [name for name, array in arrays.items() if array.dtype.kind in "iu"]
    if any(_reaches(arrays[name], len(kept), size) for name in whole):
        index = np.zeros(size, np.int64)
        index[kept] = range(len(kept))
        yield replace(call, arrays=arrays | {name: _indices(arrays[name], index) for name in whole})
        yield replace(call, arrays=arrays | {name: _lengths(arrays[name], size, len(kept)) for name in whole})
    yield replace(call, arrays=arrays)


def _reaches(array: Array, least: int, size: int) -> bool:
    return bool(((array >= least) & (array <= size)).any())


def _indices(array: Array, index: Array) -> Array:
    """Indices below the old size at their new places; those that are gone become 0."""
    found: Array = array.copy()
    within = (array >= 0) & (array < len(index))
    found[within] = index[array[within].astype(np.int64)].astype(array.dtype)
    return found


def _lengths(array: Array, size: int, new: int) -> Array:
    return np.asarray(np.where(array <= size, np.minimum(array, new), array), array.dtype)


def simpler(call: Literal, signature: Signature) -> Iterator[Literal]:
    """Simpler numbers: those of a whole array at once, then one by one."""
    for name, array in call.arrays.items():
        for other in _simpler(array, name == "grad_output"):
            if other.dtype == array.dtype and cost(other) < cost(array):
                yield call.with_array(name, other)


def _simpler(array: Array, upstream: bool) -> Iterator[Array]:
    changes = _ROUNDINGS if is_floating(array) else _WHOLE
    if upstream:  # one of zeros shows nothing
        changes = changes[1:]
    for change in changes:
        yield _changed(array, ..., change)
    if array.size <= FEW:
        for place in range(array.size):
            for change in changes:
                yield _changed(array, np.unravel_index(place, array.shape), change)


def _changed(array: Array, where: Any, change: Callable[[Array], Any]) -> Array:
    found = array.copy()
    with np.errstate(all="ignore"):
        found[where] = change(np.asarray(array[where])).astype(array.dtype)
    return found


_ROUNDINGS: tuple[Callable[[Array], Any], ...] = (
    np.zeros_like, np.ones_like, lambda x: np.round(x.astype(_wide(x))),
    lambda x: np.round(x.astype(_wide(x)) * 2) / 2, lambda x: np.round(x.astype(_wide(x)), 1),
    lambda x: np.round(x.astype(_wide(x)), 2),
)  # fmt: skip
_WHOLE: tuple[Callable[[Array], Any], ...] = (np.zeros_like, np.ones_like)


def _wide(array: Array) -> Any:
    return np.complex128 if array.dtype.kind == "c" else np.float64


# In the order in which they pay: what has fewer numbers is asked faster.
PASSES: tuple[Callable[[Literal, Signature], Iterator[Literal]], ...] = (
    filled, plainer, rounder, fewer, lower, simpler,
)  # fmt: skip

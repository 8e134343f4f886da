"""The facts of a draw that only its arrays show. Most arrays are small: Python's own numbers are the faster there."""

from collections.abc import Iterator, Mapping
from math import isnan, log, sqrt
from typing import Any

import numpy as np

from parity.dtypes import FLOATING, Row, row_of
from parity.facts.roles import Role, role_of, scores_of
from parity.types import Array

SMALL = 100
IGNORED = -100
WEIGHTS = ("weight", "pos_weight")
# Beyond so many elements equal numbers are no surprise, and are not looked for.
TIES = 4096
PART = 1 << 16


def _limits(row: Row) -> tuple[float, float, float]:
    """Beyond what a number is huge, below what it is tiny, and below what it is subnormal."""
    computes = FLOATING[row.computes]
    return log(np.finfo(computes.numpy).max), sqrt(computes.tiny), row.tiny


_LIMITS = {name: _limits(row) for name, row in FLOATING.items()}


def facts_of_draw(loss: str, arguments: Mapping[str, Any], grad_output: Array | None = None) -> frozenset[str]:
    """The facts of one draw that its specification does not show: those marked `drawn` in `parity.facts.words.WORDS`.

    `arguments` are the arrays and options by name, `grad_output` is the upstream gradient if there is one yet.
    """
    found: set[str] = set()
    numbers = False
    arrays = {name: value for name, value in arguments.items() if type(value) is np.ndarray}
    for array in arrays.values():
        row = row_of(array.dtype)
        if row is not None and array.size:
            numbers = True
            for part in _parts(array):
                found.update(_of_numbers(part, row))
    if numbers and not found:
        found.add("plain numbers")
    for name in WEIGHTS:
        if name in arrays:
            found.update(_of_weights(arrays[name]))
    role = role_of(loss, arguments)
    scores = scores_of(arrays)
    if scores is not None and arrays[scores].size <= TIES:
        tied = _pairs_tied(role, scores, arrays) if role.pairs else _row_tied(role, arrays[scores], arguments)
        if tied:
            found.add("ties")
    if role.indices and "target" in arrays:
        found.update(_of_targets(arrays["target"], arguments.get("ignore_index")))
    if grad_output is not None:
        found |= facts_of_upstream(grad_output)
    return frozenset(found)


def _parts(array: Array) -> Iterator[Array]:
    """An array of many numbers in parts that stay in the cache."""
    if array.size <= PART or not array.flags.c_contiguous:
        yield array
        return
    numbers = array.reshape(-1)
    for start in range(0, numbers.size, PART):
        yield numbers[start : start + PART]


def _of_numbers(array: Array, row: Row) -> Iterator[str]:
    """What is special about numbers of a floating dtype."""
    huge, tiny, normal = _LIMITS[row.name]
    values = np.abs(array.astype(np.float32) if row.half else array)
    if array.size > SMALL:
        total, low = float(np.add.reduce(values, None, np.float64)), float(np.minimum.reduce(values, None))
    else:
        few = values.ravel().tolist()
        total, low = sum(few), min(few)
    if not total < huge:
        if isnan(total):
            yield "nan"
        if np.isinf(values).any():
            yield "infinite values"
        if ((values > huge) & (values < np.inf)).any():
            yield "huge values"
    if not low >= tiny or low < normal:
        positive = values[values > 0]
        low = float(positive.min()) if positive.size else 1.0
        if low < tiny:
            yield "tiny values"
        if low < normal:
            yield "subnormals"


def _of_weights(weight: Array) -> Iterator[str]:
    """Whether weights leave something out, or turn its sign."""
    row = row_of(weight.dtype)
    numbers = weight.astype(np.float32) if row is not None and row.half else weight
    if not np.logical_and.reduce(numbers, None):
        yield "zero weights"
    if numbers.dtype.kind in "if" and np.logical_or.reduce(numbers < 0, None):
        yield "negative weights"


def _pairs_tied(role: Role, scores: str, arrays: Mapping[str, Array]) -> bool:
    """Whether a number is equal to the one that it is compared with."""
    return any(_meet(arrays[scores], arrays[name]) for name in role.pairs if name in arrays)


def _meet(one: Array, other: Array) -> bool:
    """Whether two arrays are equal at some place; arrays that do not broadcast are not."""
    try:
        return bool(np.logical_or.reduce(one == other, None))
    except ValueError:
        return False


def _row_tied(role: Role, array: Array, arguments: Mapping[str, Any]) -> bool:
    """Whether two numbers of a row are equal."""
    if not role.sample or not array.ndim or array.size < 2:
        return False
    dim = arguments.get("dim") if role.classes is not None else None
    if not isinstance(dim, int) or not -array.ndim <= dim < array.ndim:
        dim = role.classes if role.classes is not None and array.ndim > role.classes else -1
    rows = array if dim in (-1, array.ndim - 1) else np.moveaxis(array, dim, -1)
    if array.size <= SMALL:
        for row in rows.tolist() if rows.ndim == 2 else rows.reshape(-1, rows.shape[-1]).tolist():
            if len(set(row)) < len(row) and _repeated(row):
                return True
        return False
    known = row_of(rows.dtype)
    ordered = np.sort(rows.astype(np.float32) if known and known.half else rows, axis=-1)
    upper = ordered[..., 1:]
    return bool(((upper == ordered[..., :-1]) & np.isfinite(upper)).any())


def _repeated(row: list[Any]) -> bool:
    """Whether a finite number stands twice in a row."""
    finite = [number for number in row if np.isfinite(number)]
    return len(set(finite)) < len(finite)


def _of_targets(target: Array, ignore_index: Any) -> Iterator[str]:
    """Whether class indices are to be ignored."""
    if not target.size or target.dtype.kind not in "iu":
        return
    ignored = IGNORED if ignore_index is None else ignore_index
    if target.dtype == np.uint8:
        ignored %= 256  # torch casts it to the target's dtype
    small = target.size <= SMALL
    count = target.ravel().tolist().count(ignored) if small else np.count_nonzero(target == ignored)
    if count:
        yield "ignored targets"
        if count == target.size:
            yield "all targets ignored"


def facts_of_upstream(grad_output: Array) -> frozenset[str]:
    """How the upstream gradient lies in memory, and whether its numbers are special."""
    found = set()
    if not grad_output.flags.c_contiguous:
        repeated = any(size > 1 and not by for size, by in zip(grad_output.shape, grad_output.strides, strict=True))
        found.add("upstream expanded" if repeated else "upstream strided")
    if not grad_output.size:
        return frozenset(found)
    if grad_output.size > SMALL and any(grad_output.strides):
        total, zeros, ones = grad_output.sum(), not grad_output.all(), bool((grad_output == 1).all())
    else:
        few = grad_output.ravel().tolist() if any(grad_output.strides) else [grad_output.flat[0]]
        total, zeros, ones = sum(few), 0 in few, few.count(1) == len(few)
    if not np.isfinite(total):
        found.add("upstream infinite")
    if zeros:
        found.add("upstream with zeros")
    if ones:
        found.add("upstream ones")
    return frozenset(found)

"""What a loss owes to itself, whatever the reference says: its answers to two calls that belong together.

The order of rows, classes and positions does not matter; an ignored row adds nothing; the sum over a batch is the sum
over its parts, and the mean over two copies of it is its own; the vjp is linear in the upstream gradient; the
derivative along a direction is what the vjp says; a constant added to all logits changes nothing. Each relation is a
function from a call to pairs of answers that must be alike, and yields none where it says nothing of the call.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from parity.comparison.slopes import derivative, linear
from parity.comparison.whole import Related, Whole
from parity.dtypes import row_of
from parity.facts.axes import CLASSES, ROWS
from parity.types import Array

SHIFT = 4.0
# Rows that are ignored are added at the end.
ADDED = 2


def _taken(array: Array, labels: tuple[str, ...], label: str, places: Array | slice) -> Array:
    """The array with the places of the labelled axis in another order, or some of them alone."""
    for dim, one in enumerate(labels):
        if one == label:
            array = array[(slice(None),) * dim + (places,)]
    return np.ascontiguousarray(array) if array.ndim else array


def _parts(whole: Whole, label: str, places: Array | slice) -> tuple[dict[str, Any], Array]:
    """The arguments and the upstream gradient at those places of an axis."""
    axes = whole.axes
    arguments = {
        name: _taken(value, axes.arrays[name], label, places) if name in axes.arrays else value
        for name, value in whole.arguments.items()
    }
    return arguments, _taken(whole.grad_output, axes.of("output", whole.output), label, places)


def permuted(whole: Whole) -> Iterator[Related]:
    """Rows, classes, positions or features in another order: the same answers in that order."""
    if whole.output.ndim and not whole.axes.of("output", whole.output):
        return
    if not whole.output.ndim and not whole.usual:
        return  # which sum overflows is a matter of order
    for label, size in whole.axes.sizes(whole.arguments).items():
        if size < 2:
            continue
        order = np.roll(np.arange(size)[::-1], size // 2)
        arguments, grad_output = _parts(whole, label, order)
        if label == CLASSES:
            arguments = _renamed(whole, arguments, np.argsort(order))
        expected = {
            name: _taken(value, whole.axes.of(name, value), label, order) for name, value in whole.values.items()
        }
        title = label.split()[0]
        found = whole.asked(arguments, grad_output)
        yield Related(f"with its {title} in another order, ", "the plain call", expected, found)


def _renamed(whole: Whole, arguments: dict[str, Any], names: Array) -> dict[str, Any]:
    """The class indices of a call under new names; an index that is no class keeps its own."""
    known = {**{name: one for name, one in whole.defaults.items() if name in whole.axes.indices}, **arguments}
    for name in whole.axes.indices:
        value = known.get(name)
        if isinstance(value, np.ndarray):
            inside = (value >= 0) & (value < len(names))
            renamed = names[np.where(inside, value, 0).astype(np.int64)]
            arguments[name] = np.where(inside, renamed, value).astype(value.dtype)
        elif isinstance(value, int) and 0 <= value < len(names):
            arguments[name] = int(names[value])
    return arguments


def padded(whole: Whole) -> Iterator[Related]:
    """Ignored rows at the end: they add nothing, and what is there stays as it is."""
    ignored = whole.arguments.get("ignore_index", whole.defaults.get("ignore_index"))
    target = whole.arguments.get("target")
    if ROWS not in whole.axes.sizes(whole.arguments) or "ignore_index" not in whole.axes.indices or not whole.usual:
        return
    if not isinstance(target, np.ndarray) or not np.can_cast(np.min_scalar_type(ignored), target.dtype, "safe"):
        return
    labels = whole.axes.of("output", whole.output)
    if whole.output.ndim and not labels:
        return

    def longer(array: Array, labels: tuple[str, ...], fill: Any) -> Array:
        if ROWS not in labels:
            return array
        widths = [(0, ADDED if label == ROWS else 0) for label in labels]
        return np.pad(array, widths, constant_values=array.dtype.type(fill))

    arguments = {
        name: longer(value, whole.axes.arrays.get(name, ()), ignored if name == "target" else 0.5)
        if isinstance(value, np.ndarray)
        else value
        for name, value in whole.arguments.items()
    }
    expected = {name: longer(value, whole.axes.of(name, value), 0) for name, value in whole.values.items()}
    found = whole.asked(arguments, longer(whole.grad_output, labels, 0.75))
    yield Related("with ignored rows at the end, ", "the call without them", expected, found)


def split(whole: Whole) -> Iterator[Related]:
    """The two halves of a batch: their rows are those of the whole, their sums make its own.

    Of a mean the parts say nothing: twice the batch has the same one, and half the gradient of each row.
    """
    count = whole.axes.sizes(whole.arguments).get(ROWS, 0)
    if count < 2 or not whole.usual or ROWS not in next(iter(whole.axes.arrays.values())):
        return
    labels, reduction = whole.axes.of("output", whole.output), whole.reduction
    if reduction == "both" or (reduction == "none") != (ROWS in labels):
        return
    if reduction == "mean":
        yield _doubled(whole, count)
        return
    parts = []
    for places in (slice(0, count // 2), slice(count // 2, None)):
        arguments, grad_output = _parts(whole, ROWS, places)
        parts.append(whole.asked(arguments, grad_output))
    first, second = parts
    whole_again = {
        name: np.concatenate([first[name], second[name]], of.index(ROWS))
        if ROWS in (of := whole.axes.of(name, value))
        else np.asarray(first[name] + second[name], value.dtype)
        for name, value in whole.values.items() if name in first and name in second
    }  # fmt: skip
    yield Related("in two halves of the batch, ", "the whole batch", whole.values, whole_again)


def _doubled(whole: Whole, count: int) -> Related:
    arguments, _ = _parts(whole, ROWS, np.arange(2 * count) % count)
    expected = {}
    for name, value in whole.values.items():
        labels = whole.axes.of(name, value)
        twice = _taken(value, labels, ROWS, np.arange(2 * count) % count)
        expected[name] = np.asarray(twice / value.dtype.type(2)) if ROWS in labels else value
    return Related("with each row twice, ", "the call with each row once", expected, whole.asked(arguments))


def same_bits(whole: Whole) -> Iterator[Related]:
    """The first row alone and among the others: the same bits, where that is promised."""
    labels = whole.axes.of("output", whole.output)
    count = whole.axes.sizes(whole.arguments).get(ROWS, 0)
    if count < 2 or ROWS not in labels or whole.reduction != "none":
        return
    for size in {1, count // 2, count - 1}:
        arguments, grad_output = _parts(whole, ROWS, slice(0, size))
        of_rows = {name: value for name, value in whole.values.items() if ROWS in whole.axes.of(name, value)}
        expected = {
            name: _taken(value, whole.axes.of(name, value), ROWS, slice(0, size)) for name, value in of_rows.items()
        }
        found = {name: value for name, value in whole.asked(arguments, grad_output).items() if name in of_rows}
        rows = "its first row" if size == 1 else f"its first {size} rows"
        yield Related(f"with {rows} alone, ", f"the same in a batch of {count}", expected, found, exactly=True)


def shifted(whole: Whole) -> Iterator[Related]:
    """A constant added to all logits, or to both sides of a difference, in numbers that lose no digit by it."""
    given = [name for name in whole.shifted if name in whole.arrays]
    if len(given) < len(whole.shifted) or not given or not whole.usual:
        return
    coarse, moved = dict(whole.arguments), dict(whole.arguments)
    for name in given:
        value = whole.arrays[name]
        row = row_of(value.dtype)
        assert row is not None
        step = np.exp2(np.ceil(np.log2(row.eps * 32 * SHIFT)))
        few = np.asarray(np.round(value.astype(np.complex128 if value.dtype.kind == "c" else np.float64) / step) * step)
        coarse[name], moved[name] = few.astype(value.dtype), np.asarray(few + SHIFT, value.dtype)
        if not np.array_equal(moved[name] - value.dtype.type(SHIFT), few):
            return
    plain, found = whole.asked(coarse), whole.asked(moved)
    what = " and ".join(given)
    yield Related(f"with {SHIFT:g} added to all of {what}, ", "the call without", plain, found)


Relation: TypeAlias = Callable[[Whole], Iterator[Related]]
# By the words of `observe`.
RELATIONS: dict[str, Relation] = {
    "permutation": permuted, "padding": padded, "splitting": split, "shift": shifted, "linearity": linear,
    "derivative": derivative,
}  # fmt: skip
# Those that any loss owes, whatever it is.
ANY = ("linearity", "derivative")

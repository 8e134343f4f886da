"""What a loss owes to itself, whatever the reference says: its answers to two calls that belong together.

The order of rows, classes and positions does not matter; an ignored row adds nothing; the sum over a batch is the sum
over its parts, and the mean over two copies of it is its own; the vjp is linear in the upstream gradient; the
derivative along a direction is what the vjp says; a constant added to all logits changes nothing. Each relation is a
function from a call to pairs of answers that must be alike, and yields none where it says nothing of the call.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from parity.draws.draw import generator, normals
from parity.dtypes import row_of
from parity.facts.axes import CLASSES, ROWS, Axes
from parity.types import Array, Gradients, Loss

Values: TypeAlias = Mapping[str, Array]
# What counts as usual in size: beyond it sums may overflow, and steps are lost.
USUAL, USUAL_HALF = 1e4, 60.0
SHIFT = 4.0
# Rows that are ignored are added at the end.
ADDED = 2
# How far the outputs lie from each other that a derivative is taken from.
STEPS = (1e-6, -1e-6, 5e-7, -5e-7)


@dataclass(frozen=True, slots=True)
class Whole:
    """A call of a loss that has answered: `values` are its output and gradients by name.

    `shifted` are the arguments that a constant may be added to. `reduction` is what the output is reduced by.
    """

    loss: Loss
    arguments: Mapping[str, Any]
    defaults: Mapping[str, Any]
    grad_output: Array
    values: Values
    axes: Axes
    shifted: tuple[str, ...] = ()

    @property
    def output(self) -> Array:
        return self.values["output"]

    @property
    def arrays(self) -> dict[str, Array]:
        """The arguments that hold floating numbers."""
        return {
            name: value
            for name, value in self.arguments.items() if isinstance(value, np.ndarray) and row_of(value.dtype)
        }  # fmt: skip

    @property
    def reduction(self) -> str:
        """'none', 'sum' or 'mean', by the names of old too; 'batchmean' is a mean, beside those names none of them."""
        given = {**self.defaults, **self.arguments}
        size_average, reduce = given.get("size_average"), given.get("reduce")
        word = given.get("reduction", "mean" if self.axes.output and not self.output.ndim else "none")
        if (size_average, reduce) != (None, None) and word == "batchmean":
            return "both"  # and divides twice
        if size_average is not None or reduce is not None:
            if reduce is not None and not reduce:
                return "none"
            return "sum" if size_average is not None and not size_average else "mean"
        return word if word in ("none", "sum") else "mean"

    @property
    def usual(self) -> bool:
        """Whether all numbers are finite, and those that are given of usual size."""
        return all(np.all(np.isfinite(value)) for value in self.values.values()) and all(
            np.all(np.abs(value) < (USUAL_HALF if _half(value) else USUAL)) and not np.any((value != 0) & _tiny(value))
            for value in [*self.arrays.values(), self.grad_output]
        )  # fmt: skip

    def asked(self, arguments: Mapping[str, Any], grad_output: Array | None = None) -> dict[str, Array]:
        """The values of another call."""
        output, vjp = self.loss(**arguments)
        return {"output": output, **vjp(self.grad_output if grad_output is None else grad_output)}


@dataclass(frozen=True, slots=True)
class Related:
    """Two answers that must be alike: `how` the second call was made, `against` which answer it is held.

    `exactly` says that they must be so bit for bit. `coarse` is what they may differ by relative to their size, where
    it is not a matter of rounding.
    """

    how: str
    against: str
    expected: Values
    actual: Values
    exactly: bool = False
    coarse: float = 0.0


def _half(value: Array) -> bool:
    row = row_of(value.dtype)
    return row is not None and row.half


def _tiny(value: Array) -> Array:
    """Where a number is so small that its products lose digits."""
    row = row_of(value.dtype)
    return np.abs(value) < (0 if row is None or row.half else row.tiny / row.eps)


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


def linear(whole: Whole) -> Iterator[Related]:
    """The vjp of -2 times an upstream gradient, and of two parts of it."""
    if not whole.usual or len(whole.values) < 2:
        return
    gradients = {name: value for name, value in whole.values.items() if name != "output"}

    def vjp(grad_output: Array) -> Gradients:
        found = whole.asked(whole.arguments, np.asarray(grad_output, whole.grad_output.dtype))
        return {name: found[name] for name in gradients if name in found}

    factor = whole.grad_output.dtype.type(-2)
    expected = {name: np.asarray(value * value.dtype.type(-2)) for name, value in gradients.items()}
    yield Related("for -2 times the upstream gradient, ", "-2 times its own", expected, vjp(whole.grad_output * factor))
    if whole.grad_output.size > 1:
        odd = (np.arange(whole.grad_output.size) % 2 > 0).reshape(whole.grad_output.shape)
        first, second = (vjp(np.where(part, whole.grad_output, 0)) for part in (odd, ~odd))
        both = {name: np.asarray(first[name] + second[name]) for name in first}
        yield Related("for the upstream gradient in two parts, ", "that of the whole", gradients, both)


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
        coarse[name], moved[name] = few.astype(value.dtype), (few + SHIFT).astype(value.dtype)
        if not np.array_equal(moved[name] - value.dtype.type(SHIFT), few):
            return
    plain, found = whole.asked(coarse), whole.asked(moved)
    what = " and ".join(given)
    yield Related(f"with {SHIFT:g} added to all of {what}, ", "the call without", plain, found)


def derivative(whole: Whole) -> Iterator[Related]:
    """The difference of two outputs nearby, in float64, beside what the vjp says of that direction."""
    names = [name for name in whole.values if name != "output" and name in whole.arrays]
    if not names or not whole.usual or any(value.dtype.kind == "c" for value in whole.arrays.values()):
        return
    point = dict(whole.arguments) | {name: value.astype(np.float64) for name, value in whole.arrays.items()}
    steps = {name: generator(f"tangent of {name}").integers(-16, 17, point[name].shape) / 8 for name in names}
    with np.errstate(all="ignore"):
        try:
            output, vjp = whole.loss(**point)
            grad_output = normals(generator("upstream"), output.shape, output.dtype)
            gradients = vjp(grad_output)
            outputs = [
                whole.loss(**(point | {name: point[name] + h * steps[name] for name in names}))[0] for h in STEPS
            ]
        except Exception:
            return  # it answers no float64, or is at the border of where it answers
        if output.dtype != np.float64:
            return
        slopes = [np.asarray(one - output) * grad_output / h for one, h in zip(outputs, STEPS, strict=True)]
        wide_ahead, wide_behind, ahead, behind = (float(slope.sum()) for slope in slopes)
        said = float(sum(np.sum(gradients[name] * steps[name]) for name in names if name in gradients))
        found, scale = (ahead + behind) / 2, float(sum(np.abs(slope).sum() for slope in slopes[2:])) + abs(said)
        bend = max(abs(ahead - behind), abs(wide_ahead + wide_behind - ahead - behind))
        rounding = 1e-16 * float(np.abs(output * grad_output).sum()) / STEPS[2]
    if bend > 1e-3 * scale or not np.isfinite([found, said]).all() or scale < 1e3 * rounding:
        return
    expected, actual = {"output": np.asarray(found)}, {"output": np.asarray(said)}
    yield Related("along a direction, by its vjp, in float64, ", "the difference of two outputs",
                  expected, actual, coarse=1e-6 * scale + 4 * bend + 100 * rounding)  # fmt: skip


def in_forward_mode(whole: Whole, forward: Loss) -> Iterator[Related]:
    """The tangent that forward mode gives, beside what the vjp says of that direction."""
    if not whole.usual:
        return
    tangent = forward(**whole.arguments)[0]
    names = [name for name in whole.values if name != "output"]
    steps = {name: generator(f"tangent of {name}").integers(-16, 17, whole.arguments[name].shape) / 8 for name in names}
    terms = [np.asarray(whole.values[name].astype(np.float64) * steps[name]) for name in names]
    told = np.asarray(np.sum(tangent.astype(np.float64) * whole.grad_output))
    said = np.asarray(sum(term.sum() for term in terms))
    row = row_of(whole.output.dtype)
    size = sum(np.abs(term).sum() for term in terms) + np.abs(tangent * whole.grad_output).sum()
    size += np.abs(whole.grad_output).max(initial=0) * sum(np.abs(step).sum() for step in steps.values())
    coarse = 32 * (row.eps if row else 0) * float(size)
    yield Related("in forward mode, ", "what its vjp says", {"output": said}, {"output": told}, coarse=coarse)


Relation: TypeAlias = Callable[[Whole], Iterator[Related]]
# By the words of `observe`.
RELATIONS: dict[str, Relation] = {
    "permutation": permuted, "padding": padded, "splitting": split, "shift": shifted, "linearity": linear,
    "derivative": derivative,
}  # fmt: skip
# Those that any loss owes, whatever it is.
ANY = ("linearity", "derivative")

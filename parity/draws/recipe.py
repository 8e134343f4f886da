"""One argument of a point -> a function that draws it: values, then scale, dtype, masks and layout."""

from collections.abc import Callable
from typing import Any

import numpy as np

from parity.cases.points import Point
from parity.cases.specs import Choice, Full, Like, Literally, Magnitudes, Normal, Spec, Uniform
from parity.draws.blocks import block_of, tiled
from parity.draws.generators import MAKERS, masked
from parity.draws.layouts import LAYOUTS
from parity.types import Array, DType

Drawn = dict[str, Any]
Recipe = Callable[[np.random.Generator, Drawn], Array]


def recipe(point: Point, name: str, value: Any) -> Recipe:
    """How to draw the argument `name` from its specification or literal `value`.

    The recipe takes the generator and the arguments drawn before. Whole numbers (classes, integers, aranges
    and literals without a point) stay int64 unless the specification names a dtype; the rest takes the point's.
    """
    spec = value if isinstance(value, Spec) else None
    told = spec.dtype if spec else None
    dtype = np.dtype(told or point.dtype)
    keeps_whole = told is None and not isinstance(spec, Choice | Full)
    scale = None if spec is None or spec.scale is None else _number(point, spec.scale)
    masks = spec.mask if spec else []
    values = _values(point, value)
    is_complex = dtype.kind == "c" and isinstance(spec, Normal | Uniform | Magnitudes)
    arrange = LAYOUTS[point.layouts.get(name, "contiguous")]
    shape = _shape(point, spec) if spec else ()
    repeats = spec is not None and block_of(spec, shape) != shape

    def draw(rng: np.random.Generator, drawn: Drawn) -> Array:
        array = values(rng, drawn)
        if is_complex:
            array = array + 1j * values(rng, drawn)
        if scale is not None:
            array = array * scale
        array = _cast(array, array.dtype if keeps_whole and array.dtype.kind in "iub" else dtype)
        if repeats:
            array = tiled(array, shape)
        for mask in masks:
            array = masked(array, mask, rng, lambda word: _number(point, word))
        return arrange(array)

    return draw


def _values(point: Point, value: Any) -> Recipe:
    if isinstance(value, Like):
        source = value.like
        return lambda rng, drawn: np.array(drawn[source])
    if isinstance(value, Literally) or not isinstance(value, Spec):
        written = np.array(value.array if isinstance(value, Literally) else value)
        return lambda rng, drawn: written
    shape = block_of(value, _shape(point, value))
    maker = MAKERS[type(value)]
    return lambda rng, drawn: maker(value, shape, rng, lambda word: _number(point, word))


def _shape(point: Point, spec: Spec) -> tuple[int, ...]:
    """The shape that a specification gives; of one that copies or spells its numbers, theirs is its shape."""
    if isinstance(spec, Like | Literally):
        return ()
    return tuple(int(_number(point, size)) for size in spec.shape)


def _cast(array: Array, dtype: DType) -> Array:
    """A copy in `dtype`; ValueError for numbers that it cannot hold even when their fraction is cut off."""
    cast = np.array(array, dtype)
    if dtype.kind in "iu" and array.dtype != dtype and not np.array_equal(cast, np.trunc(array)):
        raise ValueError(f"the numbers do not fit {dtype}")
    return cast


def _number(point: Point, word: Any) -> Any:
    return point.sizes[word] if isinstance(word, str) else word

"""Whether an array specification can be drawn: its sizes, ranges, dims, masks and memory, before anything is made."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import inf, prod
from typing import Any

from parity.cases.literals import shape_of
from parity.cases.reader import Place
from parity.cases.specs import (
    Arange,
    Bernoulli,
    Classes,
    Integers,
    Like,
    Literally,
    LogProbabilities,
    Magnitudes,
    OneHot,
    Probabilities,
    Spec,
    Strict,
    Uniform,
)

# A layout or a random upstream gradient may take a step in each dimension, which doubles the memory each time.
ELEMENTS = 1 << 27
DIMS = 8
_NO_SIZES = ("dtype", "layout", "like", "array")


def size_words(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every place of a specification that names a size, and the name."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list | Strict):
        for part, item in enumerate(value) if isinstance(value, list) else vars(value).items():
            if isinstance(item, str | list | Strict) and part not in _NO_SIZES:
                yield from size_words(item, (*place, part))


def corners(words: set[str], sizes: Mapping[str, list[int]]) -> Iterator[dict[str, int]]:
    """The least and largest choices of the named sizes: what holds at these holds between them."""
    ends = [sorted({min(sizes[word]), max(sizes[word])}) for word in words]
    for chosen in product(*ends):
        yield dict(zip(words, chosen, strict=True))


def out_of_bounds(spec: Spec, sizes: Mapping[str, int]) -> Iterator[tuple[Place, str]]:
    """What keeps `spec` from being drawn with these sizes."""

    def number(word: Any) -> Any:
        return sizes[word] if isinstance(word, str) else word

    if isinstance(spec, Like):
        return
    shape = shape_of(spec.array) if isinstance(spec, Literally) else tuple(number(size) for size in spec.shape)
    if len(shape) > DIMS:
        yield (spec.main,), f"found {len(shape)} dimensions, expected at most {DIMS}"
        return
    if prod(max(size, 1) for size in shape) > ELEMENTS >> len(shape):
        expected = f"expected at most {ELEMENTS >> len(shape)} elements in {len(shape)} dimensions"
        yield (spec.main,), f"found an array of shape {list(shape)}, {expected}"
        return
    if prod(shape):
        yield from _out_of_range(spec, shape, number)
    yield from _outside(spec, shape, number)


def _out_of_range(spec: Spec, shape: tuple[int, ...], number: Callable[[Any], Any]) -> Iterator[tuple[Place, str]]:
    match spec:
        case Uniform(low=low, high=high) | Integers(low=low, high=high) if not -inf < number(low) < number(high) < inf:
            yield ("high",), f"found low {number(low)} and high {number(high)}, expected low < high"
        case Magnitudes(low=low, high=high) if not -inf < number(low) <= number(high) < inf:
            yield ("high",), f"found low {number(low)} and high {number(high)}, expected low <= high"
        case Classes(below=below) if number(below) < 1:
            yield ("below",), f"found below {number(below)}, expected at least 1 class"
        case Arange(modulo=modulo) if modulo is not None and number(modulo) < 1:
            yield ("modulo",), f"found modulo {number(modulo)}, expected at least 1"
        case Bernoulli(p=p) if not 0 <= number(p) <= 1:
            yield ("p",), f"found p {number(p)}, expected a probability from 0 to 1"


def _outside(spec: Spec, shape: tuple[int, ...], number: Callable[[Any], Any]) -> Iterator[tuple[Place, str]]:
    """Dims and masks that leave the shape, and numbers that whole numbers cannot hold."""
    if isinstance(spec, OneHot | Probabilities | LogProbabilities):
        dim = spec.dim or 0
        if not -len(shape) <= dim < len(shape):
            said = f"there is no dim {dim} in an array of shape {list(shape)}"
            yield (spec.main if spec.dim is None else "dim",), said
    for position, mask in enumerate(spec.mask):
        for row, index in enumerate(mask.at or ()):
            inside = len(index) <= len(shape) and all(-n <= i < n for i, n in zip(index, shape, strict=False))
            if not inside:
                place = ("mask", position, "at", row)
                yield place, f"found the position {index}, expected one in an array of shape {list(shape)}"
        value = number(mask.value)
        if is_whole(spec) and value != int(value if -inf < value < inf else 0):
            yield ("mask", position, "value"), f"found {value}, expected a whole number: the array holds no others"


def is_whole(spec: Spec) -> bool:
    """Whether the specification makes an array of whole numbers for every dtype of its scenario."""
    if spec.dtype is not None:
        return "int" in spec.dtype or spec.dtype == "bool"
    return isinstance(spec, Integers | Classes) and not isinstance(spec.scale, float)

"""Whether an array specification can be drawn: its sizes, ranges, dims, masks and memory, before anything is made."""

from collections.abc import Iterator, Mapping
from itertools import product
from math import inf, prod
from typing import Any, NamedTuple

from parity.cases.literals import DIMS, shape_of
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

# A layout or a random upstream gradient may take a step in each dimension, which doubles the memory each time. What the
# arrays of a point take together, and in which layouts, is looked at besides (`parity.cases.memory`).
ELEMENTS = 1 << 29
_NO_SIZES = ("dtype", "layout", "like", "array")


class Extent(NamedTuple):
    """The values of a named size that decide: what holds at these holds between them."""

    least: int
    least_positive: int
    most: int


def extent(values: list[int]) -> Extent:
    """The extent of a size that takes these values."""
    return Extent(min(values), min((value for value in values if value), default=0), max(values))


def size_words(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every place of a specification that names a size, and the name."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list | Strict):
        for part, item in enumerate(value) if isinstance(value, list) else vars(value).items():
            if isinstance(item, str | list | Strict) and part not in _NO_SIZES:
                yield from size_words(item, (*place, part))


def out_of_bounds(spec: Spec, sizes: Mapping[str, Extent]) -> Iterator[tuple[Place, str]]:
    """What keeps `spec` from being drawn at some choice of the sizes.

    Nothing is tried at all choices of all sizes: memory is looked at where every size is largest, masks where
    every size is least, and a range at the few choices of the one or two sizes that it names.
    """
    if isinstance(spec, Like):
        return
    words: list[int | str] = [*shape_of(spec.array)] if isinstance(spec, Literally) else spec.shape
    if len(words) > DIMS:
        yield (spec.main,), f"found {len(words)} dimensions, expected at most {DIMS}"
        return
    largest = [sizes[word].most if isinstance(word, str) else word for word in words]
    if prod(max(size, 1) for size in largest) > ELEMENTS >> len(words):
        expected = f"expected at most {ELEMENTS >> len(words)} elements in {len(words)} dimensions"
        yield (spec.main,), f"found an array of shape {largest}, {expected}"
        return
    if prod(largest):
        yield from _out_of_range(spec, words, sizes)
    yield from _outside(spec, [sizes[word].least if isinstance(word, str) else word for word in words])


def _out_of_range(spec: Spec, words: list[int | str], sizes: Mapping[str, Extent]) -> Iterator[tuple[Place, str]]:
    """Numbers that leave nothing to draw. An array that is empty draws nothing, so its sizes are at least 1."""

    def corners(*numbers: Any) -> Iterator[tuple[Any, ...]]:
        named = {word: sizes[word] for word in numbers if isinstance(word, str)}
        ends = [{one.least_positive, one.most} if word in words else {*one} for word, one in named.items()]
        for chosen in product(*map(sorted, ends)):
            of = dict(zip(named, chosen, strict=True))
            yield tuple(of[word] if isinstance(word, str) else word for word in numbers)

    match spec:
        case Uniform(low=one, high=other) | Integers(low=one, high=other):
            for low, high in corners(one, other):
                if not -inf < low < high < inf:
                    yield ("high",), f"found low {low} and high {high}, expected low < high"
        case Magnitudes(low=one, high=other):
            for low, high in corners(one, other):
                if not -inf < low <= high < inf:
                    yield ("high",), f"found low {low} and high {high}, expected low <= high"
        case Classes(below=one):
            for (below,) in corners(one):
                if below < 1:
                    yield ("below",), f"found below {below}, expected at least 1 class"
        case Arange(modulo=one) if one is not None:
            for (modulo,) in corners(one):
                if modulo < 1:
                    yield ("modulo",), f"found modulo {modulo}, expected at least 1"
        case Bernoulli(p=one):
            for (p,) in corners(one):
                if not 0 <= p <= 1:
                    yield ("p",), f"found p {p}, expected a probability from 0 to 1"


def _outside(spec: Spec, shape: list[int]) -> Iterator[tuple[Place, str]]:
    """Dims and masks that leave the least shape, and numbers that whole numbers cannot hold."""
    if isinstance(spec, OneHot | Probabilities | LogProbabilities):
        dim = spec.dim or 0
        if not -len(shape) <= dim < len(shape):
            sentence = f"there is no dim {dim} in an array of shape {shape}"
            yield (spec.main if spec.dim is None else "dim",), sentence
    for position, mask in enumerate(spec.mask):
        for row, index in enumerate(mask.at or ()):
            inside = len(index) <= len(shape) and all(-n <= i < n for i, n in zip(index, shape, strict=False))
            if not inside:
                place = ("mask", position, "at", row)
                yield place, f"found the position {index}, expected one in an array of shape {shape}"
        value = mask.value
        if is_whole(spec) and not isinstance(value, str) and value != int(value if -inf < value < inf else 0):
            yield ("mask", position, "value"), f"found {value}, expected a whole number: the array holds no others"


def is_whole(spec: Spec) -> bool:
    """Whether the specification makes an array of whole numbers for every dtype of its scenario."""
    if spec.dtype is not None:
        return "int" in spec.dtype or spec.dtype == "bool"
    return isinstance(spec, Integers | Classes) and not isinstance(spec.scale, float)

"""Ways to change a call, each drawn by Hypothesis over what the specifications allow.

Nothing here knows a loss: arguments come from the signature, values from the case files, the rest from the schema.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

from hypothesis import strategies as st

from parity.cases.specs import AROUND, DTYPES, GENERATORS, LAYOUTS, Spec
from parity.dtypes import NAMES
from parity.fuzzing.vocabulary import Call, Vocabulary, array, arrays, fields, shape

T = TypeVar("T")
INF = float("inf")
NUMBERS: list[int | float] = [0, 1, -1, 2, 3, 5, 0.5, 0.1, -0.5, 1.5, -0.0, 1.0e-3, 1.0e-8, 100, 1.0e4]
# At the ends of some dtype, or beyond.
SPECIAL: list[int | float] = [
    0.0, -0.0, 1.0, -1.0, INF, -INF, float("nan"), 88.0, -104.0, 710.0, 7.0e4, -6.0e4, 3.0e38, 1.0e-6, 6.0e-8, 1.0e-39,
    1.0e-45, 1.0e-30, 1.0e30, 0.5, 1.0e-160, -100, 255, 2**31, 2**40,
]  # fmt: skip
# Options beyond some dtype.
WIDE: list[int | float] = [-100, 10**18, 7.0e4, -7.0e4, 1.0e300]
SCALES: list[int | float] = [-1, 0.01, 1.0e-4, 1.0e-30, 1.0e-42, 30, 1.0e3, 1.0e5, 1.0e19, 1.0e36]
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 16, 33, 65]
# The shape of an upstream gradient, until torch has been asked for that of the output.
OUTPUT: list[int] = []
# A call is changed in at most so many ways, and made of so many bits: no two alike in millions.
MOST, BITS = 5, 48
# To compile takes a second a call.
TRANSFORMATIONS = [word for word in AROUND if word != "compile"]
# Of rows that far apart torch's matrix products of halves end the process: they are the business of the cases.
NEAR = [layout for layout in LAYOUTS if layout != "far"]


class Draw:
    """Chooses, by a random generator of Hypothesis's: to draw each choice from it takes ten times longer."""

    def __init__(self, random: Random, vocabulary: Vocabulary) -> None:
        self.random, self.vocabulary, self.signature = random, vocabulary, vocabulary.signature

    def one(self, values: Sequence[T]) -> T:
        return self.random.choice(values)

    def array_of(self, call: Call) -> str | None:
        """The name of one of its arrays."""
        names = [name for name in arrays(call, self.signature) if name != "grad_output"]
        return self.one(names) if names else None


Change: TypeAlias = Callable[[Draw, Call], Call]


def borrowed(draw: Draw, call: Call) -> Call:
    """A value that another case has."""
    name = draw.one(sorted(draw.vocabulary.values))
    return call.with_value(name, draw.one(draw.vocabulary.values[name]))


def left_out(draw: Draw, call: Call) -> Call:
    """An argument at its default."""
    names = [name for name in call.given if name not in draw.signature.required]
    return call.without(draw.one(names)) if names else call


def chosen(draw: Draw, call: Call) -> Call:
    """An option at any value of its type."""
    signature = draw.signature
    names = [name for name in signature.names if not signature.takes_array(name)]
    if not names:
        return call
    name = draw.one(names)
    values: list[Any] = list(draw.vocabulary.values.get(name, ()))
    if signature.takes_nothing(name):
        values.append(None)
    if isinstance(signature.default(name), bool) or bool in get_args(signature.parameters[name].annotation):
        values += [True, False]
    elif signature.takes_number(name):
        values += [*NUMBERS, *WIDE]
    return call.with_value(name, draw.one(values)) if values else call


def resized(draw: Draw, call: Call) -> Call:
    """Another size wherever one stands, in shapes and in what is counted with it."""
    sizes = sorted({size for name in arrays(call, draw.signature) for size in shape(call.given[name]) or ()})
    if not sizes:
        return call
    old, new = draw.one(sizes), draw.one([*SIZES, *sizes])
    given = dict(call.given)
    for name in arrays(call, draw.signature):
        given[name] = _resized(given[name], old, new)
    return replace(call, given=given)


def _resized(value: Any, old: int, new: int) -> Any:
    if not isinstance(value, dict) or "array" in value:
        return value
    main = next(word for word in value if word in GENERATORS)
    if main == "like":
        return value
    counted = {name: new for name in ("below", "high", "modulo") if type(value.get(name)) is int and value[name] == old}
    return {**value, main: [new if size == old else size for size in value[main]], **counted}


def reshaped(draw: Draw, call: Call) -> Call:
    """Other dimensions of one array, or of all that have its shape."""
    name = draw.array_of(call)
    old = None if name is None else shape(call.given[name])
    if name is None or old is None:
        return call
    new, axis = list(old), draw.one(list(range(len(old)))) if old else 0
    match draw.one(["one", "less", "more", "swap", "square", "none"]):
        case "one" if old:
            new[axis] = 1
        case "less" if old:
            del new[axis]
        case "more":
            new.insert(axis, draw.one([1, 2, 3]))
        case "swap" if len(old) > 1:
            new[axis], new[axis - 1] = new[axis - 1], new[axis]
        case "square" if old:
            new[axis] = new[0]
        case "none":
            new = []
    alone = draw.one([True, False])
    given = dict(call.given)
    for other in arrays(call, draw.signature):
        value = given[other]
        if isinstance(value, dict) and "array" not in value and shape(value) == old and (other == name or not alone):
            given[other] = {key: (new if key in GENERATORS else one) for key, one in value.items()}
    return replace(call, given=given)


def retyped(draw: Draw, call: Call) -> Call:
    """Another dtype, of the whole call or of one array."""
    name = draw.array_of(call)
    if name is None or draw.one([True, False]):
        return replace(call, dtype=draw.one(list(DTYPES)))
    return call.with_value(name, {**array(call.given[name]), "dtype": draw.one(list(NAMES))})


def laid_out(draw: Draw, call: Call) -> Call:
    """Other strides, of one array or of all."""
    name, layout = draw.array_of(call), draw.one(NEAR)
    names = list(arrays(call, draw.signature)) if name is None or draw.one([True, False]) else [name]
    return replace(call, given={**call.given, **{own: {**array(call.given[own]), "layout": layout} for own in names}})


def masked(draw: Draw, call: Call) -> Call:
    """A special value here and there."""
    name = draw.array_of(call)
    if name is None:
        return call
    value, share = draw.one(SPECIAL), draw.one([0.1, 0.3, 0.6, 1.0])
    spec = array(call.given[name])
    return call.with_value(name, {**spec, "mask": [*spec.get("mask", []), {"value": value, "share": share}]})


def scaled(draw: Draw, call: Call) -> Call:
    """Numbers of another size."""
    name = draw.array_of(call)
    return call if name is None else call.with_value(name, {**array(call.given[name]), "scale": draw.one(SCALES)})


def generated(draw: Draw, call: Call) -> Call:
    """Numbers made in another way, in the same shape."""
    name = draw.array_of(call)
    size = None if name is None else shape(call.given[name])
    if name is None or size is None:
        return call
    main = draw.one([word for word in GENERATORS if word != "array"])
    kept = {word: one for word, one in array(call.given[name]).items() if word in ("dtype", "layout")}
    if main == "like":
        before = [own for own in arrays(call, draw.signature) if own != name]
        return call.with_value(name, {"like": draw.one(before), **kept}) if before else call
    more = {field: _number(draw, annotation) for field, annotation in fields(main).items()}
    own = {word: one for word, one in more.items() if one is not None}
    return call.with_value(name, {main: size, **own, **kept})


def _number(draw: Draw, annotation: Any) -> Any:
    """A value of a generator's field, by its annotation."""
    if get_origin(annotation) is list:
        return [draw.one([*NUMBERS, *SPECIAL]) for _ in range(draw.one([1, 2, 3, 4]))]
    kinds = get_args(annotation)
    if float in kinds:
        return draw.one(NUMBERS)
    return draw.one([*([None] if type(None) in kinds else []), 1, 2, 3, 4, 5])


def around(draw: Draw, call: Call) -> Call:
    """A transformation around the call."""
    return replace(call, around=draw.one(["", *TRANSFORMATIONS]))


def upstream(draw: Draw, call: Call) -> Call:
    """An upstream gradient of its own."""
    spec: dict[str, Any] = draw.one([
        {"full": OUTPUT, "value": draw.one(SPECIAL)}, {"normal": OUTPUT, "scale": draw.one(SCALES)},
        {"choice": OUTPUT, "of": [draw.one(SPECIAL), draw.one(SPECIAL), 1]}, {"magnitudes": OUTPUT},
    ])  # fmt: skip
    layout = draw.one([None, *NEAR])
    return call.with_value("grad_output", spec if layout is None else {**spec, "layout": layout})


def number(draw: Draw, call: Call) -> Call:
    """A plain number where an array may stand."""
    names = sorted(draw.signature.numbers_too)
    return call.with_value(draw.one(names), {"number": draw.one(NUMBERS)}) if names else call


def drawn_again(draw: Draw, call: Call) -> Call:
    """Three draws, which are calls in a row."""
    return replace(call, seeds=3)


CHANGES: list[Change] = [
    borrowed, borrowed, left_out, chosen, chosen, resized, reshaped, retyped, laid_out, masked, masked, scaled,
    generated, around, upstream, number, drawn_again,
]  # fmt: skip
# What every array may say: a change each.
assert Spec.model_fields.keys() == {"dtype", "layout", "mask", "scale"}


def calls(vocabulary: Vocabulary) -> "st.SearchStrategy[Call]":
    """Calls of the case files, each changed a few times.

    Hypothesis draws bits, from which the rest is chosen: of numbers it prefers those that it reads in whatever modules
    are loaded, so that the same seed would draw other calls in another process.
    """

    def changed(bits: tuple[bool, ...]) -> Call:
        random = Random(sum(bit << place for place, bit in enumerate(bits)))
        draw = Draw(random, vocabulary)
        call = draw.one(vocabulary.calls)
        for _ in range(random.randint(1, MOST)):
            call = draw.one(CHANGES)(draw, call)
        return call

    return st.tuples(*[st.booleans()] * BITS).map(changed)

"""The values of an axis as a case writes them: a list, values with labels, or a word for all that there are."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from parity.cases.errors import quoted
from parity.cases.specs import FORMS, Given, Strict, generator_of
from parity.dtypes import FLOATING

# What each word stands for, in the order of the points: a row of a dtype there, a layout or a reduction here is added
# to every case that says the word. The layouts of `all` are those that an array of any number of dimensions can have.
WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "dtype": {
        "floating": tuple(name for name, row in FLOATING.items() if row.numpy.kind != "c"),
        "complex": tuple(name for name, row in FLOATING.items() if row.numpy.kind == "c"),
        "all": tuple(FLOATING),
    },
    "layout": {
        "all": ("contiguous", "fortran", "transposed", "sliced", "reversed", "expanded", "offset", "readonly"),
    },
    "reduction": {"all": ("none", "mean", "sum")},
    "around": {
        "autocast": ("autocast bfloat16", "autocast float16"),
        "surroundings": (
            "default float64",
            "default bfloat16",
            "default device",
            "deterministic",
            "thread",
            "one storage",
            "same tensor",
        ),
    },
}
# Axes of the format itself: no loss has an argument of that name, or it is varied as `given.dtype`.
OWN = ("dtype", "layout", "around")
_OF_ONE_LOSS = {("kl_div", "reduction"): {"all": ("none", "mean", "sum", "batchmean")}}


class Labels(Strict):
    """Values with labels: a point's id shows the label in place of the value."""

    labels: Annotated[dict[str, Given], Field(min_length=1)] = Field(description="label to value")


def _unlabelled(axis: Any) -> Any:
    """The axis; refuses a mapping without `labels:`, which would look like a generator."""
    if not isinstance(axis, dict) or "labels" in axis:
        return axis
    generator = generator_of(axis)
    if generator != "plain" and set(axis) <= FORMS[generator].model_fields.keys():
        sentence = f"found the generator {generator!r} itself, expected a list of values"
    else:
        one = f"{next(iter(axis))}: ..." if axis else "label: value"
        sentence = f"found {quoted(one)} in braces, expected a list of values, or {{labels: {{{one[:60]}}}}}"
    raise PydanticCustomError("sentence", sentence)


Axis: TypeAlias = Annotated[
    Annotated[list[Given], Field(min_length=1), Tag("(list)")]
    | Annotated[Labels, Tag("(labels)")]
    | Annotated[str, Tag("(word)")],
    Discriminator(lambda axis: {dict: "(labels)", str: "(word)"}.get(type(axis), "(list)")),
    BeforeValidator(_unlabelled),
]
# What an axis runs through: a list, or a mapping of labels to values.
Values: TypeAlias = list[Any] | dict[str, Any]


def words_for(loss: str, axis: str) -> Mapping[str, tuple[str, ...]]:
    """The words that an axis of the loss may say in place of a list, and the values that each stands for."""
    return _OF_ONE_LOSS.get((loss, axis)) or WORDS.get(axis, {})


def values_of(loss: str, axis: str, written: Axis) -> Values:
    """The values that an axis runs through; a word that stands for nothing is its own value."""
    if isinstance(written, str):
        return list(words_for(loss, axis).get(written, (written,)))
    return written.labels if isinstance(written, Labels) else written


def parts(values: Values) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The values of an axis, each with the end of its place in the file."""
    if isinstance(values, dict):
        yield from ((("labels", label), value) for label, value in values.items())
    else:
        yield from (((position,), value) for position, value in enumerate(values))

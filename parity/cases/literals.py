"""Values as they are written: their labels in ids, and whether the numbers of a literal make an array."""

import re
from typing import Any

from parity.cases.axes import Values
from parity.cases.errors import nearest, quoted
from parity.cases.reader import Place, Problem
from parity.cases.specs import Spec

DIMS = 8
_STRANGE = re.compile(r"[/:\x00-\x1f\x7f-\x9f]")


def label(name: str, value: Any) -> str:
    """How a value reads in a point's id: words stand alone, numbers with the name of their axis."""
    match value:
        case str():
            text = value or f"{name}="
        case Spec():
            text = f"{name}={value.main}"
        case None | bool():
            text = f"{name}={str(value).lower().replace('none', 'null')}"
        case _:
            text = f"{name}={value}".replace(" ", "")
    return _STRANGE.sub("|", text)


def labelled(name: str, axis: Values) -> dict[str, Any]:
    """The values of an axis by their labels."""
    return axis if isinstance(axis, dict) else {label(name, value): value for value in axis}


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a literal whose rows are alike."""
    return (len(value), *(shape_of(value[0]) if value else ())) if isinstance(value, list) else ()


def unlike(value: Any, place: Place) -> list[Problem]:
    """What first keeps a literal from being an array, if anything: a word, or a row of another shape."""
    if isinstance(value, bool | int | float):
        return []
    if len(shape_of(value)) > DIMS:
        return [Problem(place, f"found {len(shape_of(value))} dimensions, expected at most {DIMS}")]
    if not isinstance(value, list):
        return [Problem(place, f"found {written(value)} in an array, expected numbers{_number_like(value)}")]
    for index, item in enumerate(value):
        problems = unlike(item, (*place, index))
        if problems:
            return problems
        if shape_of(item) != shape_of(value[0]):
            sentence = f"this one has the shape {list(shape_of(item))}, the first {list(shape_of(value[0]))}"
            return [Problem((*place, index), f"the rows are not alike: {sentence}")]
    return []


def _number_like(value: Any) -> str:
    words = {"nan": ".nan", "inf": ".inf", "+inf": ".inf", "-inf": "-.inf", "infinity": ".inf", "-infinity": "-.inf"}
    return nearest(words[value.lower()], [words[value.lower()]]) if str(value).lower() in words else ""


def written(value: Any) -> str:
    """A value of a case file in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list" if value else "an empty list"
    return "a mapping" if value else "an empty mapping"

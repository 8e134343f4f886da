"""Pydantic's errors as sentences: what was found, what was expected, the nearest right word."""

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any

from pydantic import BaseModel, ValidationError

from parity.cases.axes import Labels
from parity.cases.errors import nearest, quoted
from parity.cases.literals import written
from parity.cases.needs import Need
from parity.cases.reader import Place, Problem
from parity.cases.schema import (
    Allowance,
    Case,
    CaseFile,
    Defaults,
    ExpectedFailure,
    Finding,
    Impossible,
    Published,
    SharedFile,
    Tolerance,
)
from parity.cases.specs import FORMS, Mask, generator_of

# What was expected, by pydantic's type of error.
_EXPECTED = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "finite_number": "a finite number", "string_type": "a text", "list_type": "a list",
    "dict_type": "a mapping", "model_type": "a mapping",
    "greater_than_equal": "a number >= {ge}", "greater_than": "a number > {gt}", "less_than_equal": "a number <= {le}",
    "too_short": "at least {min_length} inside", "too_long": "at most {max_length} inside",
    "string_too_short": "at least {min_length} characters", "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "words without / : [ ] and control characters",
}  # fmt: skip
MOST = 100


def sentences(error: ValidationError, data: Any) -> Iterator[Problem]:
    """Pydantic's errors as problems: all that it says of one value in one sentence."""
    expected: dict[Place, list[str]] = {}
    for problem in error.errors(include_url=False, include_input=False)[:MOST]:
        loc, kind, context = problem["loc"], problem["type"], problem.get("ctx", {})
        place = _place(loc, data)
        if kind == "extra_forbidden":
            hint = _cut_off(place, data) or _instead(place, data)
            yield Problem(place, f"unknown key {quoted(str(loc[-1]))}{hint}", key=True)
        elif kind == "missing":
            yield Problem(place, f"the key {str(loc[-1])!r} is missing here")
        elif kind == "literal_error":
            words = re.findall(r"'([^']*)'", context["expected"])
            yield Problem(place, f"found {written(_at(place, data))}{nearest(_at(place, data), words)}")
        elif kind == "sentence":
            yield Problem(place, problem["msg"])
        else:
            # The last branch of a union of numbers and names.
            word = "the name of a size" if loc[-1] == "str" else _EXPECTED.get(kind, problem["msg"]).format(**context)
            expected.setdefault(place, []).append(word)
    for place, words in expected.items():
        wanted = [word for word in dict.fromkeys(words) if word != "a whole number" or "a number" not in words]
        sentence, hint = f"found {written(_at(place, data))}, expected {' or '.join(wanted)}", _cut_off(place, data)
        yield Problem(place, sentence + hint, key=bool(hint))


def _place(loc: Iterable[int | str], data: Any) -> Place:
    """The place that pydantic means: its own names for the branches of a union are no part of the file."""
    place: Place = ()
    parts = iter(loc)
    for part in parts:
        if part in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            place, data = (*place, part), data[part]
            if _is_value(place) and generator_of(data) != "plain":
                next(parts, None)
    return place


def _is_value(place: Place) -> bool:
    """Whether the value of an argument stands at `place`."""
    match place:
        case (*_, "given", _) | (*_, "across", _, int()) | (*_, "across", _, "labels", _):
            return True
    return False


def _at(place: Place, data: Any) -> Any:
    return reduce(lambda around, part: around[part], place, data)


def _cut_off(place: Place, data: Any) -> str:
    """A hint for the end of a text that YAML took for a key of its own, because of a comma in braces."""
    is_text = place and " " in str(place[-1]) and _at(place, data) is None
    return "; a text with a comma in it needs quotes" if is_text else ""


def _instead(place: Place, data: Any) -> str:
    """What may stand in place of an unknown key."""
    around = _at(place[:-1], data)
    generator = generator_of(around)
    model = SharedFile if place[:-1] == () and "shared" in data else _model(place[:-1], generator)
    if place[-1] in FORMS and model in FORMS.values():
        return f" beside {generator!r}, expected one generator"
    return nearest(place[-1], [field.alias or name for name, field in model.model_fields.items()])


def _model(place: Place, generator: str) -> type[BaseModel]:
    """The model of the mapping at `place`."""
    match place:
        case ():
            return CaseFile
        case ("defaults",):
            return Defaults
        case ("impossible", _):
            return Impossible
        case ("cases", _):
            return Case
        case (*_, "across", _):
            return Labels
        case (*_, "tolerance"):
            return Tolerance
        case (*_, "tolerance", _):
            return Allowance
        case ("cases", _, "published"):
            return Published
        case ("cases", _, "finding"):
            return Finding
        case ("cases", _, "xfail", *_):
            return ExpectedFailure
        case ("cases", _, "torch", *_) | ("defaults", "torch", *_):
            return Need
        case (*_, "mask") | (*_, "mask", int()):
            return Mask
    return FORMS[generator]

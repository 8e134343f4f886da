"""Pydantic's errors as sentences: what was found, what was expected, the nearest right word."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from parity.cases.errors import nearest
from parity.cases.reader import Place
from parity.cases.schema import GENERATORS, Case, CaseFile, Defaults, generator_of


def told(value: Any) -> str:
    """A value of a case file in words."""
    kinds = {dict: "a mapping", list: "a list", str: "a text", type(None): "nothing", bool: "true or false"}
    text = repr(value)
    return kinds.get(type(value), "a number") + (f" ({text})" if len(text) < 40 else "")


def sentences(error: ValidationError, data: Any) -> Iterator[tuple[Place, str, bool]]:
    """Pydantic's errors as (place, sentence, whether the key itself is meant)."""
    for problem in error.errors():
        place: list[Any] = []
        here = data
        for part in problem["loc"]:
            if (isinstance(here, dict) and part in here) or (
                isinstance(here, list) and isinstance(part, int) and part < len(here)
            ):
                place.append(part)
                here = here[part]
        last = problem["loc"][-1] if problem["loc"] else ""
        context = problem.get("ctx", {})
        if problem["type"] == "extra_forbidden":
            yield tuple(place), f"unknown key {last!r}{nearest(last, _siblings(place, data))}", True
        elif problem["type"] == "missing":
            yield tuple(place), f"the key {last!r} is missing here", False
        elif problem["type"] == "literal_error":
            words = [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")]
            yield tuple(place), f"found {here!r}{nearest(here, words)}", False
        else:
            wanted = problem["msg"][0].lower() + problem["msg"][1:]
            wanted = wanted.replace("input should be", "expected").replace("value should", "expected it to")
            yield tuple(place), f"found {told(here)}, {wanted}", False


def _siblings(place: list[Any], data: Any) -> list[str]:
    """The keys that may stand where an unknown key was found."""
    here = data
    for part in place[:-1]:
        here = here[part]
    if generator_of(here) in GENERATORS:
        return list(GENERATORS[generator_of(here)].model_fields)
    models: dict[int, Any] = {1: CaseFile, 3: Case}
    if place[:1] == ["defaults"]:
        return list(Defaults.model_fields)
    if len(place) > 3:
        model = Case.model_fields.get(str(place[2]))
        inner = [a for a in getattr(model.annotation, "__args__", ()) if hasattr(a, "model_fields")] if model else []
        return [key for a in inner for key in a.model_fields]
    return list(models[len(place)].model_fields) if len(place) in models else []

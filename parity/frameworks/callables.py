"""A callable of any kind as a plain function, with what it takes."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain function of all arguments of a callable.

    `signature` is None where nothing tells it, as of many functions written in C. `built` has the options that were
    chosen when the callable was made, as those of a module that is built already: a call cannot change them.
    """

    function: Callable[..., Any]
    signature: inspect.Signature | None
    built: Mapping[str, Any] = field(default_factory=dict)


def plain(function: Callable[..., Any]) -> Plain:
    """A function, a partial, a bound method, or any other object that can be called as it is."""
    return Plain(function, signature(function))


def signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """What the callable takes, if anything tells."""
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        return None


class Unusable(TypeError):
    """What a callable returned is not of the form that is declared; the message says what would be."""


def kind(value: Any) -> str:
    """What a value is, in a word or two: 'Tensor', 'tuple (Tensor, dict)'."""
    name = type(value).__name__
    if isinstance(value, tuple) and 0 < len(value) <= 8:
        return f"{name} ({', '.join(type(inside).__name__ for inside in value)})"
    return name


def returned(value: Any, expected: str) -> TypeError:
    """The error about a returned value that is not of a form `expected`: Unusable if a declaration would mend it."""
    name = type(value).__name__
    hint = ""
    if (isinstance(value, tuple) and len(value) == 2 and callable(value[1])) or name == "ndarray":
        hint = "if it is a function of arrays, leave framework='torch' out"
    elif name == "Tensor":
        hint = "if it is a function of tensors, give framework='torch'"
    elif value and (isinstance(value, tuple) or (isinstance(value, list) and hasattr(value[0], "shape"))):
        hint = "if the loss is the first of them, declare output=0"
    elif isinstance(value, Mapping) and value:
        hint = f"if the loss is one of its {', '.join(map(repr, list(value)[:8]))}, declare output by that name"
    sentence = f"the loss returned {kind(value)}, expected {expected}"
    return Unusable(f"{sentence}; {hint}") if hint else TypeError(sentence)


def chosen(value: Any, output: int | str) -> Any:
    """The part of a returned value that is declared to be the output: by its place, its key or its attribute."""
    if isinstance(output, str):
        if isinstance(value, Mapping) and output in value:
            return value[output]
        if not isinstance(value, Mapping) and hasattr(value, output):
            return getattr(value, output)
    elif isinstance(value, tuple | list) and -len(value) <= output < len(value):
        return value[output]
    raise Unusable(f"output={output!r} is declared, and the loss returned {kind(value)}, which has no such part")

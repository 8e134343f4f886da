"""Calls by position, in torch's order, of a callable in any framework."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter
from typing import Any

from parity.cases.signature import Signature
from parity.types import NotOffered


def by_position(signature: Signature, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of named arguments that hands them on by position; those left out in between at torch's defaults.

    Of a method, what it is bound to still comes first. What the function takes by name alone is not offered.
    """
    kinds = _kinds(function)
    count = sum(kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds.values())
    any_count, any_name = (kind in kinds.values() for kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD))

    @wraps(function)
    def call(*bound: Any, **arguments: Any) -> Any:
        places, named = placed(signature, arguments)
        for name in [] if any_count else list(places)[count:]:
            if any_name or kinds.get(name) is Parameter.KEYWORD_ONLY:
                raise NotOffered(f"{name} by position")
        return function(*bound, *places.values(), **named)

    return call


def _kinds(function: Callable[..., Any]) -> dict[str, Any]:
    """How the function takes each of its arguments; by position, if nothing tells."""
    try:
        return {name: one.kind for name, one in inspect.signature(function).parameters.items()}
    except (ValueError, TypeError):
        return {"args": Parameter.VAR_POSITIONAL}


def placed(signature: Signature, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of a call that go by position, in order up to the last that is given, and those that go by name."""
    order = [name for name, one in signature.parameters.items() if one.kind is Parameter.POSITIONAL_OR_KEYWORD]
    last = max((order.index(name) for name in arguments if name in order), default=-1)
    places = {name: arguments.get(name, signature.default(name)) for name in order[: last + 1]}
    return places, {name: value for name, value in arguments.items() if name not in order}

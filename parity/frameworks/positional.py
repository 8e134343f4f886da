"""Calls by position, in torch's order, of a callable in any framework."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter
from typing import Any

from parity.cases.signature import signature_of


def by_position(loss: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of named arguments that hands them on by position; those left out in between at torch's defaults.

    Of a method, what it is bound to still comes first.
    """

    @wraps(function)
    def call(*bound: Any, **arguments: Any) -> Any:
        places, named = placed(loss, arguments)
        return function(*bound, *places.values(), **named)

    return call


def placed(loss: str, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of a call that go by position, in order up to the last that is given, and those that go by name."""
    signature = signature_of(loss)
    kinds = {name: one.kind for name, one in signature.parameters.items()}
    order = [name for name, kind in kinds.items() if kind is Parameter.POSITIONAL_OR_KEYWORD]
    last = max((order.index(name) for name in arguments if name in order), default=-1)
    places = {name: arguments.get(name, signature.default(name)) for name in order[: last + 1]}
    return places, {name: value for name, value in arguments.items() if name not in order}

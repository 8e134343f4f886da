"""Where a function of the user's stands: the file and the line, as an annotation needs them."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A line of a file, counted from 1."""

    path: str
    line: int


def place_of(function: Callable[..., Any]) -> Place | None:
    """Where a callable is defined: a function, a class, an object of one, a partial; None of what no file has."""
    while isinstance(function, partial):
        function = function.func
    owner = getattr(function, "__self__", None)
    if inspect.isclass(owner) and not inspect.isfunction(getattr(function, "__func__", None)):
        function = owner  # the `apply` of an autograd function is torch's, the class is the user's
    elif inspect.isclass(owner) and _file(function) != _file(owner):
        function = owner
    function = inspect.unwrap(function)
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        function = type(function)
    try:
        path = inspect.getsourcefile(function)
        line = inspect.getsourcelines(function)[1]
    except (OSError, TypeError):  # of a built-in, or of a file that is gone
        return None
    return Place(path, max(line, 1)) if path else None


def _file(function: Any) -> str | None:
    try:
        return inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        return None

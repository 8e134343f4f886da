"""How a program calls a function without parity: what it imports, and the call by the function's own names."""

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from parity.cases.points import Point
from parity.cases.specs import PlainNumber, Tuple
from parity.causes.tensors import Writing
from parity.frameworks.callables import signature
from parity.frameworks.positional import placed
from parity.implementations.declaration import Implementation
from parity.implementations.naming import Naming
from parity.references import torch as of_torch
from parity.references.reference import Reference

_ADAPTIVE = ("from functools import lru_cache", "from typing import Any")


@dataclass(frozen=True)
class Called:
    """One side's call: lines that import and define what is called, and the expression that calls it."""

    imports: tuple[str, ...]
    definition: str
    expression: str


def of_reference(reference: Reference, point: Point, options: Mapping[str, str], positional: bool = False) -> Called:
    """The call of torch's own function, or of the one that answers in its place."""
    loss = point.loss
    places, named = _by_position(point, options) if positional else ([], dict(options))
    words = _words(places, named)
    if reference.is_torch and hasattr(F, loss):
        return Called((), "", f"F.{loss}({words})")
    if reference.is_torch and loss == "sigmoid":
        return Called((), "", f"torch.sigmoid({words})")
    if reference.is_torch:
        sources = (of_torch._adaptive_softmax, of_torch._adaptive_log_softmax_with_loss)
        text = "\n\n".join(inspect.getsource(inspect.unwrap(one)) for one in sources)
        return Called(_ADAPTIVE, text, f"{sources[1].__name__}({words})")
    found = imported(reference.function)
    if found is None:
        line = "reference = ...  # put the reference here: it has no name that can be imported"
        return Called((), line, _called(reference.function, "reference", places, named))
    return Called((found[0],), "", _called(reference.function, found[1], places, named))


def _by_position(point: Point, options: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The arguments in torch's order, as far as they go by position."""
    places, named = placed(point.scenario.signature, options)
    return [text if name in options else repr(text) for name, text in places.items()], named


def of_user(
    point: Point, implementation: Implementation, options: Mapping[str, str], positional: bool = False
) -> Called:  # fmt: skip
    """The call of the user's function, by its own names."""
    function = implementation.losses[point.loss]
    naming, output = implementation.naming(point.scenario.signature)
    places, named = _by_position(point, options) if positional else _placed(naming, options)
    part = "" if output is None else f"[{output!r}]"
    found = imported(function)
    if found is not None:
        return Called((found[0],), "", _called(function, found[1], places, named) + part)
    name = implementation.name if implementation.name.isidentifier() else "yours"
    module, colon, attribute = implementation.origin.partition(":")
    if colon:
        line = f"{name} = {attribute}.losses[{point.loss!r}]"
        return Called((f"from {module} import {attribute}",), line, _called(function, name, places, named) + part)
    line = f"{name} = ...  # put the function here: it has no name that can be imported{_place(function)}"
    return Called((), line, _called(function, name, places, named) + part)


def _placed(naming: Naming, options: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """What goes by position, and what by the function's own names."""
    left = dict(options)
    needed = [place for place, slot in enumerate(naming.slots, 1) if slot.open or slot.argument in left]
    places = [
        left.pop(slot.argument, repr(slot.default)) for slot in naming.slots[: max(needed, default=0)]
    ]  # fmt: skip
    return places, {naming.names.get(name, name): text for name, text in left.items()}


def _called(function: Any, name: str, places: Any, named: dict[str, str]) -> str:
    """The call; of a module class what its constructor names goes there, the rest to the module."""
    if isinstance(function, type) and hasattr(function, "forward"):
        if issubclass(function, torch.autograd.Function):
            return f"{name}.apply({_words(places, named)})"
        taken = signature(function)
        built = {word: text for word, text in named.items() if taken is not None and word in taken.parameters}
        rest = {word: text for word, text in named.items() if word not in built}
        return f"{name}({_words((), built)})({_words(places, rest)})"
    return f"{name}({_words(places, named)})"


def _words(places: Any, named: Mapping[str, str]) -> str:
    return ", ".join([*places, *(f"{word}={text}" for word, text in named.items())])


def imported(function: Any) -> tuple[str, str] | None:
    """The line that imports a function, and its name then; None if it cannot be had by a name."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and getattr(function, "__name__", "").isidentifier():
        found = imported(owner)
        return None if found is None else (found[0], f"{found[1]}.{function.__name__}")
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    there: Any = sys.modules.get(module)
    for part in name.split("."):
        there = getattr(there, part, None)
    if there is not function:
        return None
    return f"from {module} import {name.partition('.')[0]}", name


def _place(function: Any) -> str:
    """Where a function without a name is written, as the end of a comment."""
    while isinstance(function, partial):
        function = function.func
    code = getattr(function, "__code__", None)
    return f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""


def texts(point: Point, arguments: Mapping[str, Any], writing: Writing, wrap: str = "{}") -> dict[str, str]:
    """Each argument of a call as the program writes it: an array by its name, an option by its value."""
    given = point.given
    found = {}
    for name, value in arguments.items():
        if name in point.arrays:
            found[name] = wrap.format(name)
        else:
            option = given[name].value if isinstance(given[name], Tuple | PlainNumber) else value
            found[name] = writing.option(name, option)
    return found

"""What a loss takes: which arguments are arrays, which are options.

Of torch's losses it is read off the hand-written function, of others off the reference and off what the cases give.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, is_dataclass
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Union, get_args, get_origin

from parity import losses
from parity.cases.reference import Unimportable
from parity.cases.specs import Spec
from parity.types import Array

_SCALARS = (bool, int, float, str)
_NUMBERS = {bool, int, float, type(None)}
# The arguments behind a ** of that name, which go by a pattern.
_PATTERNS = {"tail_weights": r"^tail_\d+_[01]_weight$"}


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments of one loss; `varied` are options that its reference alone has."""

    loss: str
    parameters: dict[str, inspect.Parameter]
    pattern: str | None
    arrays: frozenset[str]
    numbers_too: frozenset[str]
    varied: frozenset[str] = frozenset()
    defaults: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        empty = inspect.Parameter.empty
        defaults = {name: one.default for name, one in self.parameters.items() if one.default is not empty}
        object.__setattr__(self, "defaults", defaults)

    def takes(self, name: str) -> bool:
        """Whether the loss has an argument of that name."""
        return name in self.parameters or (self.pattern is not None and re.search(self.pattern, name) is not None)

    def knows(self, name: str) -> bool:
        """Whether a case may give `name`: an argument, or the upstream gradient."""
        return self.takes(name) or name == "grad_output"

    def takes_array(self, name: str) -> bool:
        return name in self.arrays or name not in self.parameters

    def default(self, name: str) -> Any:
        """Its default; inspect.Parameter.empty if it has none."""
        parameter = self.parameters.get(name)
        return inspect.Parameter.empty if parameter is None else parameter.default

    def takes_fields(self, name: str) -> bool:
        """Whether the option is a set of fields, which a case gives as a mapping."""
        return any(map(is_dataclass, _kinds(self.parameters[name])))

    def takes_text(self, name: str) -> bool:
        """Whether the option may be a word: its type is not numbers and booleans alone."""
        kind, *union = _kinds(self.parameters[name])
        return not set(union or [kind]) <= _NUMBERS

    def takes_number(self, name: str) -> bool:
        """Whether the option may be a number that is no flag."""
        kind = self.parameters[name].annotation
        kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
        return not {int, float, Any}.isdisjoint(kinds)

    def takes_nothing(self, name: str) -> bool:
        """Whether the argument may be None."""
        parameter = self.parameters.get(name)
        return parameter is not None and (parameter.default is None or type(None) in _kinds(parameter))

    @property
    def names(self) -> list[str]:
        return list(self.parameters)

    @property
    def required(self) -> list[str]:
        return [name for name in self.parameters if self.default(name) is inspect.Parameter.empty]

    @staticmethod
    def axis(name: str) -> str:
        """The axis that varies an argument: its name, unless the case format takes that for itself."""
        return f"given.{name}" if name in ("dtype", "layout") else name


@cache
def signature_of(loss: str) -> Signature:
    """The signature of ``parity.losses.<loss>``."""
    parameters = dict(inspect.signature(getattr(losses, loss)).parameters)
    variadic = next((n for n, p in parameters.items() if p.kind is inspect.Parameter.VAR_KEYWORD), "")
    parameters.pop(variadic, None)
    kinds = {name: _kinds(parameter) for name, parameter in parameters.items()}
    arrays = frozenset(name for name, kind in kinds.items() if Array in kind)
    numbers_too = frozenset(name for name in arrays if any(scalar in kinds[name] for scalar in _SCALARS))
    return Signature(loss, parameters, _PATTERNS.get(variadic), arrays, numbers_too)


def read_signature(loss: str, function: Callable[..., Any], given: Mapping[str, Iterable[Any]]) -> Signature:
    """The signature of a reference, whose cases give each argument these values.

    An argument is an array if it is annotated as a tensor or an array, if a case gives it a generator, or, where
    nothing is annotated, a list. Raises Unimportable with a sentence if the function cannot be called by names.
    """
    named = {name: one for name, one in taken(function).items() if one.kind is not inspect.Parameter.VAR_KEYWORD}
    for name, one in named.items():
        if one.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
            raise Unimportable(f"{loss} takes {name} by its position alone, expected arguments with names")
    if not named:
        raise Unimportable(f"{loss} names no arguments, expected a function of tensors by name")
    arrays = frozenset(name for name, one in named.items() if _is_array(one, list(given.get(name, ()))))
    parameters = {name: _plain(one, name in arrays) for name, one in named.items()}
    numbers_too = frozenset(name for name in arrays if any(one in _SCALARS for one in _kinds(parameters[name])))
    return Signature(loss, parameters, None, arrays, numbers_too)


def taken(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function, or those of a module's constructor and forward."""
    forward = getattr(function, "forward", None)
    functions = [function] if forward is None else [function, forward] if isinstance(function, type) else [forward]
    found: dict[str, inspect.Parameter] = {}
    for one in functions:
        try:
            signature = inspect.signature(one)
        except (TypeError, ValueError) as error:
            raise Unimportable(f"the signature of {one!r:.60} cannot be read: {error}") from None
        with suppress(Exception):  # annotations may be names that are there for type checkers alone
            signature = inspect.signature(one, eval_str=True)
        found |= signature.parameters
    if isinstance(function, type):
        found.pop("self", None)
    return found


_TENSORS = re.compile(r"\b(Tensor|ndarray|NDArray|Array)\b")


def _is_array(parameter: inspect.Parameter, given: list[Any]) -> bool:
    if any(isinstance(value, Spec) for value in given):
        return True
    if parameter.annotation is not parameter.empty:
        return _TENSORS.search(inspect.formatannotation(parameter.annotation)) is not None
    return any(isinstance(value, list) for value in given)


def _plain(parameter: inspect.Parameter, is_array: bool) -> inspect.Parameter:
    """The parameter with an annotation and a default that are no objects of the user's."""
    default: Any = parameter.default
    known = default is parameter.empty or default is None or isinstance(default, _SCALARS)
    kinds = {kind for kind in _kinds(parameter) if kind in (*_SCALARS, type(None))}
    if default is None or isinstance(default, _SCALARS):
        kinds |= {type(default), float} if type(default) is int else {type(default)}
    annotation: Any = Any
    if is_array:
        annotation = _union([Array, *kinds])
    elif kinds - {type(None)} and (parameter.annotation is parameter.empty or _only_plain(parameter)):
        annotation = _union(list(kinds))
    return parameter.replace(annotation=annotation, default=default if known else ...)


def _union(kinds: list[Any]) -> Any:
    return reduce(or_, kinds)


def _only_plain(parameter: inspect.Parameter) -> bool:
    kind, *union = _kinds(parameter)
    return set(union or [kind]) <= {*_NUMBERS, str}


def _kinds(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """The types of a union, or the one type and the types inside it."""
    return (parameter.annotation, *get_args(parameter.annotation))

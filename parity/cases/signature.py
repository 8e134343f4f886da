"""What a loss takes, read off the hand-written function: which arguments are arrays, which are options."""

import inspect
import re
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from parity import losses
from parity.types import Array

_SCALARS = (bool, int, float, str)
_NUMBERS = {bool, int, float, type(None)}
# The arguments behind a ** of that name, which go by a pattern.
_PATTERNS = {"tail_weights": r"^tail_\d+_[01]_weight$"}


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments of one loss."""

    loss: str
    parameters: dict[str, inspect.Parameter]
    pattern: str | None
    arrays: frozenset[str]
    numbers_too: frozenset[str]
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
        return not {int, float}.isdisjoint(get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,))

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


def _kinds(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """The types of a union, or the one type and the types inside it."""
    return (parameter.annotation, *get_args(parameter.annotation))

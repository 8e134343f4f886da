"""What a loss takes, read off the hand-written function: which arguments are arrays, which are options."""

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from parity import losses
from parity.types import Array

_SCALARS = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments of one loss."""

    loss: str
    parameters: dict[str, inspect.Parameter]
    variadic: str | None
    arrays: frozenset[str]
    numbers_too: frozenset[str]

    def knows(self, name: str) -> bool:
        """Whether `name` is an argument; the tail weights of adaptive softmax go by a pattern."""
        if name in self.parameters:
            return True
        return self.variadic == "tail_weights" and re.fullmatch(r"tail_\d+_[01]_weight", name) is not None

    def takes_array(self, name: str) -> bool:
        return name in self.arrays or name not in self.parameters

    def default(self, name: str) -> Any:
        parameter = self.parameters.get(name)
        return inspect.Parameter.empty if parameter is None else parameter.default

    @property
    def names(self) -> list[str]:
        return list(self.parameters)


@cache
def signature_of(loss: str) -> Signature:
    """The signature of ``parity.losses.<loss>``."""
    parameters = dict(inspect.signature(getattr(losses, loss)).parameters)
    variadic = next((n for n, p in parameters.items() if p.kind is inspect.Parameter.VAR_KEYWORD), None)
    if variadic:
        del parameters[variadic]
    kinds = {name: (p.annotation, *get_args(p.annotation)) for name, p in parameters.items()}
    arrays = frozenset(name for name, kind in kinds.items() if Array in kind)
    numbers_too = frozenset(name for name in arrays if any(scalar in kinds[name] for scalar in _SCALARS))
    return Signature(loss, parameters, variadic, arrays, numbers_too)

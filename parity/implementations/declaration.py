"""An implementation under test: its losses, the framework they are written in, what it lacks, what fails."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import numpy as np

from parity import losses
from parity.cases.errors import nearest
from parity.cases.points import Point
from parity.cases.signature import signature_of
from parity.frameworks.adapters import Adapter, adapter
from parity.implementations.lacks import Lack, first_used, parse
from parity.types import Functions, Loss, NotOffered, Result
from parity.wording import class_names


class Misdeclared(ValueError):
    """An implementation that declares something no case can mean."""


@dataclass(frozen=True, eq=False)
class Implementation:
    """A library of losses, declared once.

    `losses` maps names of torch.nn.functional to callables with torch's argument names. `framework` is 'numpy', for
    functions that return ``(output, vjp)`` or the output alone, 'torch', for callables of tensors, module classes or
    modules, or an Adapter of your own. `lacks` names what is not offered: an option such as 'label_smoothing' or
    'reduction=none', a dtype, a layout, 'gradient', 'gradient of weight', 'second derivatives', 'errors', 'warnings',
    'saved inputs', a transformation such as 'vmap'; for one loss alone, 'cross_entropy.weight'. As a mapping it gives
    the reasons. What cannot be named so, a loss may refuse by raising NotOffered. `expected_failures` maps patterns of
    point ids to reasons; each must match a point, and a matching point that passes is a failure.

    Raises Misdeclared, a ValueError, with a sentence for a name that means nothing.
    """

    name: str
    framework: str | Adapter = "numpy"
    losses: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    lacks: Collection[str] = ()
    device: str = "cpu"
    equivalents: Mapping[str, tuple[str, ...]] | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        try:
            adapter(self.framework)
        except KeyError as error:
            raise Misdeclared(f"{self.name}: {error.args[0]}") from None
        for loss, function in self.losses.items():
            if loss not in losses.LOSSES:
                raise Misdeclared(f"{self.name}: there is no loss {loss!r}{nearest(loss, losses.LOSSES)}")
            if not callable(function):
                raise Misdeclared(f"{self.name}: {loss} is {type(function).__name__}, expected a callable")
        for pattern, reason in self.expected_failures.items():
            if not isinstance(reason, str) or not reason.strip():
                raise Misdeclared(f"{self.name}: the expected failure {pattern!r} has no reason")
        try:
            _ = self.parsed
        except ValueError as error:
            raise Misdeclared(f"{self.name}: {error}") from None

    @cached_property
    def parsed(self) -> tuple[Lack, ...]:
        """What it lacks, as data."""
        return parse(self.lacks, self.losses)

    def lacking(self, loss: str) -> dict[str, Lack]:
        """What it lacks of one loss, by the words that say it."""
        return {lack.said: lack for lack in self.parsed if lack.loss in ("", loss)}

    @property
    def adapter(self) -> Adapter:
        """How its callables are wrapped."""
        return adapter(self.framework)

    @property
    def trusted(self) -> bool:
        """Whether it is one of the project's own, which leave the process as it is."""
        return self.origin in ("numpy", "textbook", "torch")

    @cached_property
    def adapted(self) -> dict[str, Loss]:
        """Each loss as ``(output, vjp)``."""
        return {name: self.adapter.wrap(function, self.device) for name, function in self.losses.items()}

    def called(self, point: Point) -> Loss:
        """The loss of a point as ``(output, vjp)``, under the transformation that the point goes through."""
        if not point.around:
            return self.adapted[point.loss]
        key = (point.loss, point.around)
        if key not in self._around:
            self._around[key] = self.adapter.around[point.around](point.loss, self.losses[point.loss], self.device)
        return self._around[key]

    @cached_property
    def _around(self) -> dict[tuple[str, str], Loss]:
        return {}

    @cached_property
    def offered(self) -> Functions:
        """Each loss to be called with any options. Raises NotOffered for those that it lacks."""
        return {name: self._offered(name) for name in self.losses}

    def _offered(self, name: str) -> Loss:
        loss, lacking, signature = self.adapted[name], self.lacking(name), signature_of(name)

        def call(**arguments: Any) -> Result:
            for word in arguments.keys() & lacking.keys():
                value, default = arguments[word], signature.default(word)
                if value is not default and (isinstance(value, np.ndarray) or value != default):
                    raise NotOffered(word)
            return loss(**{word: value for word, value in arguments.items() if word not in lacking})

        return call

    def not_offered(self, point: Point) -> str | None:
        """Why this implementation does not serve the point, or None if it does."""
        if point.loss not in self.losses:
            return f"{self.name} has no {point.loss}"
        lack = first_used(self.lacking(point.loss), point)
        if lack is not None:
            return f"{self.name} does not offer {lack.said}" + (f": {lack.reason}" if lack.reason else "")
        if point.around and point.around not in self.adapter.around:
            return f"{self.name} does not offer {point.around}: there is none for framework {self.adapter.name}"
        return None

    def arguments(self, loss: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments without the options it lacks (they are at their defaults here)."""
        if not self.lacks:
            return arguments
        lacking = self.lacking(loss)
        return {name: value for name, value in arguments.items() if name not in lacking}

    def expected_failure(self, point: Point) -> str | None:
        """The reason given for this point to fail, if any: the scenario's own, or a pattern's."""
        failure = point.expected_failure(self.name)
        if failure is not None:
            return failure.because
        for pattern, reason in self.expected_failures.items():
            if pattern == point.id or fnmatchcase(point.id, pattern):
                return reason
        return None

    def accepts(self, raised: BaseException, wanted: str) -> bool:
        """Whether this exception answers to torch's exception of the class `wanted`."""
        table = self.adapter.refusals if self.equivalents is None else self.equivalents
        allowed = {wanted, *table.get(wanted, ())}
        return not allowed.isdisjoint(class_names(raised))

"""An implementation under test: its losses, the framework they are written in, what it lacks, what fails."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any

import numpy as np

from parity import losses
from parity.cases.errors import nearest
from parity.cases.load import load
from parity.cases.points import Point
from parity.cases.shipped import case_file
from parity.cases.signature import signature_of
from parity.cases.specs import LAYOUTS, DType, Spec
from parity.types import Functions, Loss, NotOffered, Result
from parity.wording import class_names

DTYPES: tuple[str, ...] = DType.__args__  # type: ignore[attr-defined]
SECOND = "second derivatives"
FRAMEWORKS = ("numpy", "torch")

# Exception classes that a framework may raise where torch raises the one on the left, besides its subclasses.
EQUIVALENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "numpy": {
        "RuntimeError": ("ValueError", "TypeError", "IndexError"),
        "IndexError": ("ValueError",),
        "TypeError": ("ValueError",),
    },
    "torch": {"IndexError": ("AcceleratorError",)},
}


class Misdeclared(ValueError):
    """An implementation that declares something no case can mean."""


@dataclass(frozen=True, eq=False)
class Implementation:
    """A library of losses, declared once.

    `losses` maps names of torch.nn.functional to callables with torch's argument names: for framework
    'numpy' functions that return ``(output, vjp)`` or the output alone, for 'torch' callables of tensors,
    module classes or modules. `lacks` names what is not offered: an option such as 'label_smoothing' or
    'reduction=none', a dtype, a layout, 'gradient', 'gradient of weight', 'second derivatives', 'errors';
    for one loss alone, 'cross_entropy.weight'. As a mapping it gives the reasons. What cannot be named so, a
    loss may refuse by raising NotOffered. `expected_failures` maps patterns of point ids to reasons; each must
    match a point, and a matching point that passes is a failure.

    Raises Misdeclared, a ValueError, with a sentence for a name that means nothing.
    """

    name: str
    framework: str = "numpy"
    losses: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    lacks: Collection[str] = ()
    device: str = "cpu"
    equivalents: Mapping[str, tuple[str, ...]] | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        if self.framework not in FRAMEWORKS:
            hint = nearest(self.framework, FRAMEWORKS)
            raise Misdeclared(f"{self.name}: there is no framework {self.framework!r}{hint}")
        if isinstance(self.lacks, str):
            raise Misdeclared(f"{self.name}: lacks is the text {self.lacks!r}, expected a list or a mapping of texts")
        for loss, function in self.losses.items():
            if loss not in losses.LOSSES:
                raise Misdeclared(f"{self.name}: there is no loss {loss!r}{nearest(loss, losses.LOSSES)}")
            if not callable(function):
                raise Misdeclared(f"{self.name}: {loss} is {type(function).__name__}, expected a callable")
        for pattern, reason in self.expected_failures.items():
            if not isinstance(reason, str) or not reason.strip():
                raise Misdeclared(f"{self.name}: the expected failure {pattern!r} has no reason")
        names = {name for loss in self.losses for name in signature_of(loss).names}
        words = {*names, *DTYPES, *LAYOUTS, "gradient", SECOND, "errors", *(f"gradient of {name}" for name in names)}
        for entry in self.lacks:
            word = _scoped(entry)[1]
            if word.split("=")[0] not in words:
                raise Misdeclared(f"{self.name}: nothing to lack is called {entry!r}{nearest(word, words)}")
            if "=" in word:
                self._check_value(*_scoped(entry))

    def _check_value(self, scope: str, word: str) -> None:
        """Raise Misdeclared for a value to lack that no case gives to the option, in any loss that it is about."""
        option, _, value = word.partition("=")
        used: set[str] = set()
        for loss in [scope] if scope else self.losses:
            if signature_of(loss).takes(option):
                used |= values_of(loss, option)
        if value not in used:
            raise Misdeclared(f"{self.name}: no case gives {option} the value {value!r}{nearest(value, used)}")

    def lacking(self, loss: str) -> dict[str, str]:
        """What it lacks of one loss: word to reason, which may be empty."""
        if not self.lacks:
            return {}
        reasons = self.lacks if isinstance(self.lacks, Mapping) else dict.fromkeys(self.lacks, "")
        return {word: reasons[entry] for entry in self.lacks for scope, word in [_scoped(entry)] if scope in ("", loss)}

    @property
    def trusted(self) -> bool:
        """Whether it is one of the project's own, which leave the process as it is."""
        return self.origin in ("numpy", "textbook", "torch")

    @cached_property
    def adapted(self) -> dict[str, Loss]:
        """Each loss as ``(output, vjp)``."""
        return {name: adapt(function, self.framework, self.device) for name, function in self.losses.items()}

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
        lacking = self.lacking(point.loss)
        word = _first_used(lacking, point)
        if word is None:
            return None
        return f"{self.name} does not offer {word}" + (f": {lacking[word]}" if lacking[word] else "")

    def lacks_gradient(self, loss: str, name: str) -> bool:
        lacking = self.lacking(loss)
        return "gradient" in lacking or f"gradient of {name}" in lacking

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
        table = EQUIVALENTS[self.framework] if self.equivalents is None else self.equivalents
        allowed = {wanted, *table.get(wanted, ())}
        return not allowed.isdisjoint(class_names(raised))


@cache
def values_of(loss: str, option: str) -> frozenset[str]:
    """The values that the shipped cases of a loss give to an option, as they are written in `lacks`."""
    scenarios = load(case_file(loss), dict.fromkeys(("numpy", "textbook", "torch"), losses.LOSSES))
    default = signature_of(loss).default(option)
    given = {str(value) for scenario in scenarios for value in scenario.values(option)}
    return frozenset(given | {str(default)} - {"None"})


def _scoped(entry: str) -> tuple[str, str]:
    """'cross_entropy.weight' as ('cross_entropy', 'weight'), 'weight' as ('', 'weight')."""
    scope, dot, word = str(entry).partition(".")
    return (scope, word) if dot and scope in losses.LOSSES else ("", str(entry))


def _first_used(lacking: Collection[str], point: Point) -> str | None:
    """The first thing lacking that the point uses; an option at its default is not used."""
    if not lacking:
        return None
    used = {point.dtype, *point.layouts.values()}
    if point.scenario.case.raises:
        used.add("errors")
    signature = signature_of(point.loss)
    for name, value in point.given.items():
        if isinstance(value, Spec) and value.dtype:
            used.add(value.dtype)
        used.add(f"{name}={value}")
        plain = value is None or isinstance(value, bool | int | float | str)
        if not (plain and value == signature.default(name)):
            used.add(name)
    return next((word for word in lacking if word in used), None)


def adapt(function: Callable[..., Any], framework: str, device: str = "cpu") -> Loss:
    """The callable of a framework as ``(output, vjp)``."""
    if framework == "numpy":
        from parity.frameworks.numpy import NumpyLoss

        return NumpyLoss(function)
    from parity.frameworks.torch import TorchLoss

    return TorchLoss(function, device)

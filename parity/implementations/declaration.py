"""An implementation under test: its losses, the framework they are written in, what it lacks, what fails."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from parity import losses
from parity.cases.errors import nearest
from parity.cases.signature import signature_of
from parity.facts.expression import Misspelt
from parity.facts.selection import selection
from parity.frameworks.adapters import Adapter, adapter
from parity.implementations.calling import Arguments, Calling, Declared, Output, arguments_of, calling
from parity.implementations.contract import Contract
from parity.implementations.grants import Grant, clauses, tolerances
from parity.implementations.lacks import ABSENT, Lack, parse
from parity.types import Functions, Loss, NotOffered, Result


class Misdeclared(ValueError):
    """An implementation that declares something no case can mean."""


@dataclass(frozen=True, eq=False)
class Implementation:
    """A library of losses, declared once.

    `losses` maps names of torch.nn.functional to callables. What their signatures take is read: options that one does
    not name it lacks, and arguments that it names otherwise are declared in `arguments`: {'input': 'logits'}, for one
    loss {'cross_entropy.input': 'logits'}; for a callable that takes all by position and does not say so, their names
    in order. `output` is the place or the key of the loss in what they return, if that is more: 0 for
    ``(loss, aux)``, {'cross_entropy': 0} for one loss. `framework` is 'numpy', for
    functions that return ``(output, vjp)`` or the output alone, 'torch', for callables of tensors, module classes or
    modules, or an Adapter of your own. `lacks` names what is not offered: an option such as 'label_smoothing' or
    'reduction=none', a dtype, a layout, 'gradient', 'gradient of weight', 'second derivatives', 'errors';
    for one loss alone, 'cross_entropy.weight'. As a mapping it gives the reasons. What cannot be named so, a
    loss may refuse by raising NotOffered. `differs` names clauses that are waived by design, as a mapping with their
    reasons: 'inputs intact', 'backward once', 'output dtype', 'extra gradients', 'gradients of zero', 'error classes',
    'own memory', 'repeatable'. `tolerance` widens a bound, and says why: {'float16 gradient': '2e-3 because it is
    rounded to bfloat16'}, or {'rtol': 2e-3, 'because': ...} for the text, or 'because' as a key for all. `equivalents`
    maps a class that torch raises to those that may stand for it. `expected_failures` maps patterns of point ids,
    or expressions of facts ('bfloat16 and not ignored targets'), to reasons; each must match a point, and a matching
    point that passes is a failure.

    Raises Misdeclared, a ValueError, with a sentence for a name that means nothing.
    """

    name: str
    framework: str | Adapter = "numpy"
    losses: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    lacks: Collection[str] = ()
    device: str = "cpu"
    equivalents: Mapping[str, Collection[str]] | None = None
    origin: str = ""
    arguments: Arguments = ()
    output: Output = None
    differs: Collection[str] = ()
    tolerance: Mapping[str, Any] = field(default_factory=dict)

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
                selection(pattern)
            except Misspelt as error:
                raise Misdeclared(f"{self.name}: expected_failures: {error}") from None
        try:
            _ = self.parsed, self.granted
            for wanted, names in (self.equivalents or {}).items():
                if isinstance(names, str) or not all(isinstance(name, str) for name in names):
                    raise ValueError(f"equivalents has {names!r} for {wanted}, expected a list of names of classes")
            self._check_arguments()
        except ValueError as error:
            raise Misdeclared(f"{self.name}: {error}") from None

    def _check_arguments(self) -> None:
        """Raise ValueError for a declared name or output that is meant for none of the losses."""
        used: set[str] = set()
        for loss in self.losses if self.arguments else ():
            own = self._declared(loss).arguments
            used |= {*own, *(f"{loss}.{name}" for name in own)}
            self._calling(loss)
        names = {name for loss in self.losses for name in signature_of(loss).names}
        for word in self.arguments if isinstance(self.arguments, Mapping) else ():
            if word not in used:
                raise ValueError(f"arguments names {word!r}, which no loss takes{nearest(word, names)}")
        for loss in self.output if isinstance(self.output, Mapping) else ():
            if loss not in self.losses:
                raise ValueError(f"output names {loss!r}{nearest(loss, self.losses)}")

    def _declared(self, loss: str) -> Declared:
        """What is declared about the call of one loss."""
        taken = self.adapter.plain(self.losses[loss]).signature
        arguments = arguments_of(loss, self.arguments, taken, alone=len(self.losses) == 1)
        output = self.output.get(loss) if isinstance(self.output, Mapping) else self.output
        return Declared(self.adapter, self.device, arguments, output, self._lacking(loss))

    def _calling(self, loss: str) -> Calling:
        return calling(loss, self.losses[loss], self._declared(loss))

    def _lacking(self, loss: str) -> dict[str, Lack]:
        return {lack.said: lack for lack in self.parsed if lack.loss in ("", loss)}

    @cached_property
    def parsed(self) -> tuple[Lack, ...]:
        """What it lacks, as data."""
        return parse(self.lacks, self.losses)

    @cached_property
    def granted(self) -> tuple[Grant, ...]:
        """What it does otherwise by design, as data: clauses and tolerances."""
        return *clauses(self.differs, self.losses), *tolerances(self.tolerance, self.losses)

    @property
    def adapter(self) -> Adapter:
        """How its callables are wrapped."""
        return adapter(self.framework)

    @property
    def trusted(self) -> bool:
        """Whether it is one of the project's own, which leave the process as it is."""
        return self.origin in ("numpy", "textbook", "torch")

    def contract(self, loss: str) -> Contract:
        """What it answers to for a loss, made when it is first asked for. Raises NotOffered if it has no such loss."""
        if loss not in self._contracts:
            if loss not in self.losses:
                raise NotOffered(loss)
            self._contracts[loss] = self._resolved(loss)
        return self._contracts[loss]

    @cached_property
    def _contracts(self) -> dict[str, Contract]:
        return {}

    def _resolved(self, loss: str) -> Contract:
        adapter, called = self.adapter, self._calling(loss)
        absent = {name: Lack("", name, None, ABSENT) for name in called.absent}
        return Contract(
            self.name, loss, self.losses[loss], adapter.wrap(called.function, self.device), self.functions,
            grants={one.word: one for one in self.granted if one.loss in ("", loss)},
            lacks=absent | self._lacking(loss),
            refusals=adapter.refusals if self.equivalents is None else self.equivalents,
            expected_failures=self.expected_failures, hands_on=adapter.is_reference, origin=self.origin,
            framework=adapter.name, device=self.device, note=called.note, problem=called.problem,
        )  # fmt: skip

    def functions(self, granted: frozenset[str] = frozenset()) -> Functions:
        """Each loss to be called with any options, in whose calls what is `granted` is in force.

        They raise NotOffered for options that it lacks.
        """
        return {name: self._offered(name, granted) for name in self.losses}

    def _offered(self, name: str, granted: frozenset[str]) -> Loss:
        signature = signature_of(name)

        def call(**arguments: Any) -> Result:
            contract = self.contract(name).granting(granted)
            for word in arguments.keys() & contract.lacks.keys():
                value, default = arguments[word], signature.default(word)
                if value is not default and (isinstance(value, np.ndarray) or value != default):
                    raise NotOffered(word)
            return contract.call(**{word: value for word, value in arguments.items() if word not in contract.lacks})

        return call

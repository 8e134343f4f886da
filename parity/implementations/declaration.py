"""An implementation under test: its losses, the framework they are written in, what it lacks, what fails."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from parity import losses
from parity.cases.errors import nearest
from parity.cases.points import Point
from parity.cases.signature import Signature, signature_of
from parity.frameworks.adapters import Adapter, adapter
from parity.implementations.calling import Arguments, Calling, Declared, Output, arguments_of, calling
from parity.implementations.contract import Contract
from parity.implementations.lacks import Lack, check_words, parse
from parity.types import Functions, Loss, NotOffered, Result

if TYPE_CHECKING:
    from parity.references.reference import Reference


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
    loss may refuse by raising NotOffered. `expected_failures` maps patterns of point ids to reasons; each must
    match a point, and a matching point that passes is a failure.

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
    arguments: Arguments = ()
    output: Output = None

    def __post_init__(self) -> None:
        try:
            adapter(self.framework)
        except KeyError as error:
            raise Misdeclared(f"{self.name}: {error.args[0]}") from None
        for loss, function in self.losses.items():
            if not isinstance(loss, str) or not loss.isidentifier():
                raise Misdeclared(f"{self.name}: {loss!r} names no loss, expected a name such as cross_entropy")
            if not callable(function):
                raise Misdeclared(f"{self.name}: {loss} is {type(function).__name__}, expected a callable")
        for pattern, reason in self.expected_failures.items():
            if not isinstance(reason, str) or not reason.strip():
                raise Misdeclared(f"{self.name}: the expected failure {pattern!r} has no reason")
        try:
            _ = self.parsed
            self._check_arguments()
        except ValueError as error:
            raise Misdeclared(f"{self.name}: {error}") from None

    def _check_arguments(self) -> None:
        """Raise ValueError for a declared name or output that is meant for none of the losses."""
        used: set[str] = set()
        signatures = [signature_of(loss) for loss in self.losses if loss in losses.LOSSES]
        for signature in signatures if self.arguments else ():
            own = self._declared(signature).arguments
            used |= {*own, *(f"{signature.loss}.{name}" for name in own)}
            self._calling(signature)
        names = {name for signature in signatures for name in signature.names}
        whole = len(signatures) == len(self.losses)  # what a loss of one's own takes stands in its case file
        for word in self.arguments if isinstance(self.arguments, Mapping) else ():
            if whole and word not in used:
                raise ValueError(f"arguments names {word!r}, which no loss takes{nearest(word, names)}")
        for loss in self.output if isinstance(self.output, Mapping) else ():
            if loss not in self.losses:
                raise ValueError(f"output names {loss!r}{nearest(loss, self.losses)}")

    def _declared(self, signature: Signature) -> Declared:
        """What is declared about the call of one loss."""
        loss = signature.loss
        taken = self.adapter.plain(self.losses[loss]).signature
        arguments = arguments_of(signature, self.arguments, taken, alone=len(self.losses) == 1)
        output = self.output.get(loss) if isinstance(self.output, Mapping) else self.output
        return Declared(self.adapter, self.device, arguments, output, self._lacking(loss))

    def _calling(self, signature: Signature) -> Calling:
        return calling(signature, self.losses[signature.loss], self._declared(signature))

    def _lacking(self, loss: str) -> dict[str, Lack]:
        return {lack.said: lack for lack in self.parsed if lack.loss in ("", loss)}

    @cached_property
    def parsed(self) -> tuple[Lack, ...]:
        """What it lacks, as data."""
        return parse(self.lacks, self.losses)

    @property
    def adapter(self) -> Adapter:
        """How its callables are wrapped."""
        return adapter(self.framework)

    @property
    def trusted(self) -> bool:
        """Whether it is one of the project's own, which leave the process as it is."""
        return self.origin in ("numpy", "textbook", "torch")

    def reference_of(self, point: Point) -> "Reference":
        """Who is asked for the point. Raises Unimportable with a sentence if that function cannot be had."""
        from parity.references.reference import reference_of  # it imports torch

        return reference_of(point.scenario)

    def contract(self, loss: str | Signature) -> Contract:
        """What it answers to for a loss, made when it is first asked for.

        A loss of one's own is known by the signature of its reference, and by its name from then on. Raises NotOffered
        if it has no such loss.
        """
        name, signature = (loss, None) if isinstance(loss, str) else (loss.loss, loss)
        known = self._contracts.get(name)
        if known is None or not (signature is None or signature is known.signature or signature == known.signature):
            signature = signature_of(name) if signature is None and name in losses.LOSSES else signature
            if name not in self.losses or signature is None:
                raise NotOffered(name)
            known = self._contracts[name] = self._resolved(signature)
        return known

    @cached_property
    def _contracts(self) -> dict[str, Contract]:
        return {}

    def _resolved(self, signature: Signature) -> Contract:
        adapter, loss = self.adapter, signature.loss
        lacks = self._lacking(loss)
        try:
            called = self._calling(signature)
            check_words(lacks.values(), signature, self.losses)
        except ValueError as error:  # of a loss of one's own it is seen here; of torch's, the declaration is refused
            called = Calling(self.losses[loss], (), "", f"nothing was run: {error}")
        absent = {name: Lack("", name, None, "its signature has none") for name in called.absent}
        return Contract(
            self.name, signature, self.losses[loss], adapter.wrap(called.function, self.device), self.functions,
            lacks=absent | lacks,
            refusals=adapter.refusals if self.equivalents is None else self.equivalents,
            expected_failures=self.expected_failures, hands_on=adapter.is_reference, origin=self.origin,
            framework=adapter.name, device=self.device, note=called.note, problem=called.problem,
        )  # fmt: skip

    @cached_property
    def functions(self) -> Functions:
        """Each loss to be called with any options. Raises NotOffered for those that it lacks."""
        return {name: self._offered(name) for name in self.losses}

    def _offered(self, name: str) -> Loss:
        def call(**arguments: Any) -> Result:
            contract = self.contract(name)
            for word in arguments.keys() & contract.lacks.keys():
                value, default = arguments[word], contract.signature.default(word)
                if value is not default and (isinstance(value, np.ndarray) or value != default):
                    raise NotOffered(word)
            return contract.call(**{word: value for word, value in arguments.items() if word not in contract.lacks})

        return call

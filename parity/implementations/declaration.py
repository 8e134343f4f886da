"""An implementation under test: its losses, the framework they are written in, what it lacks, what fails."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from parity import losses
from parity.cases.errors import nearest
from parity.cases.points import Point
from parity.cases.scenario import Scenario
from parity.cases.signature import Signature, signature_of
from parity.facts.call import facts_of_call
from parity.facts.expression import Misspelt
from parity.facts.selection import selection
from parity.frameworks.adapters import Adapter, adapter
from parity.implementations.answering import Answerer, Answering, Vary, answering
from parity.implementations.calling import Arguments, Calling, Declared, Output, arguments_of, calling
from parity.implementations.contract import Contract
from parity.implementations.grants import Grant, clauses, tolerances
from parity.implementations.lacks import ABSENT, Lack, check_words, parse
from parity.implementations.naming import Naming, naming
from parity.implementations.promises import promised
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
    'reduction=none', a dtype, a layout, 'gradient', 'gradient of weight', 'second derivatives', 'errors', 'warnings',
    'saved inputs', a transformation such as 'vmap'; for one loss alone, 'cross_entropy.weight'. As a mapping it gives
    the reasons. What cannot be named so, a loss may refuse by raising NotOffered. `differs` names clauses that are
    waived by design, as a mapping with their
    reasons: 'inputs intact', 'backward once', 'output dtype', 'extra gradients', 'gradients of zero', 'error classes',
    'own memory', 'repeatable'. `tolerance` widens a bound, and says why: {'float16 gradient': '2e-3 because it is
    rounded to bfloat16'}, or {'rtol': 2e-3, 'because': ...} for the text, or 'because' as a key for all. `equivalents`
    maps a class that torch raises to those that may stand for it. `expected_failures` maps patterns of point ids,
    or expressions of facts ('bfloat16 and not ignored targets'), to reasons; each must match a point, and a matching
    point that passes is a failure. `reference` maps losses to functions of tensors that answer in torch's place, or
    their names (module:function): what such a function refuses must be refused. Of a loss
    that it maps to None no reference is asked: it is held against itself. `promises` is what it says of itself beyond
    torch: 'batch invariance'. `vary` maps losses to options that
    only their reference has, and the values that every point takes.

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
    reference: Mapping[str, Answerer | None] = field(default_factory=dict)
    vary: Mapping[str, Vary] = field(default_factory=dict)
    differs: Collection[str] = ()
    tolerance: Mapping[str, Any] = field(default_factory=dict)
    promises: Collection[str] = ()

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
                selection(pattern)
            except Misspelt as error:
                raise Misdeclared(f"{self.name}: expected_failures: {error}") from None
        try:
            self._check_reference()
            _ = self.parsed, self.granted, self._promised
            for wanted, names in (self.equivalents or {}).items():
                if isinstance(names, str) or not all(isinstance(name, str) for name in names):
                    raise ValueError(f"equivalents has {names!r} for {wanted}, expected a list of names of classes")
            self._check_arguments()
        except ValueError as error:
            raise Misdeclared(f"{self.name}: {error}") from None

    def _check_reference(self) -> None:
        """Raise ValueError for a reference, or for options to vary, of none of the losses."""
        for option, of_loss in ("reference", self.reference), ("vary", self.vary):
            if not isinstance(of_loss, Mapping):
                raise ValueError(f"{option} is {type(of_loss).__name__}, expected a mapping by loss")
            for loss in of_loss:
                if loss not in self.losses:
                    raise ValueError(f"{option} names {loss!r}{nearest(loss, self.losses)}")
        for loss in self.vary:
            if self.vary[loss] and self.reference.get(loss) is None:
                raise ValueError(f"vary says nothing of {loss} without reference: torch has no more options to vary")

    def _answering(self, signature: Signature) -> Answering | None:
        """Who answers in torch's place for a loss, if that is declared. Raises ValueError if it cannot."""
        loss = signature.loss
        answerer = self.reference.get(loss)
        if answerer is None:
            return None
        known = self._answers.get(loss)
        if known is None or signature not in (known[0], known[1].signature):
            answer = answering(signature, answerer, self.vary.get(loss, {}))
            known = self._answers[loss] = signature, answer
        return known[1]

    def alone(self, loss: str) -> bool:
        """Whether no reference is asked for the loss: what its own calls owe to each other is all that is looked at."""
        return self.reference.get(loss, "") is None

    @cached_property
    def _promised(self) -> dict[str, frozenset[str]]:
        return promised(self.promises, self.losses)

    @cached_property
    def _answers(self) -> dict[str, tuple[Signature, Answering]]:
        return {}

    def asked(self, scenario: Scenario) -> Scenario:
        """A scenario as this implementation is asked it: as it is, unless another function than its own answers.

        Raises Misdeclared with a sentence if that function cannot be asked.
        """
        try:
            answer = self._answering(scenario.signature)
        except ValueError as error:
            raise Misdeclared(f"{self.name}: {error}") from None
        return scenario if answer is None else answer.asked(scenario)

    def _check_arguments(self) -> None:
        """Raise ValueError for a declared name or output that is meant for none of the losses."""
        used: set[str] = set()
        signatures = self._known
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

    @cached_property
    def _known(self) -> list[Signature]:
        """What each loss of torch's takes, with what is varied; what one's own takes stands in its case file."""
        own = [signature_of(loss) for loss in self.losses if loss in losses.LOSSES]
        return [signature if (one := self._answering(signature)) is None else one.signature for signature in own]

    def _declared(self, signature: Signature) -> Declared:
        """What is declared about the call of one loss."""
        loss = signature.loss
        taken = self.adapter.plain(self.losses[loss]).signature
        arguments = arguments_of(signature, self.arguments, taken, alone=len(self.losses) == 1)
        output = self.output.get(loss) if isinstance(self.output, Mapping) else self.output
        return Declared(self.adapter, self.device, arguments, output, self._lacking(loss))

    def _calling(self, signature: Signature) -> Calling:
        return calling(signature, self.losses[signature.loss], self._declared(signature))

    def naming(self, signature: Signature) -> tuple[Naming, int | str | None]:
        """The own names of the callable of a loss, and which part of what it returns is the output."""
        declared = self._declared(signature)
        taken = self.adapter.plain(self.losses[signature.loss]).signature
        return naming(signature, taken, declared.arguments), declared.output

    def _lacking(self, loss: str) -> dict[str, Lack]:
        return {lack.said: lack for lack in self.parsed if lack.loss in ("", loss)}

    @cached_property
    def parsed(self) -> tuple[Lack, ...]:
        """What it lacks, as data."""
        return parse(self.lacks, self._known, self.losses)

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

    def reference_of(self, point: Point) -> "Reference":
        """Who is asked for the point. Raises Unimportable with a sentence if that function cannot be had."""
        from parity.references.reference import reference_of  # it imports torch

        answer = self._answering(point.scenario.signature)
        return reference_of(point.scenario) if answer is None else answer.reference

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
            check_words(lacks.values(), [signature, *self._known])
            answer = self._answering(signature)
        except ValueError as error:  # of a loss of one's own it is seen here; of torch's, the declaration is refused
            called, answer = Calling(self.losses[loss], (), "", f"nothing was run: {error}"), None
        notes = [called.note]
        if answer is not None:
            lacks = {**answer.lacks, **lacks}
            notes.append(answer.note)
        absent = {name: Lack("", name, None, ABSENT) for name in called.absent}
        return Contract(
            self.name, signature, self.losses[loss], adapter.wrap(called.function, self.device), self.functions,
            grants={one.word: one for one in self.granted if one.loss in ("", loss)},
            lacks=absent | lacks,
            refusals=adapter.refusals if self.equivalents is None else self.equivalents,
            expected_failures=self.expected_failures, hands_on=adapter.is_reference, origin=self.origin,
            framework=adapter.name, device=self.device, note="; ".join(filter(None, notes)), problem=called.problem,
            around=partial(self._around, signature, called),
            promises=self._promised.get("", frozenset()) | self._promised.get(loss, frozenset()),
        )  # fmt: skip

    def _around(self, signature: Signature, called: Calling, word: str) -> Loss:
        """A loss under the transformation of that word. Raises NotOffered where there is none."""
        wrap, function = self.adapter.around.get(word), called.function
        if wrap is None:
            raise NotOffered(f"{word}: there is none for framework {self.adapter.name}")
        if word == "positional":
            declared = self._declared(signature)
            if declared.arguments or declared.output is not None:
                raise NotOffered("positional: the names of its arguments, or its output, are declared")
            function = self.losses[signature.loss]
        return wrap(signature, function, self.device)

    def functions(self, granted: frozenset[str] = frozenset()) -> Functions:
        """Each loss to be called with any options, in whose calls what is `granted` is in force.

        They raise NotOffered for a call with what it lacks.
        """
        return {name: self._offered(name, granted) for name in self.losses}

    def _offered(self, name: str, granted: frozenset[str]) -> Loss:
        def call(**arguments: Any) -> Result:
            contract = self.contract(name).granting(granted)
            if contract.lacks:
                lack = contract.lacking(facts_of_call(name, arguments, contract.signature.defaults))
                if lack is not None:
                    raise NotOffered(lack.said)
            return contract.call(**{word: value for word, value in arguments.items() if word not in contract.lacks})

        return call

"""A declared reference and a loss -> who answers in torch's place, what its points take, what is varied over them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from parity.cases.checks import LABEL
from parity.cases.errors import nearest
from parity.cases.literals import label
from parity.cases.reference import Named, Unimportable
from parity.cases.scenario import Scenario
from parity.cases.signature import Signature, read_signature
from parity.cases.vary import ROWS, adapted, rows
from parity.implementations.lacks import Lack
from parity.implementations.naming import naming

if TYPE_CHECKING:
    from parity.references.reference import Reference

# What may answer in torch's place: a callable of tensors, or its name, 'mylib.eager:cross_entropy'.
Answerer: TypeAlias = Callable[..., Any] | str
Vary: TypeAlias = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, eq=False)
class Answering:
    """A function that answers for a loss in torch's place.

    `signature` is what its points take: the loss's own arguments, and the options that are varied. `lacks` holds the
    options that the function does not have, which neither side is given.
    """

    reference: "Reference"
    signature: Signature
    vary: Vary
    lacks: Mapping[str, Lack]

    @property
    def note(self) -> str:
        """The line about the options that the function does not have."""
        return (
            f"left out of every call, as {self.reference.name} has none: {', '.join(self.lacks)}" if self.lacks else ""
        )

    def asked(self, scenario: Scenario) -> Scenario:
        """A scenario of the loss, as it is asked here."""
        return adapted(scenario, self.signature, self.vary)


def answering(loss: Signature, answerer: Answerer, vary: Vary) -> Answering:
    """How a function answers for a loss. Raises ValueError with a sentence if it cannot."""
    from parity.frameworks.torch import ADAPTER  # they import torch
    from parity.references.reference import own_reference, title

    if isinstance(answerer, str):
        named = Named(answerer, Path.cwd())
        function, name = named.function(), named.title
    elif callable(answerer):
        function, name = answerer, title(answerer)
    else:
        raise Unimportable(f"reference is {type(answerer).__name__}, expected a callable of tensors or module:function")
    plain = ADAPTER.plain(function)
    parameters = {word: one for word, one in loss.parameters.items() if word not in loss.varied}
    own = replace(loss, parameters=parameters, varied=frozenset())
    if vary:
        _check_vary(own, read_signature(name, function, {}), name, vary)
        theirs = read_signature(name, function, {}).parameters
        parameters = parameters | {word: theirs[word] for word in vary}
    signature = replace(loss, parameters=parameters, varied=frozenset(vary))
    called = naming(signature, plain.signature)
    if called.problem:
        raise Unimportable(f"the reference {name} cannot be asked by the names of {loss.loss}: {called.problem}")
    lacks = {word: Lack("", word, None, f"the reference {name} has none") for word in called.absent}
    reference = own_reference(loss.loss, called.applied(plain.function), name, decides=True)
    return Answering(replace(reference, function=function), signature, vary, lacks)


def _check_vary(loss: Signature, theirs: Signature, name: str, vary: Vary) -> None:
    """Raise ValueError with a sentence for an option or a value that cannot be varied."""
    for option, values in vary.items():
        if loss.takes(option):
            raise ValueError(f"vary names {option!r}, which {loss.loss} has: its cases vary it")
        if not theirs.takes(option):
            raise ValueError(f"vary names {option!r}, which {name} does not take{nearest(option, theirs.names)}")
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise ValueError(f"vary gives {option} {values!r}, expected a list of values")
        for value in values:
            if not (value is None or isinstance(value, bool | int | float | str)):
                kind = type(value).__name__
                raise ValueError(f"vary gives {option} a {kind}, expected None, numbers, words, True or False")
        labels = [label(option, value) for value in values]
        for text in labels:
            if labels.count(text) > 1 or len(text) > LABEL:
                raise ValueError(f"vary gives {option} the value {text[:LABEL]} twice, or at too great a length")
    found = len(rows(vary))
    if found > ROWS:
        raise ValueError(f"vary makes {found} points of each, expected at most {ROWS}")

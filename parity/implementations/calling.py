"""A declared callable and a loss -> the function that is called, what it cannot be given, why it cannot be called."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from parity.cases.signature import Signature
from parity.frameworks.adapters import Adapter
from parity.frameworks.callables import Plain
from parity.frameworks.compiled import as_written
from parity.implementations.environment import built_already, of_tensors, unready
from parity.implementations.naming import Naming, naming, same

# What `arguments` may be: names by name, or the names of those that go by position, in order.
Arguments: TypeAlias = Mapping[str, str] | Sequence[str]
# What `output` may be: the place or the key of the loss in what is returned; by loss, if they differ in it.
Output: TypeAlias = int | str | Mapping[str, int | str] | None


@dataclass(frozen=True, slots=True)
class Calling:
    """`function` takes the loss's own names. `absent` are options that its signature does not offer; `note` tells them.

    `problem` says in a sentence why it cannot be called at all; '' if it can.
    """

    function: Callable[..., Any]
    absent: tuple[str, ...]
    note: str
    problem: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared about a call: the adapter and device, and the names, the output and the lacks of this loss."""

    adapter: Adapter
    device: str = "cpu"
    arguments: Arguments = ()
    output: int | str | None = None
    lacks: Collection[str] = ()


def calling(signature: Signature, function: Callable[..., Any], declared: Declared) -> Calling:
    """How a callable is called for a loss. Raises Misnamed if a declared name is not there."""
    plain = declared.adapter.plain(function)
    found = naming(signature, plain.signature, declared.arguments)
    problem = (
        unready(declared.adapter, declared.device)
        or of_tensors(function, declared.adapter, plain.signature)
        or found.problem
        or _built(signature, function, plain, declared.lacks)
    )
    note = _note(signature, found, declared.lacks)
    if problem:
        more = f"; {note}" if note and problem == found.problem else ""
        note, problem = "", f"nothing was run: {problem}{more}"
    return Calling(found.applied(plain.function, declared.output), found.absent, note, problem)


def _note(loss: Signature, found: Naming, lacks: Collection[str]) -> str:
    """The line about options that its signature does not offer, names that look like theirs, and other defaults."""
    notes = []
    absent = [name for name in found.absent if name not in lacks]
    if absent:
        pairs = {name: own for name, own in found.proposed.items() if name in absent}
        alike = " and ".join(f"{name} seems to be its {own}" for name, own in pairs.items())
        hint = f"; {alike}: declare arguments={pairs!r}" if pairs else ""
        notes.append(f"not offered by its signature: {', '.join(absent)}{hint}")
    other = {name: value for name, value in found.defaults.items() if name not in lacks}
    if other:
        own = " and ".join(f"{found.names.get(name, name)}={value!r}" for name, value in other.items())
        theirs = " and ".join(f"{name}={loss.default(name)!r}" for name in other)
        said = "its default is {}, that of {} {}: functools.partial binds another"
        if len(other) > 1:
            said = "its defaults are {}, those of {} {}: functools.partial binds others"
        notes.append(said.format(own, loss.loss, theirs))
    return "; ".join(notes)


def _built(loss: Signature, function: Callable[..., Any], plain: Plain, lacks: Collection[str]) -> str:
    """The sentence about a module that was built with options which a case may vary; '' if all of them are declared."""
    words = {word.partition("=")[0] for word in lacks}
    built = {name: value for name, value in plain.built.items() if loss.takes(name)}
    other = {name: value for name, value in built.items() if not same(value, loss.default(name))}
    undeclared = {name: value for name, value in built.items() if name not in words}
    if not other and not undeclared:
        return ""
    name = type(as_written(function)).__name__
    return built_already(loss.loss, name, other or undeclared, [] if other else list(undeclared))


def arguments_of(signature: Signature, arguments: Arguments, taken: inspect.Signature | None, alone: bool) -> Arguments:
    """The declared names that are meant for a loss.

    'cross_entropy.input' is meant for that loss; 'input' for each that takes it and whose function, which takes
    `taken`, has the name that is declared; `alone` says that there is no other loss.
    """
    if not isinstance(arguments, Mapping):
        return arguments
    own = {}
    for word, name in arguments.items():
        scope, dot, rest = word.partition(".")
        if dot and scope == signature.loss:
            own[rest] = name
        elif not dot and (alone or (signature.takes(word) and _takes(taken, name))):
            own.setdefault(word, name)
    return own


def _takes(taken: inspect.Signature | None, name: str) -> bool:
    if taken is None:
        return True
    kinds = {parameter.kind for parameter in taken.parameters.values()}
    return name in taken.parameters or inspect.Parameter.VAR_KEYWORD in kinds

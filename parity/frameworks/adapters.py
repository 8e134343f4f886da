"""The frameworks that a loss may be written in, found when one is named: how each of its callables is wrapped."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from parity.cases.errors import nearest
from parity.frameworks.callables import Plain, plain
from parity.types import Loss

# Where each is: imported only when it is named, since its framework may not be installed.
HOMES = {"numpy": "parity.frameworks.numpy", "torch": "parity.frameworks.torch"}


@dataclass(frozen=True)
class Adapter:
    """One framework.

    `wrap` takes a callable and a device to a loss of arrays. `option` is what becomes of an option of a case: its
    name and value to the framework's value. `refusals` maps a class that torch raises to the names of the classes
    that may stand for it here, besides its subclasses. `is_reference` says that a callable may hand on torch's own
    answer, so that nobody is accused of what torch leaves undefined. `plain` makes a plain function of a callable, with
    what it takes; `wrap` is given such ones. `unready` says in a few words why nothing can run on a device, or None.
    """

    name: str
    wrap: Callable[[Callable[..., Any], str], Loss]
    option: Callable[[str, Any], Any]
    refusals: Mapping[str, Collection[str]] = field(default_factory=dict)
    is_reference: bool = False
    plain: Callable[[Callable[..., Any]], Plain] = plain
    unready: Callable[[str], str | None] = lambda device: None


def adapter(framework: "str | Adapter") -> Adapter:
    """The adapter of that name, or the one given. Raises KeyError with a sentence for a name that there is not."""
    if isinstance(framework, Adapter):
        return framework
    if framework not in HOMES:
        raise KeyError(f"there is no framework {framework!r}{nearest(framework, HOMES)}")
    found: Adapter = import_module(HOMES[framework]).ADAPTER
    return found

"""The implementations a run can name: our NumPy losses, the textbook formulas, and the user's own."""

import importlib
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from typing import Any

from parity import losses
from parity.cases.errors import nearest
from parity.implementations.declaration import Implementation, Misdeclared
from parity.libraries import textbook

_COMPLEX = "torch computes some of it, which is no likelihood and no distance: refused by choice"
# What our own losses refuse though torch answers; no case asks for it.
LACKS = {
    f"{loss}.complex": _COMPLEX
    for loss in ("gaussian_nll_loss", "poisson_nll_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss")
}


def numpy_losses() -> Implementation:
    """The hand-written NumPy losses of parity.losses. They raise torch's own exception classes."""
    return Implementation("numpy", losses=losses.LOSSES, equivalents={}, lacks=LACKS)


def textbook_losses() -> Implementation:
    """The formulas as the articles print them."""
    return Implementation("textbook", losses=textbook.LOSSES, lacks=textbook.LACKS)


def torch_losses() -> Implementation:
    """Torch itself, wrapped like any other implementation: the suite must find nothing wrong with it."""
    from parity.references.torch import FUNCTIONS

    return Implementation("torch", "torch", FUNCTIONS)


SHIPPED: dict[str, Callable[[], Implementation]] = {
    "numpy": numpy_losses, "textbook": textbook_losses, "torch": torch_losses,
}  # fmt: skip


@cache
def named(name: str) -> Implementation:
    """The implementation of that name, or the one that ``module:NAME`` points to.

    Raises Misdeclared with a sentence if there is none.
    """
    if name in SHIPPED:
        return replace(SHIPPED[name](), origin=name)
    module_name, _, attribute = name.partition(":")
    if not attribute:
        raise Misdeclared(f"there is no implementation {name!r}{nearest(name, SHIPPED)}, or module:NAME of your own")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Misdeclared(f"implementation {name}: {module_name} cannot be imported: {error}") from None
    found: Any = getattr(module, attribute, None)
    if not isinstance(found, Implementation):
        there = [n for n, value in vars(module).items() if isinstance(value, Implementation)]
        sentence = f"implementation {name}: {module_name} has no parity.Implementation called {attribute!r}"
        raise Misdeclared(sentence + nearest(attribute, there))
    return replace(found, origin=name)


def served(implementations: Collection[Implementation] = ()) -> dict[str, Collection[str]]:
    """The losses of every implementation that a case file may name in an xfail."""
    known: dict[str, Collection[str]] = {"numpy": losses.LOSSES, "textbook": textbook.LOSSES, "torch": losses.LOSSES}
    return known | {implementation.name: implementation.losses for implementation in implementations}

"""What an implementation may do otherwise than torch, because it says so: clauses that are waived, wider tolerances."""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parity import losses
from parity.cases.signature import signature_of
from parity.dtypes import FLOATING
from parity.spelling import nearest
from parity.types import Clause

BECAUSE = "because"
SECOND = "second derivative"
SUBJECTS = ("output", "gradient", SECOND)
# As in a scenario of its own: beyond, an answer of nothing but zeros would soon pass.
WIDEST = {"rtol": 0.1, "atol": 1.0}
# What only shows how far the rest agrees: no word grants it.
RANK = "the rank of the output or of a gradient"
GRADIENT_DTYPE = "the dtype of a gradient"
_NUMBER = re.compile(rf"\s*([-+.\deE]+)(?:\s+{BECAUSE}\s+(.*\S))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing that is granted: for which loss ('' for all), its word, its reason, and the tolerance if it is one."""

    loss: str
    word: str
    reason: str
    rtol: float = 0.0
    atol: float = 0.0

    def covers(self, dtype: str, subject: str) -> bool:
        """Whether it is a tolerance for such an answer: 'output', 'gradient of input', 'second derivative by input'."""
        own = self.word.split(" ", 1)
        named = own[0] in FLOATING
        about = own[1] if named and len(own) > 1 else "" if named else self.word
        return (not named or own[0] == dtype) and (not about or f"{subject} ".startswith(f"{about} "))

    def __str__(self) -> str:
        amount = "".join(f" {name} {value:g}" for name, value in (("rtol", self.rtol), ("atol", self.atol)) if value)
        return f"{self.word}{amount}" + (f": {self.reason}" if self.reason else "")


def clauses(entries: Collection[str] | Mapping[str, str], served: Collection[str]) -> Iterator[Grant]:
    """The clauses that `differs` waives. Raises ValueError with a sentence for what means nothing."""
    if isinstance(entries, str):
        raise ValueError(f"differs is the text {entries!r}, expected a list or a mapping of texts")
    for entry in entries:
        loss, word = scoped(str(entry), served)
        if word not in tuple(Clause):
            raise ValueError(f"nothing that may differ is called {entry!r}{nearest(word, map(str, Clause))}")
        _served(str(entry), loss, served)
        yield Grant(loss, word, entries[entry] if isinstance(entries, Mapping) else "")


def tolerances(entries: Mapping[str, Any], served: Collection[str]) -> Iterator[Grant]:
    """The tolerances of one's own, each with a reason. Raises ValueError with a sentence for what means nothing."""
    if not isinstance(entries, Mapping):
        example = "{'float16 gradient': '2e-3 because it is summed in float16'}"
        raise ValueError(f"tolerance is {entries!r}, expected a mapping such as {example}")
    shared = entries.get(BECAUSE, "")
    own = list(served)
    known_losses = [loss for loss in own if loss in losses.LOSSES]
    arguments = {f"gradient of {name}" for loss in known_losses for name in signature_of(loss).names}
    for entry, value in entries.items():
        if entry == BECAUSE:
            continue
        loss, word = scoped(str(entry), own)
        _served(str(entry), loss, own)
        first, _, rest = word.partition(" ")
        subject = rest if first in FLOATING else word
        open = len(known_losses) < len(own) and subject.startswith("gradient of ")  # what one's own takes is not known
        if (subject or first not in FLOATING) and subject not in (*SUBJECTS, *arguments) and not open:
            known = [*FLOATING, *(f"{dtype} {part}" for dtype in FLOATING for part in SUBJECTS), *SUBJECTS]
            raise ValueError(f"no tolerance is for {entry!r}{nearest(word, known)}")
        bounds, reason = _amount(entry, value)
        reason = reason or shared
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"the tolerance {entry!r} has no reason: write '2e-3 because ...', or give 'because' too")
        yield Grant(loss, word, reason, **bounds)


def _amount(entry: str, value: Any) -> tuple[dict[str, float], Any]:
    """rtol and atol, and the reason if one is given with them."""
    reason: Any = ""
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {"rtol": value}
    if isinstance(value, str):
        read = _NUMBER.fullmatch(value)
        given, reason = {"rtol": read[1] if read else value}, read[2] if read else ""
    amounts = {}
    for name, amount in given.items():
        if name == BECAUSE:
            reason = amount
            continue
        if name not in WIDEST:
            raise ValueError(f"the tolerance {entry!r} says {name!r}{nearest(name, [*WIDEST, BECAUSE])}")
        try:
            number = math.nan if isinstance(amount, bool) else float(amount)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number <= WIDEST[name]:
            raise ValueError(f"the tolerance {entry!r} is {amount!r}, expected a number up to {WIDEST[name]:g}")
        amounts[name] = number
    if not any(amounts.values()):
        raise ValueError(f"the tolerance {entry!r} allows nothing, expected a number above 0")
    return amounts, reason


def scoped(entry: str, served: Collection[str]) -> tuple[str, str]:
    """The loss that an entry is about, '' for all, and the rest of it."""
    scope, dot, rest = entry.partition(".")
    return (scope, rest) if dot and scope in (*losses.LOSSES, *served) else ("", entry)


def _served(entry: str, loss: str, served: Iterable[str]) -> None:
    own = list(served)
    if loss and loss not in own:
        raise ValueError(f"{entry!r} is about {loss}, which is not among its losses{nearest(loss, own)}")

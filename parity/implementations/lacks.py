"""What an implementation lacks, read from words against what there is."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from parity import losses
from parity.cases.errors import nearest
from parity.cases.load import load
from parity.cases.points import Point
from parity.cases.shipped import case_file
from parity.cases.signature import signature_of
from parity.cases.specs import AROUND, LAYOUTS, Spec
from parity.dtypes import NAMES
from parity.frameworks.positional import placed

SECOND = "second derivatives"
GRADIENT = "gradient"
ERRORS = "errors"
WARNINGS = "warnings"
SAVED = "saved inputs"


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is not offered.

    `loss` is the one that it is lacking of, '' for all. `word` is as it was declared: an option, a dtype, a layout,
    'gradient', 'gradient of weight', 'second derivatives', 'errors', 'warnings', 'saved inputs', a transformation such
    as 'vmap'; `value` an option's value, if only that.
    """

    loss: str
    word: str
    value: str | None
    reason: str

    @property
    def said(self) -> str:
        return self.word if self.value is None else f"{self.word}={self.value}"


def parse(entries: Collection[str] | Mapping[str, str], served: Iterable[str]) -> tuple[Lack, ...]:
    """What the entries say of the losses that are served. Raises ValueError with a sentence for what means nothing."""
    if isinstance(entries, str):
        raise ValueError(f"lacks is the text {entries!r}, expected a list or a mapping of texts")
    own = list(served)
    names = {name for loss in own for name in signature_of(loss).names}
    words = {*names, *NAMES, *LAYOUTS, *AROUND, GRADIENT, SECOND, ERRORS, WARNINGS, SAVED}
    words |= {*(f"gradient of {name}" for name in names)}
    found = []
    for entry in entries:
        scope, dot, rest = str(entry).partition(".")
        loss, said = (scope, rest) if dot and scope in losses.LOSSES else ("", str(entry))
        word, equals, value = said.partition("=")
        if word not in words:
            raise ValueError(f"nothing to lack is called {entry!r}{nearest(said, words)}")
        if equals:
            used = {one for name in ([loss] if loss else own) for one in values_of(name, word)}
            if value not in used:
                raise ValueError(f"no case gives {word} the value {value!r}{nearest(value, used)}")
        reason = entries[entry] if isinstance(entries, Mapping) else ""
        found.append(Lack(loss, word, value if equals else None, reason))
    return tuple(found)


@cache
def values_of(loss: str, option: str) -> frozenset[str]:
    """The values that the shipped cases of a loss give to an option, as they are written in `lacks`."""
    if not signature_of(loss).takes(option):
        return frozenset()
    scenarios = load(case_file(loss), dict.fromkeys(("numpy", "textbook", "torch"), losses.LOSSES))
    default = signature_of(loss).default(option)
    given = {str(value) for scenario in scenarios for value in scenario.values(option)}
    return frozenset(given | {str(default)} - {"None"})


def first_used(lacks: Mapping[str, Lack], point: Point) -> Lack | None:
    """The first thing lacking that the point uses; an option at its default is not used."""
    if not lacks:
        return None
    used = {point.dtype, point.around, *point.layouts.values()}
    if point.scenario.case.raises:
        used.add(ERRORS)
    signature = signature_of(point.loss)
    for name, value in point.given.items():
        if isinstance(value, Spec) and value.dtype:
            used.add(value.dtype)
        used.add(f"{name}={value}")
        plain = value is None or isinstance(value, bool | int | float | str)
        if not (plain and value == signature.default(name)):
            used.add(name)
    if point.around == "positional":  # what is lacking has no place, and moves those that come after it
        used |= placed(point.loss, {name: None for name in point.given if name not in lacks})[0].keys()
    return next((lack for said, lack in lacks.items() if said in used), None)

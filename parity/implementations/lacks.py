"""What an implementation lacks, read from words against what there is."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from parity import losses
from parity.cases.errors import nearest
from parity.cases.load import load
from parity.cases.points import Point
from parity.cases.shipped import case_file
from parity.cases.signature import Signature, signature_of
from parity.cases.specs import LAYOUTS, Spec
from parity.dtypes import NAMES
from parity.facts.point import facts_of
from parity.facts.words import WORDS
from parity.implementations.leaving import is_given, is_option

SECOND = "second derivatives"
GRADIENT = "gradient"
ERRORS = "errors"
WARNINGS = "warnings"
SAVED = "saved inputs"
# Two reasons for which a point is not compared.
ABSENT = "its signature has none"
ALIKE = "without it another point makes the same call"


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is not offered.

    `loss` is the one that it is lacking of, '' for all. `word` is as it was declared: an option, a dtype, a layout,
    another fact, such as 'vmap', 'gradient', 'gradient of weight', 'second derivatives', 'errors', 'warnings', 'saved
    inputs'; `value` an option's value, if only that.
    """

    loss: str
    word: str
    value: str | None
    reason: str

    @property
    def said(self) -> str:
        return self.word if self.value is None else f"{self.word}={self.value}"

    def __str__(self) -> str:
        return f"{self.said}: {self.reason}" if self.reason else self.said

    def is_of_call(self, loss: Signature) -> bool:
        """Whether it is a whole option, without which the loss can be called."""
        return self.value is None and is_option(loss, self.word)


def parse(
    entries: Collection[str] | Mapping[str, str], signatures: Collection[Signature], served: Collection[str]
) -> tuple[Lack, ...]:  # fmt: skip
    """What the entries say of the losses that are served. Raises ValueError with a sentence for what means nothing."""
    if isinstance(entries, str):
        raise ValueError(f"lacks is the text {entries!r}, expected a list or a mapping of texts")
    known, others = [loss for loss in served if loss in losses.LOSSES], {*served} - {*losses.LOSSES}
    words = _words(signatures)
    found = []
    for entry in entries:
        scope, dot, rest = str(entry).partition(".")
        loss, said = (scope, rest) if dot and scope in {*losses.LOSSES, *others} else ("", str(entry))
        word, equals, value = said.partition("=")
        open = loss in others or (not loss and bool(others))  # `check_words` has the last word
        if word not in words and not open:
            raise ValueError(f"nothing to lack is called {entry!r}{nearest(said, words)}")
        if equals and not open:
            used = {one for name in ([loss] if loss else known) for one in values_of(name, word)}
            if value not in used:
                raise ValueError(f"no case gives {word} the value {value!r}{nearest(value, used)}")
        reason = entries[entry] if isinstance(entries, Mapping) else ""
        found.append(Lack(loss, word, value if equals else None, reason))
    return tuple(found)


def _words(signatures: Iterable[Signature]) -> set[str]:
    """What may be lacking of losses that take this."""
    names = {name for signature in signatures for name in signature.names}
    words = {*names, *NAMES, *LAYOUTS, *WORDS, GRADIENT, SECOND, ERRORS, WARNINGS, SAVED}
    return words | {f"gradient of {name}" for name in names} | {f"{name} strided" for name in names}


def check_words(lacks: Iterable[Lack], signatures: Iterable[Signature]) -> None:
    """Raise ValueError with a sentence for a word that none of the losses that take this can lack."""
    words = _words(signatures)
    for lack in lacks:
        if lack.word not in words:
            raise ValueError(f"nothing to lack is called {lack.said!r}{nearest(lack.word, words)}")


@cache
def values_of(loss: str, option: str) -> frozenset[str]:
    """The values that the shipped cases of a loss give to an option, as they are written in `lacks`."""
    if not signature_of(loss).takes(option):
        return frozenset()
    scenarios = load(case_file(loss), dict.fromkeys(("numpy", "textbook", "torch"), losses.LOSSES))
    default = signature_of(loss).default(option)
    given = {str(value) for scenario in scenarios for value in scenario.values(option)}
    return frozenset(given | {str(default)} - {"None"})


def used_words(point: Point) -> set[str]:
    """The words that `lacks` may say of the point; an option at its default is not used."""
    names = point.scenario.signature.names
    used = {point.dtype, *point.layouts.values(), *(fact for fact in facts_of(point) if fact not in names)}
    if point.scenario.case.raises:
        used.add(ERRORS)
    for name, value in point.given.items():
        if isinstance(value, Spec) and value.dtype:
            used.add(value.dtype)
        used.add(f"{name}={value}")
        if is_given(point, name):
            used.add(name)
    return used

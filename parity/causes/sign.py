"""What is observed of a failing point: the sign by which points are grouped. A record's first mismatch counts.

The order of the families is that in which a record is looked at, and in which causes are listed: what hides everything
else, wrong values, and last the clauses of the contract that an implementation may declare to be its own.
"""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from parity.comparison.tolerance import magnitude
from parity.dtypes import FLOATING
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.records.sentences import FLUSHES, sentence

# A relative error of float64 below this is one of float32: 25 of its roundings.
SINGLE = 3e-6
DOUBLE = 1e-13
_VARIES = re.compile(r"""(?<!\w)'[^']*'|"[^"]*"|(?<![A-Za-z_])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\bnan\b|\binf\b""")
# In the words of an exception names of dtypes vary as well, and None: 'no kernel for uint8', 'KeyError: None'.
_DTYPES = re.compile(rf"{_VARIES.pattern}|\b(?:u?int|b?float|complex)\d+\b|\b(?:bool|None)\b")
_AUTOCAST = re.compile(r"under autocast \w+")
_ASKED = re.compile(r"asked for the gradient of .* alone \(no leaf\)")
_ABSENT = re.compile(r"^is \{reference\}'s as if (\w+) were absent$")
_BIAS = {
    None: "leans to one side",
    Event.COARSE: "is computed less precisely than {reference}'s",
    Event.OUTLIER: "has elements farther off than {reference}'s",
}
_PLACE = re.compile(r" \([^()]*:\d+\)")


class Family(IntEnum):
    """The kinds of what can be observed, in their order."""

    CASE = 0
    CRASHED = 1
    RAISES = 2
    SHAPE = 3
    NOT_FINITE = 4
    FLUSHED = 5
    ROUNDED = 6
    VALUE = 7
    MISSING = 8
    DTYPE = 9
    ACCEPTS = 10
    CLASS = 11
    EXTRA = 12
    EFFECT = 13
    PASSES = 14

    @property
    def answers(self) -> bool:
        """Whether it is about answers where the reference answers: one bug may show in several of these."""
        return self is Family.RAISES or Family.NOT_FINITE <= self <= Family.MISSING

    @property
    def refuses(self) -> bool:
        """Whether it is about calls that must be refused."""
        return self in (Family.ACCEPTS, Family.CLASS)

    @property
    def clause(self) -> bool:
        """Whether it is a clause of the contract, and no wrong answer."""
        return self >= Family.DTYPE and self is not Family.PASSES

    @property
    def alone(self) -> bool:
        """Whether it is never a sign of what shows in other ways too."""
        return self in (Family.CASE, Family.CRASHED, Family.EXTRA, Family.PASSES)


@dataclass(frozen=True, slots=True)
class Sign:
    """What is observed: points of one `family` and one `key` are alike. `text` tells it, without the point's numbers.

    `raised` is the exception, if there is one, without what varies in its message; `asked` how the call was made, if
    not as the case has it.
    """

    family: Family
    key: str
    text: str
    raised: str = ""
    asked: str = ""

    def alike(self, other: "Sign") -> bool:
        return self.family is other.family and self.key == other.key


def signs_of(record: Record) -> Iterator[tuple[Sign, Mismatch | None]]:
    """The sign of each of a record's mismatches."""
    if not record.mismatches:
        text = f"passes, though it is expected to fail: {record.reason}"
        yield Sign(Family.PASSES, record.reason or "", text), None
    for mismatch in record.mismatches:
        yield _sign(mismatch, record), mismatch


def sign_of(record: Record) -> tuple[Sign, Mismatch | None]:
    """The sign of a record: that of its mismatch of the first family; one that is diagnosed before one that is not."""
    return min(signs_of(record), key=lambda pair: (pair[0].family, pair[1] is None or not pair[1].diagnosis))


def _sign(mismatch: Mismatch, record: Record) -> Sign:
    if mismatch.hint:  # what may be declared is told once, beside the cause
        mismatch = replace(mismatch, hint="")
    if mismatch.asked and mismatch.subject is not Subject.IDENTITY:
        sign = _sign(replace(mismatch, asked=""), record)
        asked = _ASKED.sub("asked for a part of the gradients", mismatch.asked)
        asked = _AUTOCAST.sub("under autocast", asked)
        return replace(sign, key=f"{asked}{sign.key}", text=sign.text, asked=asked)
    kind, figures = mismatch.kind, mismatch.figures
    if mismatch.subject is Subject.PUBLISHED or mismatch.subject is Subject.IDENTITY:
        return _plain(Family.VALUE, mismatch)
    if mismatch.subject is Subject.CASE or kind in (Kind.BROKEN, Kind.PYTEST, Kind.START):
        return _plain(Family.CASE, mismatch)
    if kind in (Kind.CRASH, Kind.TIMEOUT):  # spoilt memory kills by any signal, anywhere
        return Sign(Family.CRASHED, str(kind), sentence(mismatch, "{reference}"))
    if mismatch.subject is Subject.REFUSAL:
        return _of_refusal(mismatch, record)
    if kind is Kind.VALUE:
        return _of_value(mismatch, record)
    if kind is Kind.BIAS:
        how = _BIAS[mismatch.event]
        return Sign(Family.VALUE, how, how)
    if kind is Kind.RAISES and mismatch.event is not Event.SECOND_CALL:  # that is a clause of the contract
        return _plain(Family.RAISES, mismatch, _raised(mismatch))
    if kind is Kind.SHAPE:
        found, expected = len(figures["found"]), len(figures["expected"])
        how = "other sizes" if found == expected else f"rank {found} where {{reference}} has rank {expected}"
        return Sign(Family.SHAPE, how, f"has {how}")
    if kind is Kind.DTYPE:
        return Sign(
            Family.DTYPE, "dtype", f"has dtype {figures['found']} where {{reference}} has {figures['expected']}"
        )
    if kind in (Kind.ENCODING, Kind.TYPE):
        return _plain(Family.RAISES, mismatch)
    if kind is Kind.MISSING:
        return Sign(Family.MISSING, "missing", _without_name(mismatch))
    if kind is Kind.EXTRA:
        return Sign(Family.EXTRA, "extra", _without_name(mismatch))
    return Sign(Family.EFFECT, f"{kind} {mismatch.event}", _PLACE.sub("", sentence(mismatch, "{reference}")))


def _of_refusal(mismatch: Mismatch, record: Record) -> Sign:
    figures, unsafe = mismatch.figures, mismatch.event is Event.UNSAFE
    who = "the case" if unsafe else "{reference}"
    if mismatch.kind is Kind.CLASS:
        found = str(figures["error"]).partition(":")[0]
        text = f"raises {found} where {who} raises {figures['wanted']}"
        return Sign(Family.CLASS, text, text, _raised(mismatch))
    if mismatch.event is Event.LATE:
        return Sign(Family.ACCEPTS, "late", "refuses in the backward alone what {reference} refuses in the forward")
    family = next((word for word in facts_of(record) if word.startswith("refuses ")), "refuses")
    what = family.removeprefix("refuses").strip()
    text = f"answers where {who} refuses the {what}" if what else f"answers where {who} raises {figures['wanted']}"
    return Sign(Family.ACCEPTS, f"{family} {unsafe}", text)


def _of_value(mismatch: Mismatch, record: Record) -> Sign:
    figures, diagnosis = mismatch.figures, mismatch.diagnosis
    found, expected = _number(figures["actual"]), _number(figures["expected"])
    finite = math.isfinite(magnitude(found)) and math.isfinite(magnitude(expected))
    if diagnosis == FLUSHES:
        return Sign(Family.FLUSHED, "flushed", FLUSHES)
    if diagnosis and (finite or not diagnosis.startswith("differs")):
        family = Family.ROUNDED if "rounded to" in diagnosis else Family.VALUE
        if diagnosis.startswith("differs"):  # where it differs is not what is wrong
            return Sign(Family.VALUE, "", diagnosis)
        key = "factor" if "times {reference}'s" in diagnosis else blanked(diagnosis)
        return Sign(family, key, diagnosis.partition(" (a wrong")[0])
    if not finite:
        how = f"{_sort(found)} where {{reference}} has {_sort(expected)}"
        return Sign(Family.NOT_FINITE, how, f"has {how}")
    row = FLOATING.get(figures.get("dtype", record.dtype))
    if row is not None and found == 0 and 0 < magnitude(expected) < row.tiny:
        return Sign(Family.FLUSHED, "flushed", FLUSHES)
    if row is not None and row.double and DOUBLE < figures["relative"] < SINGLE:
        return Sign(Family.ROUNDED, "single", "has no more right digits than float32")
    return Sign(Family.VALUE, "", "differs")


def _plain(family: Family, mismatch: Mismatch, raised: str = "") -> Sign:
    """The sign that is the mismatch's own sentence."""
    text = sentence(mismatch, "{reference}")
    key = _DTYPES.sub("...", _PLACE.sub("", text)) if raised else blanked(_PLACE.sub("", text))
    return Sign(family, key, text, raised)


def _raised(mismatch: Mismatch) -> str:
    return _DTYPES.sub("...", _PLACE.sub("", str(mismatch.figures["error"])))


def _without_name(mismatch: Mismatch) -> str:
    """The sentence without the name of the answer that it is about."""
    return sentence(mismatch, "{reference}").removeprefix(f"{mismatch.what} ")


def blanked(text: str) -> str:
    """The text with its numbers and quotations left out."""
    return _VARIES.sub("...", text)


def common(texts: Collection[str], raised: bool) -> str:
    """What texts have in common that are alike but for what varies, without that; '' for others."""
    pattern = _DTYPES if raised else _VARIES
    parts = [(pattern.split(text), pattern.findall(text)) for text in texts]
    if len({tuple(between) for between, _ in parts}) > 1:
        return ""
    between, varying = parts[0][0], zip(*(found for _, found in parts), strict=True)
    shown = [same[0] if len(set(same)) == 1 else "..." for same in varying]
    return "".join(part + own for part, own in zip(between, [*shown, ""], strict=True))


def ignored(record: Record) -> set[str]:
    """The options without which the reference shows what the record shows."""
    found = set()
    for mismatch in record.mismatches:
        found.update(mismatch.figures.get("ignored", []))
        found.update(_ABSENT.findall(mismatch.diagnosis))
    return found


def facts_of(record: Record) -> list[str]:
    """The facts of a record: of the draw that failed if there is one."""
    return record.facts_at(record.mismatches[0].seed) if record.mismatches else record.facts


def _number(value: Any) -> complex:
    return complex(value)


def _sort(value: complex) -> str:
    """What sort of number it is."""
    if value != value:
        return "nan"
    if magnitude(value) == math.inf:
        return "-inf" if value.real < 0 else "inf"
    return "0" if value == 0 else "a number"

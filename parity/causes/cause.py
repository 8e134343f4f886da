"""A cause: what is wrong, where, at how many points, with the smallest example."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from parity.causes.apart import Condition
from parity.causes.sign import Family, Sign, common, facts_of, ignored, signs_of
from parity.comparison.factors import CONSTANTS
from parity.records.mismatch import Mismatch, Subject
from parity.records.record import Record
from parity.wording import plural

if TYPE_CHECKING:
    from parity.causes.example import Example
    from parity.causes.shrink import Live

NAMED, OTHERS = 3, 2
# So few points hardly tell where a cause shows.
FEW = 2
# An explanation is that of a cause if it is one of so many of its points.
MOSTLY = 0.6
_NUMBERS = re.compile(r" \([^()]*\)$")
# Families whose text is a whole sentence.
_WHOLE = (Family.CASE, Family.CRASHED, Family.RAISES, Family.ACCEPTS, Family.CLASS, Family.EFFECT, Family.PASSES)
_OF_SEVERAL = {
    "is": "are", "has": "have", "differs": "differ", "holds": "hold", "flushes": "flush", "ignores": "ignore",
    "equals": "equal", "leans": "lean", "saturates": "saturate",
}  # fmt: skip

# What is said where the numbers are others at each point.
_VARYING = {
    "... times": "a multiple of", "plus ... throughout": "plus a constant", "minus ... throughout": "minus a constant",
}  # fmt: skip


class Unshrinkable(Exception):
    """Why there is no smaller example; a sentence."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A failing point with what is observed of it; `mismatch` is None if it passes though expected to fail."""

    record: Record
    sign: Sign
    mismatch: Mismatch | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Failing points that are alike, and the facts that tell them from those that pass.

    `seen` holds the failing points, the smallest first; `without` counts those of them that lack the facts.
    `exceptions` are the points that have the facts and agree all the same, `agree` counts the others that agree.
    `everywhere` says that hardly a call gets past the same exception, so that the set-up is to be looked at first.
    `live` has the implementation itself, if it can be asked again.
    """

    implementation: str
    losses: tuple[str, ...]
    sign: Sign
    seen: tuple[Seen, ...]
    condition: Condition
    without: int = 0
    exceptions: tuple[Record, ...] = ()
    agree: int = 0
    everywhere: bool = False
    live: "Live | None" = field(default=None, compare=False, repr=False)

    def shrink(self, budget: "str | float | None" = None) -> "Example":
        """The smallest failing point made smaller: at most a few elements an array, in at most a second, or `budget`.

        Raises Unshrinkable with a sentence if there is none: what was read from a file has no function to be asked.
        """
        if self.live is None:
            raise Unshrinkable(
                f"{self.example.id} was read from a file, and {self.implementation} itself is not here: "
                f"ask it again with parity.check, or repeat the point: {self.example.repeat}"
            )
        return self.live.shrunk(self.seen[0], budget)

    @property
    def points(self) -> tuple[Record, ...]:
        """The failing points, the smallest first."""
        return tuple(one.record for one in self.seen)

    @property
    def example(self) -> Record:
        """The smallest failing point."""
        return self.seen[0].record

    @property
    def family(self) -> Family:
        return self.sign.family

    @property
    def facts(self) -> tuple[str, ...]:
        """The words of the condition, as they stand in `where`."""
        return self.condition.words

    @property
    def where(self) -> str:
        """The condition as an expression of facts; '' if the points have nothing in common that others lack."""
        return str(self.condition)

    @property
    def observed(self) -> str:
        """What is wrong, without where: 'output and gradient of input differ'."""
        own = [one for one in self.seen if one.sign.alike(self.sign)]
        others: dict[tuple[Family, str], list[Seen]] = defaultdict(list)
        for one in self.seen:
            if self._adds(one.sign):
                others[one.sign.family, one.sign.key].append(one)
        most = sorted(others.values(), key=lambda alike: -len(alike))[:OTHERS]
        more = [f"at {plural(len(alike), 'point')} {_in_words(alike)}" for alike in most]
        against = next((one.mismatch.against for one in own if one.mismatch is not None), "")
        return "; ".join([_in_words(own), *more]).replace("{reference}", against or self.example.reference)

    def _adds(self, sign: Sign) -> bool:
        """Whether a sign says something besides the main one's."""
        if sign.raised and sign.raised == self.sign.raised:  # the same exception, of a call that is made otherwise
            return False
        own, other = (one.key.removeprefix(one.asked) for one in (self.sign, sign))
        return bool(other) and (sign.family, other) != (self.sign.family, own)

    @property
    def scope(self) -> str:
        """Where the points are, as a part of the sentence: 'only with weight'; '' where nothing tells them apart."""
        if self.everywhere:
            return "at nearly every point, so look at the set-up first"
        if not self.where:
            return "so few points do not tell where" if self.few and (self.agree or self.exceptions) else ""
        return f"perhaps {self.only}, since few points tell little" if self.few else self.only

    @property
    def only(self) -> str:
        """The condition in words: 'only with weight'."""
        return f"only {'where' if self.condition.terms[0].absent else 'with'} {self.where}"

    @property
    def few(self) -> bool:
        """Whether there are so few points that the condition is a guess."""
        return len(self.seen) <= FEW

    @property
    def counts(self) -> list[str]:
        """How many points are not as the facts say, and how many others agree."""
        told = []
        if self.without and not self.everywhere:
            told.append(f"{self.without:,} of them without these facts")
        if self.exceptions and not self.everywhere:
            count = len(self.exceptions)
            told.append(plural(count, "point with these facts agrees", "points with these facts agree"))
        agree = self.agree + len(self.exceptions) * self.everywhere
        if agree:
            told.append(plural(agree, "other point agrees", "other points agree"))
        return told

    @property
    def sentence(self) -> str:
        """The cause in one sentence, as it follows '287 points: '."""
        said = f"{self.observed}: {self.scope}" if self.scope else self.observed
        return "; ".join([said, *self.counts])

    def as_data(self) -> dict[str, Any]:
        """It as plain data, its points by their ids."""
        return {
            "sentence": self.sentence, "losses": list(self.losses), "where": self.where, "facts": list(self.facts),
            "points": [record.id for record in self.points], "exceptions": [record.id for record in self.exceptions],
        }  # fmt: skip

    def __str__(self) -> str:
        return f"{', '.join(self.losses)}: {plural(len(self.seen), 'point')}: {self.sentence}"


def _in_words(alike: list[Seen]) -> str:
    """What is observed of points that are alike: 'output and gradient of input have their signs flipped'."""
    sign = alike[0].sign
    text = _varying({one.sign.text for one in alike}, bool(sign.raised)) if sign.key else _common(alike)
    for varying, word in _VARYING.items():
        text = text.replace(varying, word)
    names = _subjects(alike)
    if len(names) > 1:
        verb, _, rest = text.partition(" ")
        text = f"{_OF_SEVERAL.get(verb, verb)} {rest.replace('its sign', 'their signs')}".strip()
    because = _because(alike) if sign.key.endswith("factor") else ""
    if sign.family in (Family.SHAPE, Family.DTYPE):
        absent = sorted(set.intersection(*(ignored(one.record) for one in alike)))
        because = f", as if {' or '.join(absent)} were absent" if absent else ""
    return f"{sign.asked}{f'{_listed(names)} {text}'.strip()}{because}"


def _common(seen: list[Seen]) -> str:
    """The text that most of the points have, up to its numbers; a mere 'differs' if that is none."""
    counts = Counter(one.sign.text.partition(":")[0] for one in seen)
    best, count = counts.most_common(1)[0]
    texts = {one.sign.text for one in seen}
    return min(texts) if len(texts) == 1 else best if count >= MOSTLY * len(seen) else "differs"


def _varying(texts: set[str], raised: bool) -> str:
    """One text for several that differ in their numbers alone."""
    if shared := common(texts, raised):
        return shared
    words = [text.split() for text in sorted(texts)]
    most = min(map(len, words)) - 1  # of each text a word is left that tells it from the others
    start = min(_alike(words), most)
    end = min(_alike([text[::-1] for text in words]), most - start)
    differ = [" ".join(text[start : len(text) - end]) for text in words]
    more = f" and {len(differ) - NAMED} more such" if len(differ) > NAMED else ""
    return " ".join([*words[0][:start], ", ".join(differ[:NAMED]) + more, *words[0][len(words[0]) - end :]])


def _alike(texts: list[list[str]]) -> int:
    """How many words all texts begin with."""
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, zip(*texts, strict=False)))


def _because(seen: list[Seen]) -> str:
    """What the factors of most of the points are, if one explanation is theirs, or what they are divided by."""
    known = [one.mismatch.figures.get("because", []) if one.mismatch is not None else [] for one in seen]
    ratios = [[_NUMBERS.sub("", text) for text in texts] for texts in known]
    divisors = [[below for text in texts if (below := text.partition(" / ")[2]) not in ("", *CONSTANTS)]
                for texts in ratios]  # fmt: skip
    for words, texts in ((": ", ratios), (", as if divided by ", divisors)):
        counts = Counter(text for several in texts for text in dict.fromkeys(several))
        best, count = counts.most_common(1)[0] if counts else ("", 0)
        if count >= MOSTLY * len(seen) and not best.isdigit():
            return f"{words}{best}"
    return ""


def _subjects(seen: list[Seen]) -> list[str]:
    """The answers that the sign is about, the output first, then the most frequent; none if its text names them."""
    first = seen[0]
    warns = first.mismatch is not None and first.mismatch.subject is Subject.WARNING
    if first.sign.family in _WHOLE or first.sign.text.startswith("the ") or warns:
        return []
    counts: Counter[str] = Counter()
    for one in seen:
        alike = (mismatch for sign, mismatch in signs_of(one.record) if mismatch is not None and sign.alike(one.sign))
        counts.update(list(dict.fromkeys(mismatch.what for mismatch in alike)))  # a set would be in another order
    return [name for name, _ in sorted(counts.items(), key=lambda one: (one[0] != "output", -one[1]))]


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def size(record: Record) -> tuple[Any, ...]:
    """What makes an example a small one, to be sorted by: its largest answer that differs, then the fewest facts."""
    sizes = [mismatch.figures["size"] for mismatch in record.mismatches if "size" in mismatch.figures]
    return max(sizes, default=1 << 30), len(facts_of(record)), record.id

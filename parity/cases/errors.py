"""The one error of the case reader: sentences that name the file, the line and the column."""

from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

TOLD = 20
# Among so many words the nearest is looked for, and by so many characters of each; of more words, among the few
# beside the misspelt one in the alphabet.
WORDS = 100
BESIDE = 20
COMPARED = 40
LISTED = 1000


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a case file, counted from 1."""

    line: int
    column: int


class CaseError(Exception):
    """A case file that cannot be used: every sentence names its place."""

    def __init__(self, path: Path | str, problems: Iterable[tuple[Mark, str]]) -> None:
        self.problems = sorted(set(problems))
        lines = [f"{path}:{mark.line}:{mark.column}: {text}" for mark, text in self.problems[:TOLD]]
        if len(self.problems) > TOLD:
            lines.append(f"{path}: and more")
        super().__init__("\n".join(lines))


def nearest(word: object, words: Iterable[str]) -> str:
    """'; did you mean ...?' with the word nearest to a misspelt one, or the words there are."""
    known, text = sorted(words), str(word)[:80]
    after = bisect(known, text)
    likely = known if len(known) <= WORDS else known[max(after - BESIDE, 0) : after + BESIDE]
    of = {one[:COMPARED]: one for one in reversed(likely)}
    close = get_close_matches(text[:COMPARED], of, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {quoted(of[close[0]])}?"
    listed = ", ".join(known)
    return f"; expected one of {listed}" if 0 < len(known) <= 40 and len(listed) <= LISTED else ""


def quoted(text: str) -> str:
    """A text of a case file in quotes, cut short if it is long."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")

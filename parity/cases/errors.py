"""The one error of the case reader: sentences that name the file, the line and the column."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

TOLD = 20


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
    known = sorted(words)
    close = get_close_matches(str(word)[:80], known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(known)}" if 0 < len(known) <= 40 else ""


def quoted(text: str) -> str:
    """A text of a case file in quotes, cut short if it is long."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")

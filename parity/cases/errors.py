"""The one error of the case reader: a sentence that names the file, the line and the column."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a case file, counted from 1."""

    line: int
    column: int


class CaseError(Exception):
    """A case file that cannot be used: every sentence names its place."""

    def __init__(self, path: Path | str, problems: Iterable[tuple[Mark, str]]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(f"{path}:{mark.line}:{mark.column}: {text}" for mark, text in self.problems))


def nearest(word: object, words: Iterable[str]) -> str:
    """' (did you mean ...?)' with the word nearest to a misspelt one, or the words there are."""
    known = sorted(words)
    close = get_close_matches(str(word), known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(known)}" if 0 < len(known) <= 40 else ""

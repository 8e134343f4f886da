"""The one error of the case reader: sentences that name the file, the line and the column."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from parity.spelling import nearest as nearest
from parity.spelling import quoted as quoted

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

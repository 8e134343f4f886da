"""The mutants that mean the same as the original: each named in equivalent/MODULE.yaml, with the reason.

An entry quotes the statement and its mutants. It is found again by `Change.key`, so that a name may change; where
the same statement stands in two functions of a module and the reason holds for one, `within` names that one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.mutation.changes import Change

FOLDER = Path(__file__).parent / "equivalent"


@dataclass(frozen=True)
class Entry:
    """One mutant that no case can tell from the original, and why."""

    change: Change
    because: str

    def names(self, change: Change) -> bool:
        """Whether this is the change that the entry names."""
        return self.change.key == change.key and self.covers(change.function)

    def covers(self, function: str) -> bool:
        """Whether the entry is about this function, or one inside it."""
        return not self.change.function or f"{function}.".startswith(f"{self.change.function}.")


def entries(module: str) -> Iterator[Entry]:
    """The entries for a module of the losses, by its name without a suffix."""
    file = FOLDER / f"{module}.yaml"
    for group in yaml.safe_load(file.read_text()) if file.exists() else []:
        for was, mutants in group["changes"].items():
            for mutant in mutants:
                yield Entry(Change(was, mutant, group.get("within", "")), group["because"])


class Excuses:
    """The entries for a module, by what they change."""

    def __init__(self, module: str) -> None:
        self.by_key: dict[str, list[Entry]] = {}
        for entry in entries(module):
            self.by_key.setdefault(entry.change.key, []).append(entry)

    def __contains__(self, change: Change) -> bool:
        return any(entry.names(change) for entry in self.by_key.get(change.key, ()))

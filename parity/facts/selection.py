"""A text that says which points are meant: a point id, a pattern of ids, or an expression of facts."""

from collections.abc import Container
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from parity.facts.expression import Expression, Misspelt, parse

# Every id has a /, and a pattern something that stands for more than itself; no fact has either.
_OF_IDS = frozenset("/*?[")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which points are meant: those with ids of a pattern, or, with an expression, those of which it holds."""

    text: str
    expression: Expression | None

    def holds(self, id: str, facts: Container[str]) -> bool:
        """Whether the point of this id, with these facts, is meant."""
        if self.expression is None:
            return id == self.text or fnmatchcase(id, self.text)
        return self.expression.holds(facts)


@lru_cache(1024)
def selection(text: str) -> Selection:
    """What a text says. Raises Misspelt for one that is neither a pattern of ids nor an expression of facts."""
    if not _OF_IDS.isdisjoint(text):
        return Selection(text, None)
    try:
        return Selection(text, parse(text))
    except Misspelt as error:
        raise Misspelt(
            f"nothing is called {text!r}: without / or * it is no pattern of point ids, and {error}"
        ) from None

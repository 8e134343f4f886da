"""The facts of a point for whoever asks: its arrays are drawn once a fact is asked for that only they show."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from parity.cases.points import Point
from parity.draws.draw import Plan
from parity.facts.draw import facts_of_draw, facts_of_upstream
from parity.facts.point import facts_of
from parity.facts.selection import selection
from parity.facts.words import UPSTREAM, drawn

# So many of a point's draws are looked at where points are only chosen.
LOOKED_AT = 3


def meant(point: Point, seeds: Sequence[int], texts: Iterable[str]) -> bool:
    """Whether one of the texts means the point: its id, a pattern of ids, or an expression of facts.

    Raises Misspelt for a text that is none of these.
    """
    facts: PointFacts | None = None
    for text in texts:
        chosen = selection(text)
        if chosen.expression is not None and facts is None:
            facts = PointFacts(point, seeds[:LOOKED_AT])
        if chosen.holds(point.id, facts or ()):
            return True
    return False


class PointFacts:
    """Which facts a point has, as `in` asks it: a fact that only arrays show, if one of the seeds shows it.

    Arrays are drawn when the first such fact is asked for, seed by seed, and the reference is asked only where a fact
    of the upstream gradient is.
    """

    def __init__(self, point: Point, seeds: Sequence[int]) -> None:
        self.point, self.seeds = point, seeds
        self._facts: list[frozenset[str]] = []
        self._upstream: list[frozenset[str]] = []
        self._plan: Plan | None = None

    @cached_property
    def specified(self) -> frozenset[str]:
        """The facts that the specification shows."""
        return facts_of(self.point)

    def __contains__(self, word: object) -> bool:
        if not drawn(str(word)):
            return word in self.specified
        of = self._of_upstream if word in UPSTREAM else self._of_arrays
        return any(word in of(number) for number in range(len(self.seeds)))

    def _of_arrays(self, number: int) -> frozenset[str]:
        while len(self._facts) <= number:
            self._facts.append(facts_of_draw(self.point.loss, self._drawn(len(self._facts))[0]))
        return self._facts[number]

    def _of_upstream(self, number: int) -> frozenset[str]:
        while len(self._upstream) <= number:
            self._upstream.append(self._asked(len(self._upstream)))
        return self._upstream[number]

    def _drawn(self, number: int) -> tuple[dict[str, Any], Any]:
        """The arguments, and the case's own upstream gradient; nothing where they cannot be drawn."""
        try:
            self._plan = self._plan or Plan(self.point)
            return self._plan.arguments(self.seeds[number])
        except Exception:  # the point itself tells it when it is run
            return {}, None

    def _asked(self, number: int) -> frozenset[str]:
        from parity.engine.state import known_state
        from parity.references.torch import TORCH

        arguments, grad_output = self._drawn(number)
        if grad_output is None and self._plan is not None and self.point.refusal is None:
            try:
                with known_state():
                    output = TORCH[self.point.loss](**arguments)[0]
            except Exception:  # the point itself tells it when it is run
                return frozenset()
            grad_output = self._plan.grad_output(output, self.seeds[number])
        return frozenset() if grad_output is None else facts_of_upstream(grad_output)

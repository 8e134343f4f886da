"""What the points of a run have shown of one loss: a further point of a known cause costs a comparison."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from parity.records.mismatch import Mismatch, Subject
from parity.references.answers import Answers

# So many points are explained whatever it costs, and after them one of each scenario, until so many answers that look
# alike, or like nothing, have been tried to explain in vain.
FIRST, VAIN = 8, 32


@dataclass(slots=True)
class Experience:
    """Of one loss of one implementation, in one run; no verdict on a right loss depends on it.

    `found` holds the explanations that were right at some point, in words: they are tried before all others.
    `early` says that the last point differed in an answer: then the next one may well differ at its first draw.
    `in_vain` counts how often no better explanation was found of what looks the same, in words.
    `wrong` counts the answers that no allowance helps, whatever it may be.
    `answers` are the reference's of earlier runs, if they are kept.
    """

    answers: Answers | None = None
    found: set[str] = field(default_factory=set)
    early: bool = False
    wrong: int = 0
    in_vain: Counter[str] = field(default_factory=Counter)
    _searched: int = 0
    _scenarios: set[str] = field(default_factory=set)

    @property
    def known(self) -> bool:
        """Whether the loss is known to be wrong."""
        return self.wrong >= FIRST

    def gives_up(self, plain: str) -> bool:
        """Whether no better explanation is looked for of what looks like this, in words; '' is like nothing."""
        return self.in_vain[plain] >= (FIRST if plain else VAIN)

    def searches(self, scenario: str) -> bool:
        """Whether a point of the scenario is to be explained whatever it costs; asked once for a point."""
        wanted = self._searched < FIRST or scenario not in self._scenarios
        self._searched += wanted
        self._scenarios.add(scenario)
        return wanted

    def learn(self, mismatches: Iterable[Mismatch]) -> None:
        """Keep what a point has shown."""
        self.early = any(one.subject in (Subject.OUTPUT, Subject.GRADIENT) for one in mismatches)

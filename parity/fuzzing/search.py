"""The search: of a few calls that are drawn the one is run in which the rarest facts meet."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from parity.fuzzing.asking import Asker, Drawn
from parity.fuzzing.changes import calls
from parity.fuzzing.vocabulary import Call, Vocabulary

# So many calls are drawn for one that is run, and so many are run between two looks at what Hypothesis has learnt.
CANDIDATES, ROUND = 3, 60
# A call that is refused tells less than one that is answered.
REFUSED = 0.25


@dataclass
class Rarity:
    """How often each two facts were seen together."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def of(self, drawn: Drawn) -> float:
        """How much is new about a point: pairs of facts, each the more the rarer it is."""
        new = sum(1 / (1 + self.counts[pair]) for pair in _pairs(drawn))
        return new * REFUSED if drawn.point.refusal else new

    def saw(self, drawn: Drawn) -> None:
        self.counts.update(_pairs(drawn))


def _pairs(drawn: Drawn) -> list[tuple[str, str]]:
    return list(combinations(sorted(drawn.facts), 2))


def search(
    vocabulary: Vocabulary, asker: Asker, run: Callable[[Drawn], None], until: float, base: int = 0
) -> Rarity:  # fmt: skip
    """Draw and run calls until a time, by `time.monotonic`; `base` is the seed of the first round. What was seen."""
    rarity = Rarity()
    seen: set[str] = set()

    def one(drawn: Sequence[Call]) -> None:
        if time.monotonic() >= until:
            return
        made = [found for found in map(asker.ask, drawn) if found is not None and found.point.id not in seen]
        if not made:
            target(0.0)
            return
        best = max(made, key=rarity.of)
        target(rarity.of(best))
        seen.add(best.point.id)
        rarity.saw(best)
        run(best)

    several = st.lists(calls(vocabulary), min_size=CANDIDATES, max_size=CANDIDATES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a wild call warns of is no news
        warnings.simplefilter("ignore", HypothesisWarning)
        while time.monotonic() < until:
            _settled(given(several)(one), base)()
            base += 1
    return rarity


def _settled(test: Callable[[], None], base: int) -> Callable[[], None]:
    """The test as Hypothesis runs it: what is found is kept and made smaller here, so it neither raises nor replays."""
    phases = (Phase.generate, Phase.target)
    own = settings(
        max_examples=ROUND, phases=phases, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    return own(seed(base)(test))

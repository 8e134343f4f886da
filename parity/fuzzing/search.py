"""The search: of a few calls that are drawn the one is run in which the rarest facts meet."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from parity.fuzzing.asking import Asker, Drawn
from parity.fuzzing.changes import calls
from parity.fuzzing.vocabulary import Call, Vocabulary

# So many calls are drawn for one that is run, and so many are run before Hypothesis begins anew.
CANDIDATES, ROUND = 3, 200


@dataclass
class Rarity:
    """How often each two facts were seen together."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def of(self, drawn: Drawn) -> float:
        """How much is new about a point: pairs of facts, each the more the rarer it is."""
        return sum(1 / (1 + self.counts[pair]) for pair in _pairs(drawn))

    def saw(self, drawn: Drawn) -> None:
        self.counts.update(_pairs(drawn))


def _pairs(drawn: Drawn) -> list[tuple[str, str]]:
    return list(combinations(sorted(drawn.facts), 2))


def search(
    vocabulary: Vocabulary, asker: Asker, run: Callable[[Drawn], None], until: float, base: int = 0,
    most: int | None = None,
) -> Rarity:  # fmt: skip
    """Draw and run calls until a time, by `time.monotonic`; at `most` so many. `base` is the seed of the
    first round. Returns what was seen."""
    rarity = Rarity()
    seen: set[str] = set()

    def over() -> bool:
        return time.monotonic() >= until or (most is not None and len(seen) >= most)

    def one(drawn: Sequence[Call]) -> None:
        if over():
            return
        made = [found for found in map(asker.sketch, drawn) if found is not None]
        best = asker.ask(max(made, key=rarity.of)) if made else None
        if best is None or best.point.id in seen:
            return
        seen.add(best.point.id)
        rarity.saw(best)
        run(best)

    several = st.lists(calls(vocabulary), min_size=CANDIDATES, max_size=CANDIDATES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a wild call warns of is no news
        warnings.simplefilter("ignore", HypothesisWarning)
        while not over():
            _settled(given(several)(one), base)()
            base += 1
    return rarity


def _settled(test: Callable[[], None], base: int) -> Callable[[], None]:
    """The test as Hypothesis runs it: what is found is kept and made smaller here, so it neither raises nor replays."""
    own = settings(
        max_examples=ROUND, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    return own(seed(base)(test))

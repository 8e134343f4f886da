"""How many planted bugs the relations find with torch never asked: python -m tests.planted.found_alone [step].

A bug counts as found at a point where the right loss agrees with itself; each has so many seconds.
"""

import sys
import time

from parity import losses
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.question import points
from parity.references.torch import FUNCTIONS
from tests.planted import Bug, catalogue
from tests.planted.test_planted import spread

SECONDS = 3.0


def found_alone(bug: Bug) -> bool:
    """Whether some relation fails in the bug, and in no right loss."""
    known = FUNCTIONS if bug.framework == "torch" else losses.LOSSES
    wrong, right = (
        Implementation("planted", bug.framework, {bug.loss: function}, reference={bug.loss: None})
        for function in (bug.function, known[bug.loss])
    )
    chosen = list(spread(one for one in points(bug.loss, wrong) if one.plain))
    end = time.monotonic() + SECONDS
    for point in chosen:
        if time.monotonic() > end:
            break
        if run_point(point, wrong, [0, 1]).mismatches and not run_point(point, right, [0, 1]).mismatches:
            return True
    return False


def main(step: int) -> None:
    """Print which bugs of every `step`-th of the catalogue are found, and how many."""
    chosen = [bug for bug in catalogue() if bug.cases is None][::step]
    found = 0
    for bug in chosen:
        seen = found_alone(bug)
        found += seen
        print("found" if seen else "not found", bug.id, flush=True)
    print(f"{found} of {len(chosen)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)

"""torch.compile without a way out: each point is compiled afresh, a fallback to eager raises, and it is counted.

After a few recompilations torch.compile gives up and runs the function as it is, without a word.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

# More than the layouts, gradients and draws of one point can ask for.
RECOMPILATIONS = 256


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether torch.compile made this callable, or the function or module that it wraps or is a method of."""
    inside: Any = function
    while inside is not None:
        owner = getattr(inside, "__self__", inside)
        if any(hasattr(one, mark) for one in (inside, owner) for mark in ("_torchdynamo_orig_callable", "_orig_mod")):
            return True
        inside = inside.func if isinstance(inside, partial) else getattr(inside, "__wrapped__", None)
    return False


@contextmanager
def fresh_compilation() -> Iterator[Callable[[], int]]:
    """Forget what was compiled, and let no call fall back to eager; what is given counts the frames compiled since."""
    import torch._dynamo.config
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    before = counters["frames"]["ok"]
    limits: dict[str, Any] = {"recompile_limit": RECOMPILATIONS, "accumulated_recompile_limit": RECOMPILATIONS}
    with torch._dynamo.config.patch(**limits, fail_on_recompile_limit_hit=True, suppress_errors=False):
        yield lambda: int(counters["frames"]["ok"] - before)


def frames_compiled() -> int:
    """How many frames of this process torch has compiled so far."""
    if "torch._dynamo" not in sys.modules:
        return 0
    from torch._dynamo.utils import counters

    return int(counters["frames"]["ok"])

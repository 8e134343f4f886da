"""What lives as long as a run, torch and thousands of points, is nothing for the garbage collector to go through."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Hide what there is from the garbage collector meanwhile, unless the program hides what it likes itself."""
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def ends_soon() -> None:
    """Say that this process is there for a run alone: an interpreter that ends would go through all of it, thrice."""
    atexit.register(gc.freeze)

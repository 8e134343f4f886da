"""What a run hides from the garbage collector, it gives back; what a program hides itself stays hidden."""

import gc
import subprocess
import sys

import pytest

import parity
from parity import losses
from parity.engine.lasting import lasting

_AT_THE_END = """
import atexit, gc, sys
from typer.testing import CliRunner
atexit.register(lambda: print(gc.get_freeze_count() > 0))
from parity.cli import app
CliRunner().invoke(app, sys.argv[1:])
"""


@pytest.mark.parametrize("before", [0, 1])
def test_a_check_gives_the_garbage_collector_back(before: int) -> None:
    if before:
        gc.freeze()
    count = gc.get_freeze_count()
    try:
        with lasting():
            assert gc.get_freeze_count()
        assert parity.check("mse_loss", losses.mse_loss, depth="smoke")
        assert gc.isenabled()
        assert bool(gc.get_freeze_count()) == bool(count)
    finally:
        gc.unfreeze()


def test_a_command_ends_without_a_search_for_garbage() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _AT_THE_END, "facts"], capture_output=True, text=True, timeout=120, check=True
    )
    assert ended.stdout == "True\n"

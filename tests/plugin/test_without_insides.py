"""A pytest that keeps its classes of reports and expressions elsewhere: everything is told as before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin import user

# An import that fails where parity asks for pytest's insides.
RUN = """
import builtins, sys

def without(name, globals=None, *rest, **named):
    if name.startswith("_pytest") and globals and globals.get("__name__") == "parity.plugin.internals":
        raise ImportError(name)
    return given(name, globals, *rest, **named)

given, builtins.__import__ = builtins.__import__, without
from parity.plugin import internals
builtins.__import__ = given
import pytest
assert internals.TerminalRepr is object and internals.Expression is None
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("chosen", "failed"), [("", 4), ("none", 2)])
def test_failures_are_told_without_pytests_own_classes(tmp_path: Path, chosen: str, failed: int) -> None:
    user.write(tmp_path)
    (tmp_path / "test_mine.py").write_text(
        "import parity, mylib\n\n"
        "@parity.parametrize('mse_loss', mylib.double, cases='cases/mse_loss.yaml')\n"
        "def test_parity(point):\n    point.check()\n"
    )
    arguments = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--parity-implementation", "mylib:IMPLEMENTATION"]
    arguments += ["-k", chosen] if chosen else []
    told = subprocess.run(
        [sys.executable, "-c", RUN, "cases", "test_mine.py", *arguments], cwd=tmp_path, text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )  # fmt: skip
    assert told.returncode == 1, told
    assert f"{failed} failed" in told.stdout
    assert "output is 2 times torch's throughout" in told.stdout
    assert "FAILED cases/mse_loss.yaml::mse_loss/" in told.stdout
    assert "INTERNALERROR" not in told.stdout + told.stderr

"""A user's repository for the tests of the plugin, and pytest run in it as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

# In-process runs forget what they were the first to import; C extensions such as PyYAML's do not survive that.
import parity.cases.load
import parity.engine.run  # noqa: F401

MSE = """
loss: mse_loss
cases:
  - name: plain grid
    given: {input: {normal: [3]}, target: {normal: [3]}}
    across: {reduction: [none, mean]}
"""
L1 = """
loss: l1_loss
cases:
  - name: only this
    given: {input: {normal: [3]}, target: {normal: [3]}}
"""
LIBRARY = """
import time
import parity
from parity import losses

def double(**arguments):
    output, vjp = losses.mse_loss(**arguments)
    return output * 2, vjp

def mean_alone(**arguments):
    output, vjp = losses.mse_loss(**arguments)
    return output * 2 if output.ndim else output, vjp

def asleep(**arguments):
    time.sleep(60)

def told(function, **more):
    return parity.Implementation("mylib", losses={"mse_loss": function, "l1_loss": losses.l1_loss}, **more)

IMPLEMENTATION = parity.Implementation("mylib", losses={"mse_loss": double})
EXPECTED = parity.Implementation("mylib", losses={"mse_loss": double}, expected_failures={"*": "twice too large"})
TRUE = parity.Implementation("mylib", losses={"mse_loss": losses.mse_loss}, expected_failures={"*mean*": "no more"})
MIXED = told(mean_alone, lacks={"l1_loss.input": "not yet"})
ASLEEP = told(asleep)
"""
# Of four points one fails, one is skipped and two pass.
GRID = MSE.replace("[none, mean]", "[none, mean, sum]")


def write(folder: Path, *, mse: str = MSE) -> Path:
    """A repository with cases of its own and a library of its own."""
    (folder / "cases").mkdir()
    (folder / "cases" / "mse_loss.yaml").write_text(mse)
    (folder / "cases" / "l1_loss.yaml").write_text(L1)
    (folder / "mylib.py").write_text(LIBRARY)
    return folder


def pytest_in(folder: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m pytest` in that folder. `path` is where more plugins are installed."""
    environment = dict(os.environ) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "", "PYTEST_ADDOPTS": ""}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
    )

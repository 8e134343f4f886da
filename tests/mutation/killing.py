"""One mutant against the cases, in a forked process: the engine stays as it is, only parity.losses is anew."""

import ast
import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.shipped import case_folder
from parity.engine.run import run_point
from parity.frameworks import numpy
from parity.implementations.declaration import Implementation
from parity.implementations.registry import LACKS, served
from parity.losses import LOSSES
from parity.references.conventions import probed

SURVIVED, KILLED, INCOMPETENT = 0, 1, 2
SECONDS = 300


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module of parity.losses in a text rather than in its file."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def get_source(self, fullname: str) -> str:
        return self.source


def all_points() -> dict[str, list[Point]]:
    """The points of every loss, refusals first: they cost least."""
    found: dict[str, list[Point]] = {}
    for path in sorted(case_folder().glob("*.yaml")):
        scenarios = [scenario for scenario in load(path, served()) if scenario.case.depth == "default"]
        scenarios.sort(key=lambda scenario: (not scenario.case.raises, scenario.seeds == 1))
        found[scenarios[0].loss] = [point for scenario in scenarios for point in expand(scenario)]
    return found


def outcome(module: Path, source: str, losses: Sequence[str], points: dict[str, list[Point]]) -> int:
    """SURVIVED, KILLED or INCOMPETENT (not even imported), found out in a child process.

    A mutant that takes more than `SECONDS` of CPU time is killed.
    """
    child = os.fork()
    if not child:
        code = KILLED
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            code = _judge(module, source, losses, points)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else KILLED


def _judge(module: Path, source: str, losses: Sequence[str], points: dict[str, list[Point]]) -> int:
    implementation = mutated(module, source)
    if implementation is None:
        return INCOMPETENT
    if not implementation.losses.keys() >= set(losses):
        return KILLED  # a loss is no longer registered
    for seeds in (range(1), range(1, 3)):
        for loss in losses:
            for point in points.get(loss, ()):
                if run_point(point, implementation, seeds[: point.scenario.seeds]).unexpected:
                    return KILLED
    return SURVIVED


def mutated(module: Path, source: str) -> Implementation | None:
    """The losses of this process with one module in another text, from now on; None if it cannot be imported."""
    for name in [name for name in sys.modules if name.startswith("parity.losses")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Mutated(f"parity.losses.{module.stem}", source))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            losses = importlib.import_module("parity.losses")
    except Exception:
        return None
    sys.modules["parity.losses.conventions"].follow(probed())
    importlib.reload(numpy)  # it builds options of them: distance functions, and those of linear_cross_entropy
    return Implementation("mutant", losses=losses.LOSSES, equivalents={}, lacks=LACKS)


def losses_through(module: Path) -> list[str]:
    """The losses that a module defines, and all others that use it."""
    return [name for name, loss in LOSSES.items() if module.stem in _imported(loss.__module__)]


@cache
def _imported(name: str) -> frozenset[str]:
    """The modules of the losses that one of them imports, and itself, by their last names."""
    found = {name.rpartition(".")[2]}
    for node in ast.walk(ast.parse(Path(str(importlib.import_module(name).__file__)).read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("parity.losses."):
            found |= _imported(str(node.module))
    return frozenset(found)

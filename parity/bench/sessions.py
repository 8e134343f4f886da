"""Processes that are timed from outside: pytest with the stopwatch, and cold starts."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from parity.bench import plain
from parity.bench.sample import files
from parity.cases.shipped import case_folder


@dataclass(frozen=True, slots=True)
class Session:
    """The CPU seconds of one pytest run, start-up and summary left out."""

    collection: float
    loop: float
    items: int
    failed: int


def suite(ids: Sequence[str]) -> Session:
    """The cases of these points through the plugin, on the NumPy losses, all their default seeds."""
    return _session([str(path) for path in files(ids)], ids)


def plain_tests(ids: Sequence[str]) -> Session:
    """The same draws as plain tests, an item each, without the plugin."""
    return _session([plain.__file__, "-p", "no:parity"], ids)


def collection(*words: str) -> Session:
    """Collection alone, of all case files or of what `words` select."""
    return _session([str(case_folder()), "--collect-only", *words])


def _session(words: Sequence[str], ids: Sequence[str] = ()) -> Session:
    with TemporaryDirectory() as folder:
        points, times = Path(folder, "points"), Path(folder, "times")
        command = ["-m", "pytest", "-q", "-p", "parity.bench.stopwatch", "--bench-times", str(times), *words]
        command += ["-o", f"cache_dir={folder}"]
        if "no:parity" not in words:
            command += ["--parity-implementation", "numpy"]
        if ids:
            points.write_text("\n".join(ids), encoding="utf-8")
            command += ["--bench-points", str(points)]
        done = subprocess.run(
            [sys.executable, *command], cwd=_root(), env=_environment(), capture_output=True, text=True, check=False
        )
        if not times.exists():
            raise RuntimeError(f"pytest {' '.join(words)} did not run:\n{done.stdout}{done.stderr}")
        seen = json.loads(times.read_text(encoding="utf-8"))
    return Session(seen["collection"], seen.get("loop", 0.0), seen.get("items", 0), seen.get("failed", 0))


def import_torch() -> float:
    """Seconds from the start of a process to the end of ``import torch``."""
    return _first_output(["-c", "import torch; print('.', flush=True)"])


def first_verdict(path: Path, point: str) -> float:
    """Seconds from the start of pytest to the verdict of one point, when its dot is printed."""
    return _first_output(["-m", "pytest", "-q", "-p", "no:cacheprovider", f"{path}::{point}"])


def help_time(*command: str) -> float:
    """CPU seconds of a process that writes a command's help."""
    before, words = os.times(), [sys.executable, "-m", "parity", *command, "--help"]
    subprocess.run(words, cwd=_root(), env=_environment(), stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _first_output(command: Sequence[str]) -> float:
    start = perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], cwd=_root(), env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        seconds = perf_counter() - start
        rest = process.stdout.read()
    if first != b".":
        raise RuntimeError(f"{' '.join(command)} gives no verdict:\n{(first + rest).decode(errors='replace')}")
    return seconds


def _root() -> Path:
    return case_folder().parent


def _environment() -> dict[str, str]:
    """The environment without what a user's own pytest options and an uncached import would add."""
    return {name: value for name, value in os.environ.items()
            if name not in ("PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE")}  # fmt: skip

"""What tests of every folder need: a case file of a text, the points of a text, and texts kept as golden files."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.implementations.registry import served

# What is kept from run to run is not the user's here.
_CACHES = tempfile.TemporaryDirectory(prefix="parity-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHES.name
# On a build machine the same examples each time: what a fresh one finds belongs to whoever is at work on it.
settings.register_profile("build", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("build")


@pytest.fixture
def case_file(tmp_path: Path) -> Callable[[str], Path]:
    """A function that writes the text of a case file, and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "case.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def points(case_file: Callable[[str], Path]) -> Callable[[str], list[Point]]:
    """A function from the text of a case file to its points, in their order."""

    def read(text: str) -> list[Point]:
        return [point for scenario in load(case_file(text), served()) for point in expand(scenario)]

    return read


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function that compares a text with the file of that name in the folder golden/ beside the test.

    With UPDATE_GOLDEN=1 in the environment it writes the file instead, and the test is skipped: read the diff.
    """

    def compare(name: str, text: str) -> None:
        path = request.path.parent / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            pytest.skip(f"wrote {path.name}: look at what has changed in it")
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; UPDATE_GOLDEN=1 writes it anew"

    return compare

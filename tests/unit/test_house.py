"""The rooms of the package: a lower one knows nothing of a higher one, and no module is too long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import parity

HOME = Path(parity.__file__).parent
MODULES = sorted(path for path in HOME.rglob("*.py") if "shipped" not in path.parts)
TESTS = sorted(Path(__file__).parents[1].rglob("*.py"))
# From the ground up; rooms of one line may not know each other.
FLOORS = [
    ["types", "errors", "plain", "spelling", "wording"], ["dtypes"], ["losses"], ["facts"], ["cases"], ["draws"],
    ["libraries"], ["frameworks"], ["references"], ["implementations"], ["records"], ["comparison"], ["engine"],
    ["causes"], ["report"], ["authoring"], ["question"], ["api"], ["fuzzing"], ["plugin", "cli", "bench"], ["__main__"],
]  # fmt: skip
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
LINES = 300


def room_of(path: Path) -> str:
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The rooms that a module imports from, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "parity":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names if alias.name in HEIGHT]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("parity."))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HOME)))
def test_no_module_looks_up(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    above = {other for other in imported(path) if other != room and HEIGHT[other] >= HEIGHT[room]}
    assert not above, f"{path.relative_to(HOME)} is below {sorted(above)}, and imports from there"


@pytest.mark.parametrize("path", MODULES + TESTS, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_module_is_longer_than_a_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES

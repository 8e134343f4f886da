"""The way in which each mutant that is named equivalent is tried by the fuzzer."""

from pathlib import Path

import pytest

from tests.mutation.changes import Change
from tests.mutation.equivalent import FOLDER, Entry, entries
from tests.mutation.fuzzed import HOME, source_of, told

MODULES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
HUBER = Change("return clipped * grad_errors", "return clipped + grad_errors", "huber_loss")


@pytest.mark.parametrize("module", MODULES)
def test_every_entry_makes_a_module(module: str) -> None:
    original = (HOME / f"{module}.py").read_text()
    for entry in entries(module):
        source = source_of(HOME / f"{module}.py", entry)
        assert source is not None, entry.change.was
        assert source != original


def test_a_mutant_that_is_no_equivalent_is_told() -> None:
    assert "gradient of input" in told(HOME / "regression.py", Entry(HUBER, "it is not"), 1)


def test_an_entry_without_its_statement_is_told() -> None:
    gone = Entry(Change("return 12345", "return 54321"), "gone")
    assert told(Path(HOME / "regression.py"), gone, 1) == "its statement is gone: return 12345"

"""Every entry of equivalent/ still names a mutant: a line that is gone, or was never mutated so, is told."""

import ast
from functools import cache
from pathlib import Path

import pytest

from parity import losses
from tests.mutation.changes import Change, change, nameless, parsed, statements
from tests.mutation.equivalent import FOLDER, Entry, Excuses, entries

MODULES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def statements_of(module: str) -> dict[str, list[str]]:
    """The statements of a module without their names, and the functions that each stands in."""
    found: dict[str, list[str]] = {}
    source = Path(losses.__file__).parent / f"{module}.py"
    for one in statements(ast.parse(source.read_text())):
        found.setdefault(nameless(one.was, {}), []).append(one.function)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_entry_quotes_a_statement_of_its_module(module: str) -> None:
    for entry in entries(module):
        functions = statements_of(module).get(nameless(entry.change.was, {}), [])
        assert any(map(entry.covers, functions)), f"{module}.yaml: no statement {entry.change.was}"


@pytest.mark.parametrize("module", MODULES)
def test_every_entry_is_a_mutant_that_cosmic_ray_makes(module: str) -> None:
    mutants = pytest.importorskip("tests.mutation.mutants", reason="cosmic-ray is installed by make mutate")
    made: dict[str, set[str]] = {}
    for entry in entries(module):
        was = entry.change.was
        if was not in made:
            made[was] = {one.key for one in mutants.mutants_of(entry.change)}
        assert entry.change.key in made[was], f"{module}.yaml: no mutant {entry.change.mutant}"


def changed(before: str, after: str) -> Change:
    found = change(ast.parse(before), ast.parse(after))
    assert found is not None
    return found


SOURCE = "def f(x, scale):\n    if x.size > 0 and x.ndim == 2:\n        return np.exp(x) * scale\n    return x\n"


def test_a_change_is_the_statement_alone() -> None:
    found = changed(SOURCE, SOURCE.replace("> 0", ">= 0"))
    assert found == Change("if x.size > 0 and x.ndim == 2:", "if x.size >= 0 and x.ndim == 2:", "f")


def test_a_change_of_names_leaves_the_key() -> None:
    renamed = SOURCE.replace("scale", "factor").replace("x", "array").replace("np.earrayp", "np.exp")
    for old, new in (("> 0", ">= 0"), ("* ", "/ ")):
        assert changed(SOURCE, SOURCE.replace(old, new)).key == changed(renamed, renamed.replace(old, new)).key


@pytest.mark.parametrize("other", ["np.exp(x) - scale", "np.log(x) / scale", "np.exp(x) / x"])
def test_another_change_has_another_key(other: str) -> None:
    found = changed(SOURCE, SOURCE.replace("np.exp(x) * scale", "np.exp(x) / scale"))
    assert changed(SOURCE, SOURCE.replace("np.exp(x) * scale", other)).key != found.key


def test_a_message_may_be_told_in_other_words() -> None:
    one, other = "raise E(f'dim is {-dim}, {x}')", "raise E(f'expected {-dim} or {x}')"
    assert changed(one, one.replace("-", "+")).key == changed(other, other.replace("-", "+")).key


def test_a_decorator_stands_alone() -> None:
    found = changed("@loss\ndef f(): pass", "def f(): pass")
    assert (found.was, found.mutant) == ("@loss", "")
    assert parsed(found.was)


def test_an_entry_within_a_function_is_of_that_function_alone() -> None:
    entry = Entry(Change("if x > 0:", "if x >= 0:", "f"), "never 0")
    assert entry.names(Change("if y > 0:", "if y >= 0:", "f.vjp"))
    assert not entry.names(Change("if y > 0:", "if y >= 0:", "fast"))


def test_what_no_entry_names_is_not_excused() -> None:
    assert Change("if beta > 0:", "if beta < 0:", "smooth_l1_loss") not in Excuses("regression")

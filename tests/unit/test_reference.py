"""A case file that names its reference: where the function is found, what is read of it, what is told if not."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.cases.points import expand
from parity.cases.reference import Named, Unimportable
from parity.cases.signature import read_signature, signature_of
from parity.cases.specs import Uniform
from parity.cases.vary import adapted, rows
from parity.draws.draw import Plan

LOSS = """
def own_loss(input, target, weight=None, *, tau: float = 1.0, dims=(0, 1), reduction="mean"):
    return ((input - target) ** 2).mean() * tau
not_callable = 3
"""
HEAD = "loss: own_loss\nreference: {}\ncases:\n  - name: some case\n    given: {{input: {{normal: [3]}}, {}}}\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """A function that writes a module below a folder of its own, and forgets it in the end."""
    known, path = set(sys.modules), list(sys.path)
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str = LOSS) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    yield write
    sys.path[:] = path
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize("place", ["project/cases/near.py", "project/near.py", "near.py"])
def test_a_module_is_found_beside_the_case_file_above_it_and_where_one_works(
    tmp_path: Path, module: Callable[..., Path], place: str
) -> None:
    module(place)
    module("project/pyproject.toml", "")
    folder = tmp_path / "project" / "cases"
    folder.mkdir(exist_ok=True)
    assert Named("near:own_loss", folder).function().__name__ == "own_loss"


def test_a_module_of_a_package_is_found_from_the_root_of_the_project(
    tmp_path: Path, module: Callable[..., Path]
) -> None:
    module("project/pyproject.toml", "")
    module("project/mine/eager.py")
    deep = tmp_path / "project" / "tests" / "cases"
    deep.mkdir(parents=True)
    assert Named("mine.eager:own_loss", deep).function().__module__ == "mine.eager"


def test_two_modules_of_one_name_are_not_taken_for_one_another(tmp_path: Path, module: Callable[..., Path]) -> None:
    for folder in ("one", "two"):
        module(f"{folder}/twin.py")
    assert Named("twin:own_loss", tmp_path / "one").function().__name__ == "own_loss"
    with pytest.raises(Unimportable, match=r"twin is taken from .*one.twin.py, expected .*two.twin.py: two modules"):
        Named("twin:own_loss", tmp_path / "two").function()
    for name in ("__init__", "eager"):
        module(f"three/twin/{name}.py")
    with pytest.raises(Unimportable, match=r"twin is taken from .*one.twin.py, expected .*three.twin.*: two modules"):
        Named("twin.eager:own_loss", tmp_path / "three").function()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mine", "found 'mine', expected module:function, such as mylib.eager:focal_loss"),
        ("mine:.", "expected module:function"),
        ("3:x", "expected module:function"),
        ("elsewhere:own_loss", "elsewhere cannot be imported: there is no such module in "),
        ("mine:own_los", "mine has no function 'own_los'; did you mean 'own_loss'?"),
        ("mine:not_callable", "mine:not_callable is int, expected a function of tensors"),
        ("broken:own_loss", "broken cannot be imported: ZeroDivisionError: division by zero (broken.py:1)"),
        ("exits:own_loss", "exits cannot be imported: SystemExit: 3"),
    ],
)
def test_a_reference_that_cannot_be_had_is_a_sentence_with_its_place(
    tmp_path: Path, module: Callable[..., Path], name: str, says: str
) -> None:
    module("mine.py")
    module("broken.py", "1 / 0")
    module("exits.py", "raise SystemExit(3)")
    path = module("own.yaml", HEAD.format(name, "target: {normal: [3]}"))
    with pytest.raises(CaseError) as error:
        load(path, {})
    assert str(error.value).startswith(f"{path}:2:12: ")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("targets: 1", "own_loss has no argument 'targets'; did you mean 'target'?"),
        ("weight: {normal: [3]}", "gives no target, which own_loss needs"),
        ("target: [1.0, 2.0, 3.0], tau: fast", "tau is not a text"),
        ("target: {normal: [3]}, tau: {norm: 3}", "tau is an option, found a mapping"),
    ],
)
def test_what_the_reference_does_not_take_is_told(module: Callable[..., Path], given: str, says: str) -> None:
    module("taking.py")
    path = module("own.yaml", HEAD.format("taking:own_loss", given))
    with pytest.raises(CaseError, match=re.escape(says)):
        load(path, {})


def test_arrays_are_seen_from_annotations_and_from_what_the_cases_give() -> None:
    def loss(input, target, gamma=2.0, weight=None, dims=(0, 1), scale: "torch.Tensor" = 1.0, k: int = 3):  # type: ignore  # noqa: F821
        pass

    found = read_signature("loss", loss, {"input": [Uniform(uniform=[2])], "target": [[1.0, 2.0]], "gamma": [1.0]})
    assert found.arrays == {"input", "target", "scale"}
    assert found.numbers_too == {"scale"}
    assert found.required == ["input", "target"]
    assert not found.takes_text("gamma")
    assert found.takes_number("gamma")
    assert found.takes_text("weight")
    with_gamma = read_signature("loss", loss, {"gamma": [1.0, Uniform(uniform=[2])]})
    assert "gamma" in with_gamma.arrays & with_gamma.numbers_too


@pytest.mark.parametrize("function", [lambda *args: None, len, lambda: None])
def test_a_function_without_names_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(Unimportable):
        read_signature("loss", function, {})


def test_a_plain_number_is_no_array(points: Callable[[str], list[Any]]) -> None:
    given = "{input: {normal: [3]}, target: {number: 2}, var: {number: 0.5}}"
    text = f"loss: gaussian_nll_loss\ncases:\n  - name: some case\n    given: {given}\n"
    (point,) = points(text)
    arguments, _ = Plan(point).arguments(0)
    assert (arguments["target"], arguments["var"]) == (2, 0.5)
    assert type(arguments["target"]) is int
    assert point.arrays == ["input"]


def test_every_pair_of_varied_values_stands_together_in_few_rows() -> None:
    assert rows({"a": [None, 30.0]}) == [("a=null",), ("a=30.0",)]
    assert len(rows({"a": [1, 2], "b": [1, 2, 3]})) == 6
    vary = {name: [0, 1, 2] for name in "abcde"}
    found = rows(vary)
    assert len(found) < 25
    pairs = {(i, j, row[i], row[j]) for row in found for i in range(5) for j in range(i)}
    assert len(pairs) == 10 * 9


def test_a_scenario_runs_only_the_rows_that_are_chosen(points: Callable[[str], list[Any]]) -> None:
    given = "{input: [1.0], target: [2.0]}\n    raises: {ValueError: ''}"
    (point,) = points(f"loss: mse_loss\ncases:\n  - name: some case\n    given: {given}\n")
    scenario = point.scenario
    other = adapted(scenario, signature_of("mse_loss"), {name: [0, 1, 2] for name in "abcd"})
    assert len(list(expand(other))) == len(other.rows) < 81
    assert other.case.raises is None

"""The losses that torch lacks, under examples/: enough cases of each, right by witnesses that know nothing of torch."""

import doctest
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from examples import by_hand, eager
from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.draws.draw import Plan
from parity.engine.run import run_point
from parity.facts.draw import facts_of_draw
from parity.facts.point import facts_of
from parity.implementations.declaration import Implementation
from parity.implementations.registry import served
from parity.report.coverage import coverage
from tests.cases.test_central_differences import assert_derivatives, try_loss
from tests.cases.test_no_false_alarms import in_double
from tests.planted import BUGS, EXAMPLES, catalogue

NAMES = by_hand.__all__
EAGER = Implementation("eager", "torch", {name: getattr(eager, name) for name in NAMES})
EVERY = 7
# What the cases of each loss are about, whatever it takes.
FACTS = {
    "float32", "float64", "float16", "bfloat16", "contiguous", "transposed", "sliced", "expanded", "not contiguous",
    "empty", "large", "nan", "infinite values", "upstream infinite", "upstream with zeros", "refuses shape",
}  # fmt: skip


def points_of(name: str) -> list[Point]:
    return [point for scenario in load(EXAMPLES / f"{name}.yaml", served()) for point in expand(scenario)]


def test_each_loss_is_there_twice_and_has_its_cases() -> None:
    assert sorted(NAMES) == sorted(eager.__all__) == sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_are_about_the_loss_and_enough(name: str) -> None:
    scenarios = load(EXAMPLES / f"{name}.yaml", served())
    assert len(scenarios) >= 20
    assert {str(scenario.reference and scenario.reference.text) for scenario in scenarios} == {f"examples.eager:{name}"}
    assert any(scenario.case.equals for scenario in scenarios)
    assert coverage(EXAMPLES / f"{name}.yaml").missing == []
    assert scenarios[0].path.read_text().startswith("# yaml-language-server: $schema=../../cases/schema.json\n")
    found: Counter[str] = Counter()
    for point in points_of(name):
        found.update(facts_of(point))
        with np.errstate(divide="ignore"):
            arguments, grad_output = Plan(point).arguments(0)
        if sum(value.size for value in arguments.values() if isinstance(value, np.ndarray)) < 1000:
            found.update(facts_of_draw(name, arguments, grad_output))
    assert not FACTS - found.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_by_hand_is_the_derivative_of_the_output(name: str) -> None:
    with np.errstate(all="ignore"):
        assert_derivatives(try_loss(name, getattr(by_hand, name), EXAMPLES / f"{name}.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_eager_reference_is_green_beside_itself(name: str) -> None:
    """Its second derivatives and parts of its gradients too."""
    records = [run_point(point, EAGER, [7]) for point in points_of(name)[::EVERY]]
    assert len(records) > 20
    assert not [str(record) for record in records if record.unexpected]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_in_float64_that_is_rounded_once_is_green(name: str) -> None:
    """But for the cases that say why a better answer than the reference's is another; each of them has such a point."""
    implementation = Implementation("in double", "torch", {name: in_double(getattr(eager, name))})
    points = points_of(name)
    drawn = [point for point in points[::EVERY] if not point.scenario.case.better]
    records = [run_point(point, implementation, [1]) for point in drawn]
    assert not [str(record) for record in records if record.unexpected]
    for scenario in {point.scenario for point in points if point.scenario.case.better}:
        own = [point for point in points if point.scenario is scenario]
        verdicts = {run_point(point, implementation, [1]).verdict for point in own}
        assert verdicts & {"failed", "nearer than torch"}


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_gives_a_worked_number(name: str) -> None:
    function = getattr(by_hand, name)
    module = sys.modules[function.__module__]
    (found,) = doctest.DocTestFinder(recurse=False).find(function, name, globs=dict(vars(module)))
    assert found.examples, f"{name} has no worked number"
    assert doctest.DocTestRunner().run(found).failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_three_bugs_are_planted_in_it(name: str) -> None:
    catalogue()
    assert sum(bug.loss == name for bug in BUGS) >= 3


def test_an_identity_calls_what_stands_beside_the_reference() -> None:
    """By the implementation's own function, where it has one."""
    beside = [point for point in points_of("dice_loss") if "tversky_loss(" in str(point.scenario.case.equals)]
    wrong = Implementation("wrong", losses={"dice_loss": by_hand.dice_loss, "tversky_loss": by_hand.dice_loss})
    assert beside
    for point in beside:
        assert not run_point(point, EAGER, [0]).unexpected
        found = run_point(point, wrong, [0]).mismatches
        assert {mismatch.against for mismatch in found} == {"the loss itself"}


def test_a_misspelt_neighbour_of_the_reference_is_told(tmp_path: Path) -> None:
    text = (EXAMPLES / "dice_loss.yaml").read_text().replace("equals: tversky_loss(", "equals: tverski_loss(")
    (tmp_path / "dice_loss.yaml").write_text(text)
    with pytest.raises(CaseError, match=r"calls 'tverski_loss', which is not a loss; did you mean 'tversky_loss'\?"):
        load(tmp_path / "dice_loss.yaml", served())

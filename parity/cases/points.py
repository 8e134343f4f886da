"""Scenario -> points: one choice of options, sizes, dtype and layout each."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from packaging.version import Version

from parity.cases.forms import form_of
from parity.cases.needs import Need
from parity.cases.sample import only_draw
from parity.cases.scenario import DEFAULT_SEEDS, SCENARIO, Scenario, argument
from parity.cases.schema import ExpectedFailure
from parity.cases.specs import Spec
from parity.facts.expression import parse
from parity.facts.point import Form

DEEP_SEEDS = 10
# How many draws a call that is mapped over a stack takes at once.
STACK = 2


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One choice of everything but the seed.

    `given` maps argument names to array specifications, literals and options; `layouts` maps array
    arguments to their layout; `choice` maps each axis of the scenario to the label chosen. `around` is the
    transformation that the call goes through on both sides, or empty.
    """

    scenario: Scenario
    id: str
    dtype: str
    sizes: dict[str, int]
    given: dict[str, Any]
    layouts: dict[str, str]
    choice: dict[str, str]
    around: str = ""

    @property
    def loss(self) -> str:
        return self.scenario.loss

    @property
    def plain(self) -> bool:
        """Whether it is a call that is to be answered, of no great size, as it stands."""
        case = self.scenario.case
        return not (case.raises or case.finding or case.one_call or self.around)

    @property
    def arrays(self) -> list[str]:
        """The names of the array arguments."""
        return [name for name, value in self.given.items() if self.scenario.is_array(name, value)]

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that are no arrays."""
        return {name: value for name, value in self.given.items() if not self.scenario.is_array(name, value)}

    @property
    def forms(self) -> dict[str, Form]:
        """The arrays before they are drawn, grad_output left out."""
        forms: dict[str, Form] = {}
        for name in self.arrays:
            layout = self.layouts.get(name, "contiguous")
            forms[name] = form_of(self.given[name], self.dtype, layout, self.sizes, forms)
        forms.pop("grad_output", None)
        return forms

    @property
    def defaults(self) -> dict[str, Any]:
        """The options of the loss and their defaults."""
        return self.scenario.signature.defaults

    @property
    def refusal(self) -> tuple[str, ...] | None:
        """The class of the exception that must be raised, parts of its message, and the scenario's name."""
        for error, parts in (self.scenario.case.raises or {}).items():
            return error, *parts, self.scenario.name
        return None

    def expected_failure(self, implementation: str, facts: Container[str]) -> ExpectedFailure | None:
        """The xfail of this scenario that covers this point, which has these facts, for the implementation, if any."""
        for failure in self.scenario.xfail.get(implementation, ()):
            where = failure.where
            if parse(where, self.scenario.words).holds(facts) if isinstance(where, str) else self._within(where):
                return failure
        return None

    def needs(self, torch: Version) -> Need | None:
        """The versions of torch that this point is for, if this release is none of them."""
        for need in self.scenario.needs:
            if not need.holds(torch) and self._within(need.where):
                return need
        return None

    def _within(self, where: Mapping[str, Any]) -> bool:
        """Whether the point has these values of axes."""
        named = {SCENARIO: self.scenario.name, **self.choice}
        return all(axis in named and self.scenario.wants(axis, named[axis], wanted) for axis, wanted in where.items())


def stack_of(around: str) -> int:
    """How many draws make the arrays of one call under that transformation."""
    return STACK if around.startswith("vmap") else 1


def seeds_of(point: Point, count: int | None, base: int, depth: str) -> range:
    """The seeds of a point's draws: `count` of them, or its scenario's own number, tenfold when deep.

    What one call is enough for is there for its size, of which other numbers tell no more. At the default depth some
    points take one of the usual three draws, each in turn, since each is given another kind of grad_output.
    """
    scenario = point.scenario
    tenfold = depth == "deep" and not scenario.case.one_call
    if count is None and depth == "default" and scenario.case.seeds is None and scenario.seeds == DEFAULT_SEEDS:
        only = only_draw(point, DEFAULT_SEEDS)
        if only is not None:
            return range(base + only, base + only + 1)
    return range(base, base + (count or scenario.seeds * (DEEP_SEEDS if tenfold else 1)))


def expand(scenario: Scenario) -> Iterator[Point]:
    """The points of a scenario, in the order of its axes, the dtype last in each id."""
    names = sorted(scenario.across, key=lambda name: (name == "dtype", name == "layout"))
    for chosen in product(*(scenario.across[name].items() for name in names)):
        choice = {name: label for name, (label, _) in zip(names, chosen, strict=True)}
        if scenario.rows and tuple(choice[name] for name in scenario.vary) not in scenario.rows:
            continue
        values = {name: value for name, (_, value) in zip(names, chosen, strict=True)}
        dtype, layouts = values.pop("dtype"), dict(values.pop("layout", {}))
        around = values.pop("around", "")
        sizes = {name: values.pop(name, size) for name, size in scenario.sizes.items()}
        given = scenario.given | {argument(axis): value for axis, value in values.items()}
        layouts |= {name: value.layout for name, value in given.items() if isinstance(value, Spec) and value.layout}
        suffix = "-".join(choice.values())
        id = f"{scenario.loss}/{scenario.name}/{suffix}"
        yield Point(scenario, id, dtype, sizes, given, layouts, choice, around)

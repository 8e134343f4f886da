"""Scenario -> points: one choice of options, sizes, dtype and layout each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from packaging.version import Version

from parity.cases.needs import Need
from parity.cases.scenario import SCENARIO, Scenario, argument
from parity.cases.schema import ExpectedFailure
from parity.cases.specs import Spec

DEEP_SEEDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One choice of everything but the seed.

    `given` maps argument names to array specifications, literals and options; `layouts` maps array
    arguments to their layout; `choice` maps each axis of the scenario to the label chosen.
    """

    scenario: Scenario
    id: str
    dtype: str
    sizes: dict[str, int]
    given: dict[str, Any]
    layouts: dict[str, str]
    choice: dict[str, str]

    @property
    def loss(self) -> str:
        return self.scenario.loss

    @property
    def arrays(self) -> list[str]:
        """The names of the array arguments."""
        return [name for name, value in self.given.items() if self.scenario.is_array(name, value)]

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that are no arrays."""
        return {name: value for name, value in self.given.items() if not self.scenario.is_array(name, value)}

    def expected_failure(self, implementation: str) -> ExpectedFailure | None:
        """The xfail of this scenario that covers this point for the implementation, if any."""
        for failure in self.scenario.xfail.get(implementation, ()):
            if self._within(failure.where):
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


def seeds_of(point: Point, count: int | None, base: int, depth: str) -> range:
    """The seeds of a point's draws: `count` of them, or its scenario's own number, tenfold when deep."""
    return range(base, base + (count or point.scenario.seeds * (DEEP_SEEDS if depth == "deep" else 1)))


def expand(scenario: Scenario) -> Iterator[Point]:
    """The points of a scenario, in the order of its axes, the dtype last in each id."""
    names = sorted(scenario.across, key=lambda name: (name == "dtype", name == "layout"))
    for chosen in product(*(scenario.across[name].items() for name in names)):
        choice = {name: label for name, (label, _) in zip(names, chosen, strict=True)}
        values = {name: value for name, (_, value) in zip(names, chosen, strict=True)}
        dtype, layouts = values.pop("dtype"), dict(values.pop("layout", {}))
        sizes = {name: values.pop(name, size) for name, size in scenario.sizes.items()}
        given = scenario.given | {argument(axis): value for axis, value in values.items()}
        layouts |= {name: value.layout for name, value in given.items() if isinstance(value, Spec) and value.layout}
        suffix = "-".join(choice.values())
        yield Point(scenario, f"{scenario.loss}/{scenario.name}/{suffix}", dtype, sizes, given, layouts, choice)

"""A case with its file's defaults filled in: a scenario, which expands into points."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from parity.cases.axes import OWN, Values, values_of
from parity.cases.identity import Identity, parse_identity
from parity.cases.literals import labelled
from parity.cases.needs import Need
from parity.cases.reference import Named
from parity.cases.schema import Case, CaseFile, ExpectedFailure
from parity.cases.signature import Signature
from parity.cases.specs import SPECS
from parity.facts.words import valued

DEFAULT_SEEDS = 3
_NUMBERS = (bool, int, float)
# What stands for the scenario's name where values of axes are named.
SCENARIO = "scenario"


@dataclass(frozen=True, eq=False)
class Scenario:
    """One named case with its file's defaults filled in, ready to expand into points.

    `path` and `line` say where the case is written: in `file`, the loss's own, or in a shared one. `reference` is the
    function that the file names to answer in torch's place. Of the axes that `vary` names, only the combinations of
    labels in `rows` are points.
    """

    file: Path
    path: Path
    line: int
    signature: Signature
    reference: Named | None
    case: Case
    sizes: dict[str, int]
    given: dict[str, Any]
    axes: dict[str, Values]
    seeds: int
    vary: tuple[str, ...] = ()
    rows: frozenset[tuple[str, ...]] = frozenset()
    needs: tuple[Need, ...] = ()

    @property
    def name(self) -> str:
        return self.case.name

    @property
    def loss(self) -> str:
        return self.signature.loss

    @property
    def xfail(self) -> dict[str, list[ExpectedFailure]]:
        return self.case.xfail

    @cached_property
    def identity(self) -> Identity | None:
        """What `equals` says; ValueError with a sentence if it cannot be read."""
        if self.case.equals is None:
            return None
        beside = {} if self.reference is None else self.reference.beside()
        return parse_identity(self.case.equals, self.signature, self.arguments, self.sizes, beside)

    @cached_property
    def arguments(self) -> list[str]:
        """The arguments that some point gives, in the order in which they are drawn."""
        fixed = {*OWN, *self.sizes}
        swept = [argument(axis) for axis in self.axes if axis not in fixed]
        return list(dict.fromkeys([*self.given, *swept]))

    @cached_property
    def words(self) -> frozenset[str]:
        """The words for facts that are made of the names and values of its arguments."""
        plain = (
            (name, value) for name in self.arguments for value in self.values(name) if not self.is_array(name, value)
        )
        said = {valued(name, value) for name, value in plain if isinstance(value, bool | int | float | str)}
        return frozenset(said.union(self.arguments, (f"{name} strided" for name in self.arguments)))

    def values(self, name: str) -> list[Any]:
        """The values that the points give to an argument."""
        axis = self.axes.get(self.signature.axis(name), [self.given.get(name)])
        return list(axis.values() if isinstance(axis, dict) else axis)

    def is_array(self, name: str, value: Any) -> bool:
        """Whether `value` under `given` makes an array, rather than an option passed as it is."""
        if type(value) in SPECS:
            return True
        if not self.signature.takes_array(name):
            return False
        return isinstance(value, list) or (isinstance(value, _NUMBERS) and name not in self.signature.numbers_too)

    @cached_property
    def across(self) -> dict[str, dict[str, Any]]:
        """The values of each axis by label; those of `layout` map array arguments to their layout."""
        across = {name: labelled(name, axis) for name, axis in self.axes.items()}
        if "layout" in across:
            across["layout"] = dict(self._layouts(across["layout"]))
        return across

    def _layouts(self, wanted: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each layout for every array at once, then for each array alone."""
        arrays = [name for name in self.arguments if any(self.is_array(name, value) for value in self.values(name))]
        for label, layout in wanted.items():
            yield label, dict.fromkeys(arrays, layout)
            if layout != "contiguous" and len(arrays) > 1:
                for name in arrays:
                    yield f"{label} {name}", {name: layout}

    def wants(self, axis: str, label: str, wanted: Any) -> bool:
        """Whether the value of that label is wanted: the label or the value itself, alone or in a list."""
        words = wanted if isinstance(wanted, list) else [wanted]
        if axis == SCENARIO:
            return self.name in words
        return any(word in (label, self.across[axis][label]) for word in words)


def argument(axis: str) -> str:
    """The argument that an axis varies: `given.dtype` is an option called dtype."""
    return axis.removeprefix("given.")


@dataclass(frozen=True, slots=True)
class Home:
    """The file that scenarios belong to: its path, the signature of its loss, and the reference that it names."""

    path: Path
    signature: Signature
    reference: Named | None


def scenario_of(file: CaseFile, case: Case, home: Home, path: Path, line: int) -> Scenario:
    """The scenario of a case: what the case says wins over its file's defaults."""
    defaults = file.defaults
    varied = {*case.sizes, *map(Signature.axis, [*case.given, *case.without])}
    given = {name: value for name, value in defaults.given.items() if name not in case.without} | case.given
    said = {axis: values for axis, values in defaults.across.items() if axis not in varied} | case.across
    axes = {axis: values_of(file.loss, axis, values) for axis, values in said.items()}
    return Scenario(
        home.path, path, line, home.signature, home.reference, case,
        sizes={**defaults.sizes, **case.sizes}, given=given, axes={"dtype": ["float32"], **axes},
        seeds=case.seeds or defaults.seeds or DEFAULT_SEEDS, needs=(*defaults.torch, *case.torch),
    )  # fmt: skip

"""The case files of a loss as material: whole calls, and the values that each argument has somewhere, as plain data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from parity.cases.literals import shape_of
from parity.cases.memory import bytes_of
from parity.cases.points import Point, expand
from parity.cases.scenario import Scenario
from parity.cases.signature import Signature
from parity.cases.specs import GENERATORS, generator_of
from parity.causes.scenario import data

# Larger calls cost more than they tell: size, and rows far apart, are the business of the cases for large arrays.
BYTES = 1 << 15
# So many points of a scenario are calls to begin with.
EACH = 12
# What names no size, though it is a text.
_NO_SIZES = ("dtype", "layout", "like")


@dataclass(frozen=True, slots=True)
class Call:
    """One call as a case file writes it, every size a number; `given` is plain data. `seeds` are its draws."""

    given: Mapping[str, Any]
    dtype: str
    around: str = ""
    seeds: int = 1

    def with_value(self, name: str, value: Any) -> "Call":
        return replace(self, given={**self.given, name: value})

    def without(self, name: str) -> "Call":
        return replace(self, given={own: value for own, value in self.given.items() if own != name})


@dataclass(frozen=True)
class Vocabulary:
    """What the case files of a loss say: the signature, whole calls, and values by argument."""

    signature: Signature
    calls: tuple[Call, ...]
    values: Mapping[str, list[Any]]


def vocabulary(scenarios: Iterable[Scenario]) -> Vocabulary:
    """What the scenarios of one loss say; those of which torch has no defined answer are left out."""
    signature, calls = None, []
    values: dict[str, dict[str, Any]] = {}
    for scenario in scenarios:
        signature = scenario.signature
        if scenario.case.finding or scenario.case.one_call:
            continue
        points = list(expand(scenario))
        for point in points[:: max(1, len(points) // EACH)]:
            if bytes_of(point) <= BYTES and "far" not in point.layouts.values():
                calls.append(call_of(point))
    for call in calls:
        for name, value in call.given.items():
            values.setdefault(name, {})[repr(value)] = value
    if signature is None or not calls:
        raise ValueError("there is no small call among the cases to begin with")
    return Vocabulary(signature, tuple(calls), {name: list(some.values()) for name, some in values.items()})


def call_of(point: Point) -> Call:
    """The call that a point makes, its sizes and layouts written into its arrays."""
    given = {}
    for name, value in point.given.items():
        plain = numbered(data(value), point.sizes)
        layout = point.layouts.get(name, "contiguous")
        given[name] = {**array(plain), "layout": layout} if layout != "contiguous" else plain
    return Call(given, point.dtype, point.around)


def numbered(value: Any, sizes: Mapping[str, int]) -> Any:
    """Plain data of a specification with the number of each size in place of its name."""
    if isinstance(value, dict) and generator_of(value) in GENERATORS:
        return {key: one if key in _NO_SIZES else _sized(one, sizes) for key, one in value.items()}
    return value


def _sized(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, dict):
        return {key: _sized(one, sizes) for key, one in value.items()}
    if isinstance(value, list):
        return [_sized(one, sizes) for one in value]
    return sizes.get(value, value) if isinstance(value, str) else value


def array(value: Any) -> dict[str, Any]:
    """A specification of an array that may say more: a literal becomes one."""
    return dict(value) if isinstance(value, dict) else {"array": value}


def is_array(signature: Signature, name: str, value: Any) -> bool:
    """Whether plain data under `given` makes an array."""
    if isinstance(value, dict):
        return generator_of(value) in GENERATORS
    numbers = isinstance(value, bool | int | float) and name not in signature.numbers_too
    return signature.takes_array(name) and (isinstance(value, list) or numbers)


def shape(value: Any) -> list[int] | None:
    """The shape of an array in plain data; None of one that copies another's."""
    value = array(value)
    main = generator_of(value)
    if main == "like":
        return None
    return [*shape_of(value["array"])] if main == "array" else list(value[main])


def arrays(call: Call, signature: Signature) -> Iterator[str]:
    """The arguments that are arrays in this call."""
    return (name for name, value in call.given.items() if is_array(signature, name, value))


@cache
def fields(main: str) -> dict[str, Any]:
    """The fields of a generator besides its shape and what every array may say, with their annotations."""
    model = GENERATORS[main]
    common = {*GENERATORS["normal"].__base__.model_fields, main}  # type: ignore[union-attr]
    return {name: field.annotation for name, field in model.model_fields.items() if name not in common}

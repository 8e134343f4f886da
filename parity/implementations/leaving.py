"""Options that are lacking are left out of the call on both sides, unless the scenario is about them.

A scenario is about an option that its name speaks of, that it varies without ever leaving it out, or without which
torch no longer does what the scenario expects; the last shows when torch is asked, or is known as a finding.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from inspect import Parameter
from typing import Any, TypeAlias

from parity import losses
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.scenario import Scenario
from parity.cases.shipped import case_file
from parity.cases.signature import Signature

# A word of a name may be longer than the option's (weights, weighted), if that has as many letters.
STEM = 4
Call: TypeAlias = tuple[str, ...]


def is_option(loss: Signature, name: str) -> bool:
    """Whether a loss can be called without this argument."""
    return name in loss.parameters and loss.default(name) is not Parameter.empty


def is_about(scenario: Scenario, option: str) -> bool:
    """Whether the scenario says that it is about the option: its name, its axis, or a figure that depends on it."""
    if scenario.case.published or scenario.case.finding or _speaks(scenario.name, option):
        return True
    values = scenario.values(option)
    return len(values) > 1 and not any(_is_default(scenario.signature, option, value) for value in values)


def _speaks(name: str, option: str) -> bool:
    words = re.findall("[a-z0-9]+", name.lower())
    return all(
        any(word == part or (len(part) >= STEM and word.startswith(part)) for word in words)
        for part in option.lower().strip("_").split("_")
    )


def _is_default(signature: Signature, option: str, value: Any) -> bool:
    default = signature.default(option)
    return value is default or (isinstance(value, bool | int | float | str) and bool(value == default))


def is_given(point: Point, name: str) -> bool:
    """Whether the point gives an argument, and not as its default."""
    return name in point.given and not _is_default(point.scenario.signature, name, point.given[name])


@lru_cache(maxsize=64)
def first_alike(scenario: Scenario, without: frozenset[str]) -> dict[Call, str]:
    """The id of one point for each call that the scenario makes without some arguments: one that gives none of them,
    else the first.
    """
    found: dict[Call, str] = {}
    for point in sorted(expand(scenario), key=lambda point: sum(is_given(point, name) for name in without)):
        found.setdefault(call_without(point, without), point.id)
    return found


@lru_cache(maxsize=64)
def undefined(loss: str, without: frozenset[str]) -> frozenset[Call]:
    """The calls to which torch has no defined answer, as the shipped cases of a loss find them."""
    scenarios = load(case_file(loss), dict.fromkeys(("numpy", "textbook", "torch"), losses.LOSSES))
    found = (point for scenario in scenarios if scenario.case.finding for point in expand(scenario))
    return frozenset(call_without(point, without) for point in found)


def call_without(point: Point, names: Collection[str]) -> Call:
    """What tells the calls of a scenario's points apart, without the arguments of these names."""
    given = (f"{name}={value!r}" for name, value in sorted(point.given.items()) if name not in names)
    layouts = (
        f"{name}: {layout}" for name, layout in sorted(point.layouts.items())
        if name not in names and layout != "contiguous"
    )  # fmt: skip
    return point.dtype, repr(sorted(point.sizes.items())), *given, *layouts

"""Scenarios for a loss that nothing is known of but how its arguments are drawn: what any loss should be tried with."""

import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from parity.authoring.roles import DRAWN, is_array, role_of

Case: TypeAlias = dict[str, Any]
SIZES = {"N": 5, "C": 4}


@dataclass(frozen=True, slots=True)
class Base:
    """A call that the reference answers: what is given, its parameters, and the shape of the output in sizes."""

    given: Mapping[str, Any]
    parameters: Mapping[str, inspect.Parameter]
    shape: list[Any]

    @property
    def arrays(self) -> list[str]:
        return [name for name, value in self.given.items() if isinstance(value, dict)]

    @property
    def floating(self) -> list[str]:
        """The arrays of floating numbers, which have gradients."""
        return [name for name in self.arrays if "classes" not in self.given[name] and "dtype" not in self.given[name]]

    @property
    def reduces(self) -> bool:
        return "reduction" in self.parameters

    def case(self, name: str, given: Mapping[str, Any] | None = None, **more: Any) -> Case:
        """A case; across all reductions where it has them and nothing else is said."""
        across = more.pop("across", {})
        if self.reduces and "reduction" not in {**across, **(given or {})} and "grad_output" not in (given or {}):
            across = {"reduction": "all", **across}
        parts = {"given": dict(given or {}), **more, "across": across}
        return {"name": name, **{key: value for key, value in parts.items() if value not in ({}, None)}}

    def shaped(self, name: str, **changes: Any) -> dict[str, Any]:
        """The array of that name, drawn otherwise in the same shape."""
        spec = self.given[name]
        shape = next(value for key, value in spec.items() if isinstance(value, list) and key != "of")
        return {key: shape if value is ... else value for key, value in changes.items()}

    def masked(self, name: str, value: float) -> dict[str, Any]:
        """The array of that name with a quarter of its numbers set to a value."""
        return {**deepcopy(self.given[name]), "mask": {"value": value, "share": 0.25}}


def cases(base: Base) -> Iterator[Case]:
    """The cases, from the plain one to those that may be refused."""
    yield base.case("plain grid", across={"dtype": "floating"})
    yield base.case("layouts do not change the answer", across={"layout": "all"})
    yield base.case("more draws of doubles", across={"dtype": ["float64"]}, seeds=10)
    yield from _sizes(base)
    yield from _options(base)
    yield from _optional(base)
    for name in base.floating:
        yield from _values(base, name)
    yield from _labels(base)
    yield from _upstream(base)
    yield from _mixed(base)
    yield from _refused(base)


def _sizes(base: Base) -> Iterator[Case]:
    for name, sizes in {
        "one row": {"N": [1]}, "one column": {"C": [1]}, "sizes that are no powers of two": {"N": [2, 3, 7, 17]},
        "more columns than rows": {"C": [9, 33]}, "many rows": {"N": [1000]}, "many columns": {"C": [1000]},
        "rows and columns beyond a block": {"N": [65], "C": [129]},
        "no rows": {"N": [0]}, "no columns": {"C": [0]}, "neither rows nor columns": {"N": [0], "C": [0]},
    }.items():  # fmt: skip
        yield base.case(name, across=sizes)


def _options(base: Base) -> Iterator[Case]:
    """Each option with a plain default, across a few values."""
    for name, parameter in base.parameters.items():
        default = parameter.default
        if name in ("reduction", *base.given) or type(default) not in (bool, int, float):
            continue
        values: list[Any] = [True, False] if isinstance(default, bool) else [default, 0.0, 0.1, 0.5, 1.0, 2.0]
        if type(default) is int:
            values = [default, 0, 1, 2]
        yield base.case(f"{name} across its values", across={name: list(dict.fromkeys(values))})
        if "ignore" in name:
            for labels in base.arrays:
                if role_of(labels) == "labels":
                    yield base.case(f"{labels} that are ignored", {labels: base.masked(labels, default)})


def _optional(base: Base) -> Iterator[Case]:
    """Each array that may be left out."""
    for name, parameter in base.parameters.items():
        if name not in base.given and parameter.default is None and is_array(parameter):
            ways = DRAWN[role_of(name)]
            for number, drawn in enumerate(ways, 1):
                across = {"dtype": ["float32", "float64", "bfloat16"]}
                yield base.case(f"{name} is given, drawn in way {number} of {len(ways)}", {name: drawn}, across=across)


def _values(base: Base, name: str) -> Iterator[Case]:
    """Special values of an array."""
    shaped, role = base.shaped, role_of(name)
    ways: dict[str, dict[str, Any]] = {
        f"{name} of zeros": shaped(name, full=..., value=0.0),
        f"{name} of one value": shaped(name, full=..., value=0.75),
    }
    if role in ("probabilities", "labels", "mask", "weights"):
        ways |= {
            f"{name} of ones": shaped(name, full=..., value=1.0),
            f"{name} of exactly 0 and 1": shaped(name, choice=..., of=[0.0, 1.0]),
            f"{name} between 0 and 1": shaped(name, uniform=...),
        }
    else:
        ways |= {
            f"{name} large": shaped(name, normal=..., scale=30.0),
            f"{name} small": shaped(name, normal=..., scale=1e-3),
            f"{name} of many magnitudes": shaped(name, magnitudes=..., low=-8, high=2),
            f"{name} huge": shaped(name, magnitudes=..., low=2, high=4),
            f"{name} tiny": shaped(name, magnitudes=..., low=-38, high=-30),
            f"{name} with ties": shaped(name, choice=..., of=[-1.0, 0.0, 1.0]),
            f"{name} below zero": shaped(name, uniform=..., low=-5, high=0),
            f"{name} above zero": shaped(name, uniform=..., low=0, high=5),
        }
    for title, drawn in ways.items():
        yield base.case(title, {name: drawn})
    for title, value in {"inf": float("inf"), "-inf": -float("inf"), "nan": float("nan"), "0": 0.0}.items():
        yield base.case(f"{name} with {title} here and there", {name: base.masked(name, value)})


def _labels(base: Base) -> Iterator[Case]:
    for name in base.arrays:
        if "classes" in base.given[name]:
            yield base.case(
                f"{name} of the first class alone", {name: base.shaped(name, full=..., value=0, dtype="int64")}
            )
            yield base.case(f"{name} as probabilities", {name: {"probabilities": ["N", "C"]}})
            yield base.case(f"{name} as one of C", {name: {"one_hot": ["N", "C"]}})
            yield base.case(f"{name} in int32", {name: {**base.given[name], "dtype": "int32"}})


def _upstream(base: Base) -> Iterator[Case]:
    """Upstream gradients that are written down."""
    for title, value in {"zero": 0.0, "minus one": -1.0, "large": 1e4, "infinite": float("inf")}.items():
        given = {"grad_output": {"full": base.shape, "value": value}}
        yield base.case(f"an upstream gradient that is {title}", given)


def _mixed(base: Base) -> Iterator[Case]:
    for name in base.floating:
        wide = {**deepcopy(base.given[name]), "dtype": "float64"}
        yield base.case(
            f"{name} in float64 beside narrower arrays", {name: wide}, across={"dtype": ["float32", "float16"]}
        )


def _refused(base: Base) -> Iterator[Case]:
    """Calls that a loss may well refuse."""
    if base.reduces:
        yield base.case("a reduction that there is not", {"reduction": "average"})
    for name in base.arrays:
        spec = base.given[name]
        if "classes" in spec:
            beyond = base.shaped(name, full=..., value="C", dtype="int64")
            yield base.case(f"{name} beyond the last class", {name: beyond})
        if len(base.arrays) > 1:
            main = next(key for key, value in spec.items() if isinstance(value, list) and key != "of")
            other = {**deepcopy(spec), main: [*(3 for _ in spec[main][:1]), *spec[main][1:]]}
            yield base.case(f"{name} of another length", {name: other})
        whole = base.shaped(name, integers=..., low=0, high=2)
        yield base.case(f"{name} of whole numbers", {name: whole})
        yield base.case(f"{name} of complex numbers", {name: base.shaped(name, normal=..., dtype="complex64")})

"""A call as a scenario in YAML, ready to be appended to the case file of its loss."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from parity.cases.errors import CaseError
from parity.cases.flow import flow
from parity.cases.points import Point
from parity.cases.reader import read
from parity.cases.scenario import argument
from parity.causes.literal import Literal


def scenario(origin: Point, call: Literal) -> str:
    """The lines of an item of `cases:`; what the file's own defaults say otherwise is taken back."""
    return "\n".join(_lines(origin, call)) + "\n"


def _lines(origin: Point, call: Literal) -> Iterator[str]:
    case, defaults = call.point(origin).scenario.case, _defaults(origin)
    given = {name: data(value) for name, value in call.given.items()}
    yield f"  - name: {flow(case.name)}"
    yield f"    why: {flow(f'reduced from {origin.id}')}"
    if case.equals:
        yield f"    sizes: {flow(dict(origin.scenario.sizes))}"
    yield "    given:"
    yield from (f"      {name}: {flow(value)}" for name, value in given.items())
    varied = [argument(axis) for axis in defaults.get("across", {})]
    signature = origin.scenario.signature
    said = [name for name in (*defaults.get("given", {}), *varied) if signature.knows(name)]
    without = sorted({name for name in said if name not in given})
    if without:
        yield f"    without: {flow(without)}"
    across: dict[str, Any] = {"dtype": [call.dtype]}
    if call.around:
        across["around"] = [call.around]
    if "layout" in varied:
        across["layout"] = ["contiguous"]
    yield f"    across: {flow(across)}"
    yield "    seeds: 1"
    if case.raises:
        yield f"    raises: {flow(dict(case.raises))}"
    yield from (f"    {name}: {flow(data(value))}" for name, value in call.said.items())


def _defaults(origin: Point) -> dict[str, Any]:
    """What the case file says of every scenario, as it is written there."""
    try:
        found = read(origin.scenario.file).data
    except CaseError:
        return {}
    defaults = found.get("defaults") if isinstance(found, dict) else None
    return defaults if isinstance(defaults, dict) else {}


def data(value: Any) -> Any:
    """A value as the plain data of a case file."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_defaults=True)
    if isinstance(value, dict):
        return {name: data(inner) for name, inner in value.items()}
    return [data(inner) for inner in value] if isinstance(value, list) else value

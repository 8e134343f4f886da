"""Asks torch for its answer to every point of the shipped cases: a snapshot of this version."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch

from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.shipped import case_folder
from parity.draws.draw import Plan
from parity.engine.state import known_state
from parity.implementations.registry import served
from parity.losses.conventions import Conventions
from parity.records.header import digests
from parity.references.conventions import probed
from parity.references.proof import not_torch
from parity.references.snapshots import Outcome, Snapshot, coded
from parity.references.torch import TORCH
from parity.references.versions import missing
from parity.types import Array
from parity.wording import class_names, first_line

SEEDS = 1
TEXT = 120  # characters of an error's text


class NotTorch(RuntimeError):
    """Torch is not its own: a snapshot would tell of whoever has patched it."""


def asked_points() -> Iterator[Point]:
    """The default points of the shipped cases to which torch has a defined answer."""
    for path in sorted(case_folder().glob("*.yaml")):
        for scenario in load(path, served()):
            if scenario.case.depth == "default" and not scenario.case.finding:
                yield from (point for point in expand(scenario) if not point.around)


def snapshot(progress: Callable[[str], None] = lambda loss: None) -> Snapshot:
    """This torch's answers. `progress` hears the name of each loss as its turn comes. Raises NotTorch."""
    outcomes: dict[str, Outcome] = {}
    loss = ""
    with known_state():
        conventions = probed()
        for point in asked_points():
            if point.loss != loss:
                loss = point.loss
                progress(loss)
                problem = None if missing(point) else not_torch(loss)
                if problem:
                    raise NotTorch(problem)
            outcomes[point.id] = outcome(point)
    cases = digests(sorted(case_folder().rglob("*.yaml")))
    own = {name: getattr(conventions, name) for name in Conventions.__slots__}
    return Snapshot(str(torch.__version__).partition("+")[0], np.__version__, own, cases, outcomes)


def outcome(point: Point) -> Outcome:
    """What becomes of a point in this torch, in a known state of the process."""
    absent = missing(point)
    if absent:
        return absent
    found: dict[str, list[Array]] = {}
    plan = Plan(point)
    for seed in range(SEEDS):
        arguments, own = plan.arguments(seed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output, vjp = TORCH[point.loss](**arguments)
                if point.scenario.case.raises:
                    upstream = np.ones_like(output)
                else:
                    upstream = plan.grad_output(output, seed) if own is None else own
                gradients = vjp(upstream)
        except Exception as error:
            return [class_names(error)[0], first_line(error)[:TEXT]]
        for name, value in {"output": output, **gradients}.items():
            found.setdefault(name, []).append(value)
    return {name: coded(values) for name, values in found.items()}

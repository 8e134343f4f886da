"""Two versions of torch -> what changed between them, by cause: from their snapshots, and the points that differ drawn
again for our own losses, which follow the conventions of either.
"""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from parity import losses
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file
from parity.draws.draw import Plan
from parity.dtypes import FLOATING
from parity.engine.snapshot import SEEDS
from parity.frameworks.numpy import option
from parity.implementations.registry import served
from parity.losses import conventions
from parity.losses.conventions import Conventions
from parity.references.snapshots import Outcome, Snapshot, moved, read_snapshot, shipped
from parity.references.versions import named
from parity.types import Array
from parity.wording import plural

ROUNDING = "rounding"
# Two figures of a value may lie so many of the dtype's steps apart by rounding: sums cancel, and add up to less.
STEPS = 32
CLAMP = "the gradient of a clamp exactly at its bound"


class Unknown(ValueError):
    """A version of which no snapshot is known; the message is one sentence."""


class Difference(NamedTuple):
    """How the answers to one point differ: why, and in which values ('output', or an argument's name for its gradient).

    No values are named where one of the two versions refuses the call or does not have it.
    """

    cause: str
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """One cause, and the points whose answers it changes."""

    cause: str
    points: tuple[str, ...]

    def __str__(self) -> str:
        names = sorted({point.partition("/")[0] for point in self.points})
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        return f"{plural(len(self.points), 'point'):>13}: {self.cause} ({listed})"


def snapshot_of(word: str) -> Snapshot:
    """The snapshot of a version ('2.13', '2.14.1'), or in a file. Raises Unknown or Unreadable with a sentence."""
    files = shipped()
    matching = [path for version, path in files.items() if f"{version}.".startswith(f"{word}.")]
    if matching:
        return read_snapshot(matching[-1])
    if Path(word).is_file():
        return read_snapshot(Path(word))
    there = ", ".join(files) or "none"
    raise Unknown(
        f"there is no snapshot of torch {word}: expected one of {there}, or a file that `parity snapshot` wrote"
    )


def changes(before: Snapshot, after: Snapshot) -> list[Change]:
    """What changed between two versions, by cause, the most points first and rounding last.

    Only points that both have are compared: cases that were written since have no answer in the older snapshot.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for id, difference in differences(before, after).items():
        found[difference.cause].append(id)
    made = [Change(cause, tuple(points)) for cause, points in found.items()]
    return sorted(made, key=lambda change: (change.cause == ROUNDING, -len(change.points), change.cause))


def differences(before: Snapshot, after: Snapshot, points: Iterable[Point] | None = None) -> dict[str, Difference]:
    """The points whose answers differ; `points` are theirs, if they are at hand: to load them takes long."""
    both = [
        id for id, outcome in before.outcomes.items()
        if id in after.outcomes and _bare(outcome) != _bare(after.outcomes[id])
    ]  # fmt: skip
    gone = {name: f"gone: {value}" for name, value in _options_lacking(after.outcomes[id] for id in both).items()}
    gone |= {name: f"new: {value}" for name, value in _options_lacking(before.outcomes[id] for id in both).items()}
    found, values = {}, {}
    for id in both:
        difference = _told(before.outcomes[id], after.outcomes[id], named(after.version), gone)
        if difference is not None:
            found[id] = difference
        else:
            values[id] = _values_moved(before.outcomes[id], after.outcomes[id])
    points = _points(values) if points is None and values else points or ()
    return found | _by_values(points, values, before.conventions, after.conventions)


def _bare(outcome: Outcome) -> Outcome:
    """What became of a point, without the version that it is said of."""
    return outcome.partition(": ")[2] if isinstance(outcome, str) else outcome


def _options_lacking(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """The options of which some torch lacks a value, each with that value, from 'not in torch 2.14: field=value of'."""
    words = [re.search(r": ((\w+)=\S+) of \w+$", outcome) for outcome in outcomes if isinstance(outcome, str)]
    return {word[2]: word[1] for word in words if word}


def _told(before: Outcome, after: Outcome, version: str, options: Mapping[str, str]) -> Difference | None:
    """The difference of a point that one of the versions refuses or does not have; None if both answer.

    `options` are those of which one version lacks a value, each with that: 'gone: field=value'.
    """
    if isinstance(before, str) or isinstance(after, str):
        there, reason = ("new", before) if isinstance(before, str) else ("gone", after)
        what = str(reason).partition(": ")[2]
        option = next((value for name, value in options.items() if what.startswith(f"{name}=")), None)
        if option:
            return Difference(f"an option's value is {option}")
        if what.startswith("what this case"):
            what = "what cases mark as another version's"
        return Difference(f"{what} is {there}")
    if isinstance(before, list) and isinstance(after, list):
        if before[0] != after[0]:
            return Difference("the class of an error is another")
        option = next((value for name, value in options.items() if name in f"{before[1]} {after[1]}"), None)
        return Difference(f"an option's value is {option}" if option else "the text of an error is another")
    if isinstance(before, list) or isinstance(after, list):
        return Difference(
            f"{version} answers what was refused" if isinstance(before, list) else f"{version} refuses it"
        )
    return None


def _values_moved(before: Outcome, after: Outcome) -> dict[str, float]:
    """The values that differ, each with how far it has moved; inf for one that only one version gives."""
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {
        name: moved(before[name], after[name]) if name in before and name in after else float("inf") for name in names
    }


def _by_values(
    points: Iterable[Point], distances: Mapping[str, Mapping[str, float]], before: Mapping[str, float],
    after: Mapping[str, float],
) -> dict[str, Difference]:  # fmt: skip
    """The differences of points that both versions answer: a convention, a rounding, or what has no name yet.

    `distances` has by point how far each of its values has moved.
    """
    found = {}
    follows = clamp_changed(before, after)
    for point in points:
        if point.id not in distances:
            continue
        values = distances[point.id]
        names = frozenset(values)
        dtypes = (point.dtype, point.given.get("dtype"))  # of two, what is computed in the narrower has its roundings
        step = STEPS * max(FLOATING[dtype].eps if dtype in FLOATING else 0.0 for dtype in dtypes)
        far = {name for name, distance in values.items() if distance > max(step, 1e-6)}
        bound = at_a_bound(point) if follows else frozenset()
        if names & bound and far <= bound:  # the others may differ in the sign of a zero
            found[point.id] = Difference(follows, names & bound)
        elif not far:
            found[point.id] = Difference(ROUNDING, names)
        else:
            found[point.id] = Difference("other values", names)
    clamped = {id.partition("/")[0] for id, difference in found.items() if difference.cause == follows}
    for id, values in distances.items():
        if id.partition("/")[0] in clamped and not any(values.values()):  # a zero has another sign, as 0 times -1 has
            found[id] = Difference(follows, frozenset(values))
    return found


def clamp_changed(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """The change of the clamp's convention in words; '' if it did not change."""
    old, new = before["clamp_at_bound"], after["clamp_at_bound"]
    return f"{CLAMP} is {new:g}, it was {old:g}" if old != new else ""


def at_a_bound(point: Point, seeds: Iterable[int] = range(SEEDS)) -> frozenset[str]:
    """The arguments whose gradients by our own loss depend on the convention of the clamp, at these seeds."""
    found: set[str] = set()
    for seed in seeds:
        found |= slopes_at_bound(point, seed).keys()
    return frozenset(found)


def slopes_at_bound(point: Point, seed: int) -> dict[str, tuple[Array, Array]]:
    """The gradients by our own loss under either convention of the clamp, of the arguments for which they differ."""
    with _following() as follow:
        slopes = []
        for convention in 0.0, 1.0:
            follow(Conventions(convention))
            slopes.append(_gradients(point, seed))
    one, other = slopes
    return {name: (one[name], other[name]) for name in one if one[name].tobytes() != other[name].tobytes()}


@contextmanager
def _following() -> Iterator[Any]:
    before = conventions.IN_FORCE.clamp_at_bound
    try:
        yield conventions.follow
    finally:
        conventions.follow(Conventions(before))


def _gradients(point: Point, seed: int) -> dict[str, Array]:
    """The gradients of our own loss; none where it refuses the call."""
    plan = Plan(point)
    arguments, own = plan.arguments(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is asked beside the run, and not by the user
            output, vjp = losses.LOSSES[point.loss](**{name: option(name, value) for name, value in arguments.items()})
            return vjp(plan.grad_output(output, seed) if own is None else own)
    except Exception:
        return {}


def _points(ids: Iterable[str]) -> Iterator[Point]:
    """The points of the shipped cases with these ids."""
    wanted = set(ids)
    for loss in sorted({id.partition("/")[0] for id in wanted}):
        for scenario in load(case_file(loss), served()):
            yield from (point for point in expand(scenario) if point.id in wanted)

"""Where a failing answer is the one of another version of torch: a note beside the failure.

It is made where the records come together, not where a point runs: the snapshots would count as a loss's memory.
"""

from itertools import pairwise

import numpy as np

from parity.cases.points import Point
from parity.comparison.tolerance import magnitude
from parity.engine.changes import Difference, clamp_changed, differences, slopes_at_bound
from parity.losses import LOSSES
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.references.snapshots import Outcome, Snapshot, known
from parity.references.versions import named


def noted(record: Record, point: Point) -> Record:
    """The record; of a failure with 'this changed in torch 2.14: ...' where it is what another version answers."""
    if record.verdict == "failed" and point.loss in LOSSES:
        for before, after in pairwise(known()):
            causes = (_cause(point, mismatch, before, after) for mismatch in record.mismatches)
            cause = next(filter(None, causes), None)
            if cause:
                record.notes.append(f"this changed in {named(after.version)}: {cause}")
    return record


def _cause(point: Point, mismatch: Mismatch, before: Snapshot, after: Snapshot) -> str | None:
    """Why two versions differ in the very thing in which a loss leaves torch; None if they do not."""
    if mismatch.subject is Subject.GRADIENT and mismatch.kind is Kind.VALUE:
        clamp = clamp_changed(before.conventions, after.conventions)
        return clamp if clamp and _follows_either(point, mismatch) else None
    old, new = (snapshot.outcomes.get(point.id) for snapshot in (before, after))
    if old is None or new is None or _like(mismatch, old) == _like(mismatch, new):
        return None
    found = _between(point, before, after)
    if isinstance(old, list) and isinstance(new, list) and old[0] != new[0]:
        return f"{new[0]} is raised, it was {old[0]}"
    return found.cause if found else None


def _follows_either(point: Point, mismatch: Mismatch) -> bool:
    """Whether a gradient differs where the two conventions of the clamp do, and by following one of them.

    A snapshot has no answers, only their hashes: other values that changed are nothing that a loss can be held against.
    """
    slopes = slopes_at_bound(point, mismatch.seed or 0).get(mismatch.argument or "")
    if slopes is None:
        return False
    figures = mismatch.figures
    at, differ = tuple(figures["index"]), slopes[0] != slopes[1]
    near = (magnitude(complex(figures["actual"]) - complex(slope[at])) <= figures["allowed"] for slope in slopes)
    return bool(differ[at]) and figures["count"] <= np.count_nonzero(differ) and any(near)


def _like(mismatch: Mismatch, outcome: Outcome) -> bool:
    """Whether a loss answers where it should refuse, or refuses, as a version of torch does."""
    if mismatch.event is Event.UNSAFE:
        return False
    if mismatch.subject is Subject.REFUSAL and mismatch.kind is Kind.MISSING:
        return isinstance(outcome, dict)
    if not isinstance(outcome, list):
        return False
    error = str(mismatch.figures.get("error", ""))
    if mismatch.subject is Subject.REFUSAL:
        return error.partition(":")[0] == outcome[0]
    return mismatch.kind is Kind.RAISES and error.startswith(": ".join(outcome))


def _between(point: Point, before: Snapshot, after: Snapshot) -> Difference | None:
    """How the two answers to one point differ that the snapshots hold."""
    found = [
        Snapshot(whole.torch, whole.numpy, whole.conventions, {}, {point.id: whole.outcomes[point.id]})
        for whole in (before, after) if point.id in whole.outcomes
    ]  # fmt: skip
    return differences(found[0], found[1], [point]).get(point.id) if len(found) == 2 else None

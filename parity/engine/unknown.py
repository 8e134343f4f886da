"""A torch that the cases were not made on: where it answers otherwise, that is a finding, and nobody's failure."""

from contextlib import suppress

from parity import losses
from parity.cases.points import Point
from parity.engine.stages import run_draws
from parity.engine.state import known_state
from parity.implementations.declaration import Implementation
from parity.implementations.registry import named as implementation_named
from parity.records.mismatch import Event, Kind, Subject
from parity.records.record import Record
from parity.references.reference import torch_reference
from parity.references.versions import named, unknown
from parity.types import NotOffered

# What a version's mark in a case would name: torch refuses, answers, or raises something else.
_OF_TORCH = (Event.ANSWERS, Event.RAISES_OTHER, Event.REFUSES, Event.REFUSES_BACKWARD)


def finding(record: Record, point: Point, implementation: Implementation) -> str | None:
    """Why it is torch that differs here, if it may: the cases were not made on it, and our own loss differs alike.

    None if the cases were made on this torch, or if the implementation alone leaves it.
    """
    if unknown() is None or point.loss not in losses.LOSSES:
        return None
    for mismatch in record.mismatches:
        if mismatch.kind is Kind.REFERENCE and mismatch.event in _OF_TORCH:
            return f"{named()} {_WORDS[mismatch.event]}"
    ours = record if implementation.origin == "numpy" else _ours(point, record)
    left = {mismatch.what for mismatch in ours.mismatches if mismatch.subject is not Subject.PROCESS}
    if not left or not {mismatch.what for mismatch in record.mismatches} <= left:
        return None
    return f"{named()} has another {' and another '.join(sorted(left))} of {point.loss}"


_WORDS = {
    Event.ANSWERS: "answers what others refuse", Event.RAISES_OTHER: "refuses a call with another error than others",
    Event.REFUSES: "refuses what others answer", Event.REFUSES_BACKWARD: "refuses a backward that others answer",
}  # fmt: skip


def _ours(point: Point, record: Record) -> Record:
    """What our own loss shows at the same draws."""
    ours = Record(
        point.id, point.loss, record.scenario, record.path, record.line, point.dtype, "numpy", {}, seeds=record.seeds
    )
    with known_state(), suppress(NotOffered):
        contract = implementation_named("numpy").contract(point.scenario.signature)
        run_draws(point, contract, contract.terms(point), torch_reference(point.loss), ours)
    return ours

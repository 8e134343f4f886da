"""Which clauses of the contract stand in the way of an answer: what would have to be granted for it to be compared."""

from typing import Any

from parity.implementations.contract import Contract
from parity.implementations.grants import GRADIENT_DTYPE, RANK
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.types import Clause

_CLAUSES: dict[tuple[Kind, Event | None], tuple[str, ...]] = {
    (Kind.MUTATION, None): (Clause.INPUTS,),
    (Kind.MUTATION, Event.MARKED): (Clause.INPUTS,),
    (Kind.RAISES, Event.SECOND_CALL): (Clause.BACKWARD,),
    (Kind.STATE, Event.SECOND_VJP): (Clause.REPEATABLE, Clause.BACKWARD),
    (Kind.STATE, Event.OTHER_OUTPUT): (Clause.REPEATABLE,),
    (Kind.STATE, Event.OTHER_GRADIENT): (Clause.REPEATABLE,),
    (Kind.STATE, Event.OTHER_BITS): (Clause.REPEATABLE,),
    (Kind.STATE, Event.CALL_CHANGES): (Clause.REPEATABLE,),
    (Kind.STATE, Event.VJP_OVERWRITES): (Clause.MEMORY,),
    (Kind.STATE, Event.CALL_OVERWRITES): (Clause.MEMORY,),
    (Kind.STATE, Event.CALL_GRADIENTS): (Clause.MEMORY,),
    (Kind.STATE, Event.CALL_CHANGES_OUTPUT): (Clause.MEMORY,),
    (Kind.MEMORY, Event.SHARED): (Clause.MEMORY,),
    (Kind.MEMORY, Event.REUSED): (Clause.MEMORY,),
    (Kind.EXTRA, None): (Clause.EXTRA, Clause.ZERO),
    (Kind.CLASS, None): (Clause.ERRORS,),
    (Kind.CLASS, Event.UNSAFE): (Clause.ERRORS,),
}
# The wider of two that may serve is tried last.
WIDE = (Clause.EXTRA, Clause.BACKWARD)


def in_the_way(mismatch: Mismatch, contract: Contract) -> frozenset[str]:
    """The clauses and tolerances that may grant this mismatch, each by itself; none if it is of another kind."""
    valued = mismatch.kind in (Kind.VALUE, Kind.BIAS)
    if valued and mismatch.subject in (Subject.OUTPUT, Subject.GRADIENT, Subject.SECOND):
        return frozenset(one.word for one in contract.tolerances(mismatch.figures["dtype"], mismatch.what))
    if mismatch.kind is Kind.DTYPE:
        found, expected = (str(mismatch.figures[side]).startswith("complex") for side in ("found", "expected"))
        if found and not expected:
            return frozenset()
        return frozenset({Clause.DTYPE if mismatch.subject is Subject.OUTPUT else GRADIENT_DTYPE})
    if mismatch.kind is Kind.SHAPE:
        same = _long(mismatch.figures["found"]) == _long(mismatch.figures["expected"])
        return frozenset({RANK} if same else ())
    return frozenset(_CLAUSES.get((mismatch.kind, mismatch.event), ()))


def _long(shape: list[Any]) -> list[Any]:
    return [size for size in shape if size != 1]

"""What differs by design does not hide the rest: where clauses alone stand in the way, the point is compared without.

A point is first compared as it stands. If something differs that could be granted, it is compared once more with that
granted, until what differs is of another kind, or nothing does. So what was needed is known, declared or not.
"""

from collections.abc import Callable

from parity.comparison.clauses import WIDE, in_the_way
from parity.implementations.contract import Contract
from parity.records.mismatch import Mismatch
from parity.records.record import Record
from parity.types import Clause

Compare = Callable[[Contract], Record]


def granted(contract: Contract, compare: Compare) -> Record:
    """The record of a point as `compare` gives it under a contract, with what is declared to differ granted."""
    record = compare(contract)
    found: list[Mismatch] = []
    words: frozenset[str] = frozenset()
    while more := frozenset().union(*(in_the_way(one, contract) for one in record.mismatches)) - words:
        found += [one for one in record.mismatches if in_the_way(one, contract) - words]
        words |= more
        record = compare(contract.granting(words))
    declared = contract.grants.keys()
    if record.mismatches:
        kept = [one for one in found if not in_the_way(one, contract) & declared]
    else:
        words, record = _least(contract, words, record, compare)
        kept = [one for one in found if in_the_way(one, contract) & words - declared]
        if kept and words - declared <= {*Clause}:
            kept[0].hint += f"; if that is by design, declare differs={sorted(map(str, words - declared))}"
    record.mismatches = _different([*kept, *record.mismatches])
    record.granted = {str(grant): word in words for word, grant in contract.grants.items()}
    return record


def _least(
    contract: Contract, words: frozenset[str], record: Record, compare: Compare
) -> tuple[frozenset[str], Record]:
    """As few of the words as will do, those that are declared rather than others, and the record with them alone."""
    for word in sorted(words, key=lambda word: (word in contract.grants, word not in WIDE, word)):
        if len(words) > 1:
            without = compare(contract.granting(words - {word}))
            if not without.mismatches:
                words, record = words - {word}, without
    return words, record


def _different(mismatches: list[Mismatch]) -> list[Mismatch]:
    """The mismatches without those that a later comparison tells again."""
    told: set[str] = set()
    kept = []
    for one in mismatches:
        words = str((one.subject, one.kind, one.argument, one.event, one.asked, one.figures))
        if words not in told:
            kept.append(one)
        told.add(words)
    return kept

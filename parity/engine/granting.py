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


class Granting:
    """One point to be compared, under more grants each time: `compare` gives its record under a contract.

    `found` has what stood in the way, with the words that were in force when it did.
    """

    def __init__(self, contract: Contract, compare: Callable[[Contract], Record]) -> None:
        self.contract, self.compare = contract, compare
        self.found: list[tuple[Mismatch, frozenset[str]]] = []

    def record(self) -> Record:
        """The record with what is declared to differ granted, as far as that was needed."""
        declared = self.contract.grants.keys()
        words: frozenset[str] = frozenset()
        record = self.compare(self.contract)
        while more := frozenset().union(*map(self.ways, record.mismatches)) - words:
            self.found += [(one, words) for one in record.mismatches]
            words |= more
            record = self.compare(self.contract.granting(words))
        if record.mismatches:
            kept = [one for one, _ in self.found if not self.ways(one) & declared]
        else:
            words, record = self.least(words, record)
            kept = [one for one, before in self.found if not self.granted(one, before, words)]
            if kept and all(self.ways(one) for one in kept) and words - declared <= {*Clause}:
                kept[0].hint += f"; if that is by design, declare differs={sorted(map(str, words - declared))}"
        record.mismatches = _different([*kept, *record.mismatches])
        record.granted = {str(grant): word in words for word, grant in self.contract.grants.items()}
        return record

    def ways(self, mismatch: Mismatch) -> frozenset[str]:
        return in_the_way(mismatch, self.contract)

    def least(self, words: frozenset[str], record: Record) -> tuple[frozenset[str], Record]:
        """As few of the words that are not declared as will do beside the others, and the record with them."""
        for word in sorted(words - self.contract.grants.keys(), key=lambda word: (word not in WIDE, word)):
            if len(words) > 1:
                without = self.compare(self.contract.granting(words - {word}))
                if not without.mismatches:
                    words, record = words - {word}, without
        return words, record

    def granted(self, mismatch: Mismatch, before: frozenset[str], words: frozenset[str]) -> bool:
        """Whether declared words grant a mismatch that was found with other words in force before."""
        ways = self.ways(mismatch)
        if not ways or ways & words:
            return bool(ways) and ways & words <= self.contract.grants.keys()
        # it comes from what other words grant, if it comes each time
        again = self.compare(self.contract.granting(before)).mismatches
        return _same(mismatch) in map(_same, again)


def _same(mismatch: Mismatch) -> tuple[object, ...]:
    return mismatch.subject, mismatch.kind, mismatch.argument, mismatch.event


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

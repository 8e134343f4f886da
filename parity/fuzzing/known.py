"""What is known already, and is not reported again: expected failures of the case files, causes of earlier runs."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis.database import DirectoryBasedExampleDatabase

from parity.causes.cause import Cause
from parity.causes.sign import Family, Sign, facts_of, sign_of, signs_of
from parity.facts.expression import Misspelt, parse
from parity.facts.words import WORDS
from parity.records.record import Record

# Facts of a known failure that one like it must have too.
TELLING = ("shape", "data", "around the call", "refusal")


@dataclass(frozen=True, slots=True)
class Known:
    """A failure that is known: its signs, where it shows, and why it is.

    `facts` must all be there. `where` is an expression of facts: a wrong answer there is known in whichever way it
    shows, as one bug shows in several; elsewhere the sign must say more than that something differs. Without `signs`
    whatever differs is known.
    """

    reason: str
    signs: frozenset[tuple[str, str]] = frozenset()
    where: str = ""
    facts: frozenset[str] = frozenset()

    def covers(self, record: Record) -> bool:
        """Whether the failure of this record is the known one."""
        sign, facts = sign_of(record)[0], facts_of(record)
        if not self.facts <= set(facts):
            return False
        alike = not self.signs or _key(sign) in self.signs
        if not self.where:
            return alike
        if alike and _key(sign)[1]:
            return True
        if not alike and not (sign.family.answers and any(Family[family].answers for family, _ in self.signs)):
            return False
        try:
            return parse(self.where, frozenset(facts)).holds(facts)
        except Misspelt:  # a word of another version
            return alike


def _key(sign: Sign) -> tuple[str, str]:
    """What a sign is known again by, however the call was made."""
    return sign.family.name, sign.key.removeprefix(sign.asked)


def _telling(facts: Iterable[str]) -> frozenset[str]:
    return frozenset(
        word for word in facts if word in WORDS and WORDS[word].family in TELLING and word != "plain numbers"
    )


def of_case(record: Record, reason: str) -> Known:
    """What a failure of which a case file knows says of others like it."""
    signs = frozenset(_key(sign) for sign, mismatch in signs_of(record) if mismatch is not None)
    return Known(reason, signs, facts=_telling(facts_of(record)))


@dataclass
class Memory:
    """The examples of causes that were told before, of one loss and implementation, kept in a folder.

    Hypothesis's own database holds them. Without a folder nothing is remembered.
    """

    folder: Path | None
    about: str
    _there: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.folder is not None:
            self._there = DirectoryBasedExampleDatabase(self.folder)

    def entries(self) -> Iterator[tuple[Known, dict[str, Any]]]:
        """The causes that were told, each with the case in plain data that showed it."""
        for value in self._values():
            with suppress(ValueError, KeyError, TypeError):
                told = json.loads(value)
                signs = frozenset((str(family), str(key)) for family, key in told["signs"])
                yield Known(told["sentence"], signs, told["where"]), told["case"]

    def keep(self, cause: Cause, case: dict[str, Any]) -> None:
        """Keep the example of a cause."""
        signs = sorted({_key(one.sign) for one in cause.seen if one.sign.family is not Family.PASSES})
        told = {"sentence": cause.sentence, "signs": signs, "where": cause.where, "case": case}
        if self._there is not None:
            self._there.save(self.about.encode(), json.dumps(told, sort_keys=True).encode())

    def forget(self, case: dict[str, Any]) -> None:
        """Leave out what does not fail any more: if it comes back, it is told anew."""
        for value in self._values():
            with suppress(ValueError):
                if json.loads(value).get("case") == case:
                    self._there.delete(self.about.encode(), value)

    def _values(self) -> list[bytes]:
        return [] if self._there is None else sorted(self._there.fetch(self.about.encode()))

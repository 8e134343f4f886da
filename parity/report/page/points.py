"""Records -> every point of the page as compact data: columns of indices into tables of texts, deflated.

The page's scripts read them by the names that `columns` gives. An infinite number is -1, one that is none -2.
"""

import json
import math
import zlib
from base64 import b64encode
from collections.abc import Hashable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from parity.causes.cause import Cause
from parity.facts.words import listed
from parity.plain import visible
from parity.records.record import Record
from parity.records.sentences import sentence
from parity.report.headline import compared, seeds_run
from parity.report.judged import judged

# Characters of sentences about mismatches; beyond them a point has its facts and errors, and no sentences.
SENTENCES = 3_000_000


def embedded(records: Sequence[Record], causes: Sequence[Cause]) -> str:
    """The data as the page holds them: JSON, deflated, in base64."""
    text = json.dumps(columns(records, causes), separators=(",", ":"), allow_nan=False)
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return b64encode(deflate.compress(text.encode("utf-8", "replace")) + deflate.flush()).decode()


def columns(records: Sequence[Record], causes: Sequence[Cause]) -> dict[str, Any]:
    """The points by columns, and the tables that their numbers point into."""
    tables = {name: _Table() for name in ("words", "facts", "scenarios", "choices", "names", "answers", "texts")}
    names, words, texts = tables["names"], tables["words"], tables["texts"]
    of_cause = {_key(record): number for number, cause in enumerate(causes, start=1) for record in cause.points}
    told = dict(_sentences(records, causes))
    rows: list[dict[str, Any]] = []
    for record in records:
        prefix = f"{record.loss}/{record.scenario}/"
        prefix = prefix if record.id.startswith(prefix) else ""
        place = f"{record.path}:{record.line}"
        scenario = (names(record.loss), visible(record.scenario), visible(place), visible(prefix))
        answers = list(record.worst)
        errors = [_number(value) for name in answers for value in (record.ulp.get(name, 0.0), record.worst[name])]
        how = judged(record)
        more = [*record.notes, *(f"not offered: {what}" for what in dict.fromkeys(record.not_offered))]
        rows.append({
            "scenario": tables["scenarios"](scenario), "by": names(record.implementation), "dtype": names(record.dtype),
            "choice": tables["choices"](visible(record.id.removeprefix(prefix))), "verdict": names(record.verdict),
            "judged": names(how or ("" if compared(record) else "uncompared")),
            "facts": tables["facts"](tuple(words(word) for word in record.facts)),
            "cause": of_cause.get(_key(record), 0), "answers": tables["answers"](tuple(map(names, answers))),
            "errors": errors, "exact": [_number(value) for value in record.distance or ()],
            "draws": len(seeds_run(record)), "reason": texts(record.reason or ""),
            "differs": [texts(text) for text in told.get(_key(record), ())], "notes": [texts(text) for text in more],
            "repeat": texts(record.repeat if record.mismatches else ""),
        })  # fmt: skip
    return {
        "points": {title: [row[title] for row in rows] for title in (rows[0] if rows else ())},
        **{name: table.values for name, table in tables.items()}, "known": listed(),
    }  # fmt: skip


class _Table:
    """Each value once, in the order in which they come first; called with one, it gives its place."""

    def __init__(self) -> None:
        self.places: dict[Hashable, int] = {}

    def __call__(self, value: Hashable) -> int:
        return self.places.setdefault(visible(value, keep="\n") if isinstance(value, str) else value, len(self.places))

    @property
    def values(self) -> list[Any]:
        return list(self.places)


def _sentences(records: Sequence[Record], causes: Sequence[Cause]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """What differs at each point, a sentence a mismatch: the smallest points of every cause first, as far as there is
    room.
    """
    ranked = [record for rank in zip_longest(*(cause.points for cause in causes)) for record in rank if record]
    room = SENTENCES
    for record in [*ranked, *(one for one in records if one.mismatches and not one.unexpected)]:
        found = []
        for mismatch in record.mismatches:
            seed = f" (seed {mismatch.seed})" if mismatch.seed is not None else ""
            found.append(f"{sentence(mismatch, record.reference)}{seed}".replace("\n", "\n  "))
        room -= sum(map(len, found))
        if room < 0:
            return
        yield _key(record), found


def _key(record: Record) -> tuple[str, ...]:
    return record.path, record.id, record.implementation


def _number(value: float) -> float:
    """A number to three digits, as short as JSON has it."""
    if math.isnan(value):
        return -2
    if math.isinf(value):
        return -1
    short = float(f"{value:.3g}")
    return int(short) if short.is_integer() and short < 1e6 else short

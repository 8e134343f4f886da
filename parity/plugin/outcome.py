"""A record as pytest's outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from parity.errors import ParityError
from parity.plugin.internals import ReprFileLocation, TerminalRepr

if TYPE_CHECKING:
    from parity.records.record import Record


class Sentence(TerminalRepr):
    """A failure that is told in sentences, without a traceback; `short` is its line in the short summary."""

    def __init__(self, text: str, short: str = "", path: str = "", line: int | None = None) -> None:
        self.text = text
        if short:
            self.reprcrash = ReprFileLocation(path, (line or 0) + 1, short)

    def toterminal(self, tw: Any) -> None:
        for line in self.text.splitlines():
            tw.line(line, red=line.startswith("  - "))

    def __str__(self) -> str:
        return self.text


def verdict(record: Record) -> None:
    """The record as pytest's outcome: skipped, an expected failure, ParityError, or nothing."""
    __tracebackhide__ = True
    if record.verdict in ("not offered", "not in torch", "finding"):
        pytest.skip(str(record.reason))
    if record.verdict == "xfailed":
        pytest.xfail(str(record.reason))
    if record.unexpected:
        raise ParityError(str(record), record)

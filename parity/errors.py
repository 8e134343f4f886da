"""The error that says that parity was left. It imports next to nothing, so that every pytest run can know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parity.records.record import Record


class ParityError(AssertionError):
    """An implementation left parity; the message tells every mismatch, and `record` is that of the point, if any."""

    def __init__(self, message: str, record: Record | None = None) -> None:
        super().__init__(message)
        self.record = record

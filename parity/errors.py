"""The error that says that parity was left. It imports nothing of parity, so that every pytest run can know it."""

from typing import Any


class ParityError(AssertionError):
    """An implementation left parity; the message tells every mismatch, and `record` is that of the point, if any."""

    def __init__(self, message: str, record: Any = None) -> None:
        super().__init__(message)
        self.record = record

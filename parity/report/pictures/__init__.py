"""Records -> the pictures of the report."""

from collections.abc import Sequence

from parity.records.record import Record
from parity.report.pictures.accuracy import accuracy
from parity.report.pictures.headroom import headroom
from parity.report.pictures.picture import Picture

__all__ = ["Picture", "drawn"]


def drawn(records: Sequence[Record]) -> list[Picture]:
    return [p for p in [accuracy(records), headroom(records)] if p]

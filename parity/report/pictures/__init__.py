"""Records -> the pictures of the report, by matplotlib, which is loaded when the first is drawn and not before."""

from collections.abc import Sequence
from importlib.util import find_spec

from parity.records.record import Record
from parity.report.pictures.picture import Picture

__all__ = ["Picture", "absent", "drawn"]


def drawn(records: Sequence[Record]) -> list[Picture]:
    """The pictures of these records that have something to show; none without matplotlib, as `absent` says."""
    if absent():
        return []
    from parity.report.pictures.accuracy import accuracy
    from parity.report.pictures.frontier import stability
    from parity.report.pictures.headroom import headroom
    from parity.report.pictures.pairs import pairs

    found = [draw(records) for draw in (pairs, stability, accuracy, headroom)]
    return [picture for picture in found if picture is not None]


def absent() -> str:
    """The sentence that stands in place of the pictures where nothing can draw them; '' where it can be done."""
    if find_spec("matplotlib") is None:
        return 'There are no pictures: they need matplotlib, which `pip install "torch-parity[report]"` brings.'
    return ""

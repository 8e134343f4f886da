"""The errors that every run can know: they import nothing."""

from typing import Any


class ParityError(AssertionError):
    """An implementation left parity; the message tells every mismatch."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of a check: it ends a script as any other does; `report` has what was found until then."""

    def __init__(self, report: Any) -> None:
        super().__init__("the check was interrupted; what was found until then is in `report` of this exception")
        self.report = report

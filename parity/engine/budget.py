"""A limit of time on a whole run: how much of it is left."""

import re
import time

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*", re.ASCII)


def seconds_of(budget: str | float) -> float:
    """The seconds of a budget: '30s', '2m', '1h', '500ms', or their number. Raises ValueError with a sentence."""
    found = _FORM.fullmatch(budget) if isinstance(budget, str) else None
    number = isinstance(budget, int | float) and not isinstance(budget, bool)
    seconds = float(found[1]) * _UNITS[found[2]] if found else float(budget) if number else 0.0
    if not 0 < seconds < 1e9:
        raise ValueError(f"budget is {budget!r}, expected a time such as '30s', '5m' or '1h'")
    return seconds


class Budget:
    """Seconds that pass from the first look on; None is no limit. Raises ValueError with a sentence for no time."""

    def __init__(self, budget: str | float | None) -> None:
        self._seconds = None if budget is None else seconds_of(budget)
        self._end: float | None = None
        self.words = "" if self._seconds is None else f"the budget of {_words(self._seconds)}"

    def end(self, parts: int = 1) -> float:
        """When the first of so many equal parts of what is left is over, by `time.monotonic`."""
        if self._seconds is None:
            return float("inf")
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        return now + (self._end - now) / parts

    def is_over(self) -> bool:
        """Whether nothing of it is left."""
        return self._seconds is not None and time.monotonic() >= self.end()


def _words(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"

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
    """Seconds that pass from now on; None is no limit. Raises ValueError with a sentence for what is no time."""

    def __init__(self, budget: str | float | None) -> None:
        self._end = None if budget is None else time.monotonic() + seconds_of(budget)
        self.words = "" if budget is None else f"the budget of {_words(seconds_of(budget))}"

    def end(self, parts: int = 1) -> float:
        """When the first of so many equal parts of what is left is over, by `time.monotonic`."""
        now = time.monotonic()
        return float("inf") if self._end is None else now + max(self._end - now, 0.0) / parts


def _words(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"

"""A bar on the terminal for what takes longer than two seconds, with an estimate of what is left; silent elsewhere."""

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0  # seconds without a bar
_BETWEEN = 0.1  # seconds between two looks of it


class Bar:
    """Counts steps of so many: a context manager. It draws at its steps alone, without a thread of its own."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.done = label, total, 0
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._bar: Progress | None = None
        self._silent = not sys.stderr.isatty()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        now = time.monotonic()
        if self._silent or now - self._begun < PATIENCE or now - self._drawn < _BETWEEN:
            return
        self._drawn = now
        if self._bar is None:
            self._bar = self._begin()
        (task,) = self._bar.task_ids
        self._bar.update(task, completed=self.done)
        self._bar.refresh()

    def _begin(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        bar = Progress(
            *columns, console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip
        bar.start()
        bar.add_task(self.label, total=self.total)
        return bar

"""What becomes of the causes once pytest has printed them: the baseline is written, GitHub Actions hears of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.causes.cause import Cause
    from parity.plugin.run import Run
    from parity.plugin.summary import Summary
    from parity.report.places import Place


def afterwards(summary: Summary, terminalreporter: Any) -> Iterator[str]:
    """Lines for the terminal."""
    if not (summary.reports or summary.passing):
        return
    if summary.run.to_baseline is not None:
        from parity.causes.known import Unusable, write_baseline

        try:
            yield f"parity: {write_baseline(summary.run.to_baseline, summary.records)}"
        except Unusable as error:
            yield f"parity: {error}"
    from parity.report import github

    if github.is_there():
        yield from github.told(
            _head(summary, terminalreporter), (), summary.causes, lambda cause: _place(cause, summary.run)
        )


def _head(summary: Summary, terminalreporter: Any) -> str:
    """The verdict of all points in a sentence."""
    from parity.wording import plural

    stats = terminalreporter.stats
    counts = [f"{len(summary.passing):,} passed", f"{len(summary.reports):,} failed"]
    counts += [f"{len(stats[word]):,} {word}" for word in ("xfailed", "skipped") if stats.get(word)]
    points = plural(len(summary.passing) + len(summary.reports), "point")
    verdict = "does not agree" if summary.reports else "agrees"
    return f"{', '.join(summary.run.names)} {verdict} with torch at {points}: {', '.join(counts)}."


def _place(cause: Cause, run: Run) -> Place | None:
    """Where the function stands that a cause is about."""
    from parity.report.places import place_of

    functions = next((one.losses for one in run.implementations if one.name == cause.implementation), {})
    function = functions.get(cause.example.loss)
    return place_of(function) if function is not None else None

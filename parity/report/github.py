"""Causes in GitHub Actions: a summary of the job, and an annotation on each line that a cause is about."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from parity.causes.cause import Cause
from parity.causes.text import headline, hint, title
from parity.plain import visible
from parity.report.places import Place
from parity.report.text import block, markdown

Places: TypeAlias = Callable[[Cause], Place | None]
# GitHub takes a mebibyte a step, and drops all of a longer summary.
MOST = 1 << 19
EXAMPLES = 10


def is_there() -> bool:
    """Whether this process runs in GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def told(head: str, notes: Sequence[str], found: Sequence[Cause], place: Places) -> list[str]:
    """Add to the summary of the job; returns the lines that annotate, to be printed.

    `place` says where the function stands that a cause is about.
    """
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    problem = _append(Path(path), summary(head, notes, found)) if path else ""
    return [*annotations(found, place), *([f"::warning::{_message(problem)}"] if problem else [])]


def _append(path: Path, text: str) -> str:
    """Append to the summary; returns a sentence if that cannot be. It costs no run its verdict."""
    try:
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        return f"parity: the summary of the job cannot be written: {error}"
    return ""


def summary(head: str, notes: Sequence[str], found: Sequence[Cause]) -> str:
    """The verdict, what is said beside it and the causes, as Markdown."""
    lines = ["## parity", "", str(markdown(head)), "", *(f"- {markdown(note)}" for note in notes), ""]
    if found:
        lines += [f"### {markdown(headline(found))}", ""]
    size = sum(map(len, lines))
    for number, cause in enumerate(found, start=1):
        entry = [f"{number}. {markdown(title(cause) + hint(cause))}", ""]
        if number <= EXAMPLES:
            # the blank lines are needed: else what is inside is no Markdown
            entry += [
                "<details><summary>smallest example</summary>",
                "",
                str(block(str(cause.example))),
                "",
                "</details>",
                "",
            ]
        size += sum(map(len, entry))
        if size > MOST:
            lines.append(f"... and {len(found) - number + 1} more")
            break
        lines += entry
    return "\n".join(lines) + "\n"


def annotations(found: Sequence[Cause], place: Places) -> Iterator[str]:
    """Two lines a cause: one for the line of the function, where that is known, and one for that of the case.

    GitHub shows the first ten of a step; the causes come in the order in which they should be read.
    """
    for number, cause in enumerate(found, start=1):
        heading = f"parity: cause {number} of {len(found)}"
        message = f"{title(cause)}{hint(cause)}\n{cause.example.id}"
        example = Place(cause.example.path, cause.example.line)
        for where in filter(None, (place(cause), example if example.path else None)):
            path, line = _property(_within(where.path)), max(where.line, 1)
            yield f"::error file={path},line={line},title={_property(heading)}::{_message(message)}"


def _within(path: str) -> str:
    """The path as the repository has it, of a file in it."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    try:
        return Path(os.path.abspath(path)).relative_to(os.path.abspath(root)).as_posix()
    except ValueError:
        return path


def _message(text: str) -> str:
    """A text as the runner reads it; what others wrote in it begins no command of its own."""
    return visible(text, keep="\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")

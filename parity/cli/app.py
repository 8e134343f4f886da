"""The application that the commands belong to, and what they share: how they refuse, and what is plain text."""

import os
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

# Exit statuses. Another is that of Ctrl-C.
AGREES, DIFFERS, USAGE = 0, 1, 2
INTERRUPTED = 130

# The commands in the order in which a person comes to them.
COMMANDS = (
    "check", "show", "list", "facts", "report", "diff", "merge", "resume", "fuzz", "new", "schema", "coverage",
    "versions", "changes", "snapshot",
)  # fmt: skip


class _InOrder(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=COMMANDS.index)


app = typer.Typer(cls=_InOrder, invoke_without_command=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(
    epilog="""\b
Examples:
  parity check cross_entropy mylib:fused --framework torch     a function of yours, at every point of a loss
  parity check mylib:IMPLEMENTATION --budget 1m                all losses of a library, for a minute

\b
  pytest cases --parity-results results.jsonl                  run all cases, keep a record a point
  parity report results.jsonl --to reports                     show them as parity.md and parity.html
  parity diff old.jsonl results.jsonl                          what has changed since an earlier run

\b
  pytest cases --parity-shard 1/2 --parity-results one.jsonl   on one machine
  pytest cases --parity-shard 2/2 --parity-results two.jsonl   on another
  parity merge one.jsonl two.jsonl --to results.jsonl

\b
  parity list points mse_loss --where "float16 and not large"  which points there are
  parity new focal_loss --reference mylib.eager:focal_loss     a first case file for a loss of your own

\b
Exit status: 0 everything agrees, or is done; 1 something differs, was not compared, or is refused;
2 the command was not used as it can be; 130 Ctrl-C. Without colours if NO_COLOR is set.
"""
)
def parity(context: typer.Context) -> None:
    """Holds a loss function against torch.nn.functional.

    Without a command it tells the versions.
    """
    from parity.engine.lasting import ends_soon

    ends_soon()
    if context.invoked_subcommand is None:
        from parity.references.about import lines

        typer.echo("\n".join(lines()))


def losses(incomplete: str) -> list[str]:
    """The losses that a shell completes a word to: those that have cases, since nothing is imported to know them."""
    from parity.cases.shipped import case_folder

    return sorted(path.stem for path in case_folder().glob(f"{incomplete}*.yaml"))


def refuse(sentences: str, status: int = USAGE) -> NoReturn:
    """End the command with sentences about what was found and what is expected, a line each."""
    for sentence in sentences.splitlines():
        print(f"parity: {sentence}", file=sys.stderr)
    raise typer.Exit(status)


def verdict(text: str, good: bool) -> None:
    """Print lines of which the first is a verdict, in colour on a terminal unless NO_COLOR is set."""
    first, newline, rest = text.partition("\n")
    colour = False if os.environ.get("NO_COLOR") else None
    typer.echo(typer.style(first, fg="green" if good else "red") + newline + rest, color=colour)

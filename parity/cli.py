"""The command line: `parity COMMAND`. What a command needs is imported when it runs, so that help comes at once."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
Results = Annotated[Path, typer.Argument(metavar="RESULTS", help="a file that `pytest --parity-results FILE` wrote")]


@app.callback(
    epilog="""\b
Examples:
  pytest cases --parity-results results.jsonl      run all cases, keep a record a point
  parity report results.jsonl --to reports         show them as parity.md and parity.html

\b
  pytest cases --parity-shard 1/2 --parity-results one.jsonl     on one machine
  pytest cases --parity-shard 2/2 --parity-results two.jsonl     on another
  parity merge one.jsonl two.jsonl --to results.jsonl
"""
)
def parity() -> None:
    """Holds a loss function against torch.nn.functional."""


@app.command()
def report(
    results: Results, to: Annotated[Path, typer.Option(metavar="FOLDER", help="where to write")] = Path("reports")
) -> None:
    """Show the records of a run as tables.

    Writes parity.md and parity.html. Exit status 0 only if every planned point has a record and none leaves parity.
    """
    from parity.report.__main__ import report as written

    raise typer.Exit(written(results, to))


@app.command(
    epilog="""\b
Example:
  parity merge 1.jsonl 2.jsonl 3.jsonl --to all.jsonl
"""
)
def merge(
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD", help="the file of each `--parity-shard`")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="the joined file")],
) -> None:
    """Join the files of all shards of one run.

    Refuses, in sentences, shards that are missing, there twice, not whole, or of another run.
    """
    from parity.records.file import Unwritable
    from parity.records.merge import Unmergeable
    from parity.records.merge import merge as joined

    try:
        count = joined(shards, to)
    except (Unmergeable, Unwritable) as error:
        _refuse(str(error))
    typer.echo(f"{count:,} records of {len(shards)} shards")


@app.command(
    epilog="""\b
Examples:
  pytest cases --parity-where "ignored targets and not large"
  parity.check("cross_entropy", fused, only="float16 or bfloat16", exclude="very large")
"""
)
def facts() -> None:
    """List the words for facts: what a point is about.

    They are joined by and, or, not and parentheses, and say which points are meant: in --parity-where, in only= and
    exclude= of check, in expected failures and in a case's `where:`.
    """
    from parity.facts.words import families, options

    for family, words in families():
        typer.echo(f"{family}")
        for word, sentence in words:
            typer.echo(f"  {word:24}{sentence}")
    typer.echo(f"OPTION is one of {', '.join(options())}")


def _refuse(sentences: str) -> NoReturn:
    for sentence in sentences.splitlines():
        print(f"parity: {sentence}", file=sys.stderr)
    raise typer.Exit(1)

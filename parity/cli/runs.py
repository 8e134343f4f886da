"""What is made of the records of runs: report, diff, merge, resume."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from parity.cli.app import DIFFERS, USAGE, app, refuse, verdict

Results = Annotated[Path, typer.Argument(metavar="RESULTS", help="a file that `pytest --parity-results FILE` wrote")]


@app.command(
    epilog="""\b
Example:
  pytest cases --parity-results results.jsonl
  parity report results.jsonl --to reports
  parity report results.jsonl --since old.jsonl                what has changed stands at its top
"""
)
def report(
    results: Results,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="where to write")] = Path("reports"),
    since: Annotated[
        Path | None, typer.Option(metavar="OLD", help="an earlier run's records [default: kept.jsonl beside RESULTS]")
    ] = None,
) -> None:
    """Show the records of a run as tables.

    Writes parity.md and parity.html. Exit status 0 only if every planned point has a record and none leaves parity.
    """
    from parity.report.__main__ import report as written

    raise typer.Exit(written(results, to, since))


@app.command(
    epilog="""\b
Examples:
  pytest cases --parity-results new.jsonl ; parity diff old.jsonl new.jsonl
  parity check cross_entropy mylib:fused --framework torch --results new.jsonl ; parity diff old.jsonl new.jsonl

\b
Exit status: 0 nothing fails anew; 1 something does; 2 a file cannot be read.
"""
)
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="the records of a run")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="the records of a later one")],
) -> None:
    """Tell what has changed from one run to another.

    The points that fail anew and no more, that are new and gone; the causes that came and went; errors that have grown
    beyond noise; the versions that differ.
    """
    from parity.records.read import read_records
    from parity.report.differences import differences

    runs = []
    for path in (old, new):
        results = read_records(path)
        if not results.records:
            refuse(" ".join([*results.problems, "`pytest --parity-results FILE` writes a file of records."]))
        runs.append(results)
    found = differences(*runs)
    verdict(str(found), found.ok)
    raise typer.Exit(0 if found.ok else DIFFERS)


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
        refuse(str(error), DIFFERS)
    typer.echo(f"{count:,} records of {len(shards)} shards")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="""\b
Examples:
  parity resume results.jsonl
  parity resume results.jsonl -n 4 cases/mse_loss.yaml         with arguments for pytest

\b
Exit status: 0 everything agrees; 1 something differs; 2 the run cannot be resumed.
""",
)
def resume(context: typer.Context, results: Results) -> None:
    """Run the points of a run that have no record yet.

    Theirs are appended. The implementations, the seeds, the depth and the shard are those that the file names, and so
    are the case files unless others are named. Whatever else is given is pytest's.
    """
    import subprocess

    from parity.records.read import read_records
    from parity.records.resuming import arguments, unnameable

    found = read_records(results)
    if not found.header:
        refuse(" ".join(found.problems))
    unnamed = next(unnameable(found), None)
    if unnamed is not None:
        refuse(f"{results} was written by `parity check` and does not say where {unnamed} is: run the check again")
    given = list(context.args)
    command = [sys.executable, "-m", "pytest", *arguments(results, found, cases=not any(map(_is_place, given))), *given]
    status = subprocess.run(command, check=False).returncode
    raise typer.Exit({0: 0, 4: USAGE}.get(status, DIFFERS))


def _is_place(argument: str) -> bool:
    """Whether an argument of pytest's names a file or a folder."""
    return not argument.startswith("-") and Path(argument.partition("::")[0]).exists()

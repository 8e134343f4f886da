"""Commands about versions of torch: which this is, what it answers, what changed between two."""

from pathlib import Path
from typing import Annotated

import typer

from parity.cli.app import app, refuse


@app.command()
def versions() -> None:
    """Tell the versions, what this torch lacks of what the cases ask for, and what was found by asking it."""
    from parity.references.about import lines

    typer.echo("\n".join(lines()))


@app.command()
def snapshot(
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="default: torch-VERSION.json.xz")] = None,
) -> None:
    """Write what this torch answers to every point of the shipped cases, as hashes, to one small file."""
    from parity.engine.snapshot import NotTorch
    from parity.engine.snapshot import snapshot as taken

    try:
        found = taken(lambda loss: typer.echo(loss, err=True))
        path = to or Path(f"torch-{found.torch}.json.xz")
        found.written(path)
    except (NotTorch, OSError) as error:
        refuse(str(error))
    typer.echo(f"{path}: {len(found.outcomes):,} points of torch {found.torch}")


@app.command(
    epilog="""\b
Example:
  parity changes 2.13 2.14
"""
)
def changes(
    before: Annotated[str, typer.Argument(metavar="A", help="a version, or a file that `parity snapshot` wrote")],
    after: Annotated[str, typer.Argument(metavar="B", help="the version, or the file, to hold against it")],
) -> None:
    """Tell what changed between two versions of torch, a cause a line, with the number of points."""
    from parity.engine.changes import Unknown, snapshot_of
    from parity.engine.changes import changes as found
    from parity.references.snapshots import Unreadable

    try:
        one, other = snapshot_of(before), snapshot_of(after)
    except (Unknown, Unreadable) as error:
        refuse(str(error))
    for change in found(one, other):
        typer.echo(str(change))

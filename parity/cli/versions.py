"""Commands about versions of torch: which this is, what it answers, what changed between two."""

from pathlib import Path
from typing import Annotated

import typer

from parity.cli.app import app, refuse


@app.command(
    epilog="""\b
Example:
  parity versions                                              the same as `parity` alone
"""
)
def versions() -> None:
    """Tell the versions, and what this torch lacks.

    That is, what the cases ask for and it does not have, and what was found by asking it.
    """
    from parity.references.about import lines

    typer.echo("\n".join(lines()))


@app.command(
    epilog="""\b
Example:
  parity snapshot --to mine.json.xz ; parity changes 2.13 mine.json.xz
"""
)
def snapshot(
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="default: torch-VERSION.json.xz")] = None,
) -> None:
    """Keep what this torch answers to every point, as hashes.

    The points are those of the shipped cases; the file is a small one, which `parity changes` reads.
    """
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
    """Tell what changed between two versions of torch.

    A line for each cause, with the number of its points.
    """
    from parity.engine.changes import Unknown, snapshot_of
    from parity.engine.changes import changes as found
    from parity.references.snapshots import Unreadable

    try:
        one, other = snapshot_of(before), snapshot_of(after)
    except (Unknown, Unreadable) as error:
        refuse(str(error))
    for change in found(one, other):
        typer.echo(str(change))

"""What there is to compare, and how it is added to: list, facts, coverage, new, schema."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from parity.cli.app import DIFFERS, app, losses, refuse

Losses = Annotated[list[str] | None, typer.Argument(metavar="[LOSS]...", help="by default all", autocompletion=losses)]
Where = Annotated[str | None, typer.Option(metavar="FACTS", help="only points with these facts: 'float16 and weight'")]


class What(StrEnum):
    """What can be listed."""

    LOSSES = "losses"
    SCENARIOS = "scenarios"
    POINTS = "points"
    FACTS = "facts"


@app.command(
    "list",
    epilog="""\b
Examples:
  parity list                                               the losses, with the number of their points
  parity list scenarios cross_entropy
  parity list points cross_entropy --where "ignored targets and not float16"
  parity list facts mse_loss kl_div                         how many of their points have each fact
""",
)
def listing(
    what: Annotated[What, typer.Argument(help="what to list")] = What.LOSSES,
    names: Losses = None,
    where: Where = None,
    cases: Annotated[Path | None, typer.Option(metavar="FILE", help="a case file of your own, or a folder")] = None,
    depth: Annotated[str, typer.Option(help="deep: what only a deep run has too")] = "default",
) -> None:
    """List losses, scenarios, points or facts, and count points."""
    from parity.cases.errors import CaseError
    from parity.facts.expression import Misspelt
    from parity.report.listing import Unlisted, listed

    try:
        for line in listed(what, names or (), where, cases, depth):
            typer.echo(line)
    except Misspelt as error:
        refuse(f"--where: {error}")
    except (CaseError, Unlisted) as error:
        refuse(str(error))


@app.command(
    epilog="""\b
Examples:
  pytest cases --parity-where "ignored targets and not large"
  parity check cross_entropy mylib:fused --only "float16 or bfloat16" --exclude "very large"
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


@app.command(
    epilog="""\b
Examples:
  parity coverage                                           of every loss
  parity coverage cross_entropy --where "float16" --facts
  parity coverage mse_loss --triples

\b
Exit status: 0 every pair occurs; 1 one is missing; 2 there is no such loss or fact.
"""
)
def coverage(
    names: Losses = None,
    where: Where = None,
    facts: Annotated[bool, typer.Option("--facts", help="tell also how many points have each fact")] = False,
    triples: Annotated[
        bool, typer.Option("--triples", help="tell also which facts lack with which dtype under which reduction")
    ] = False,
) -> None:
    """Tell which pairs of values of two options were compared."""
    from parity.report.coverage import show

    raise typer.Exit(show(names or (), where, facts, triples))


@app.command(
    epilog="""\b
Example:
  parity new focal_loss --reference mylib.eager:focal_loss --to cases/focal_loss.yaml
"""
)
def new(
    loss: Annotated[str, typer.Argument(metavar="LOSS", help="the name of the loss")],
    reference: Annotated[str, typer.Option(metavar="MODULE:FUNCTION", help="the callable of tensors that answers")],
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="where to write; by default LOSS.yaml")] = None,
) -> None:
    """Write a first case file for a loss that torch has not.

    Its scenarios are guessed from the reference's signature, and the reference is asked each: what it refuses is
    written down as such, or left out with a comment. Edit the file from there.
    """
    from parity.authoring.new import Undrafted
    from parity.authoring.new import new as written

    path = to or Path(f"{loss}.yaml")
    try:
        scenarios, points = written(loss, reference, path)
    except (Undrafted, OSError) as error:
        refuse(str(error), DIFFERS)
    typer.echo(f"{path}: {scenarios} scenarios, {points:,} points")


@app.command(
    epilog="""\b
Examples:
  parity schema --to cases/schema.json
  parity schema > schema.json

\b
The first line of a case file names it for editors:
  # yaml-language-server: $schema=schema.json
"""
)
def schema(to: Annotated[Path | None, typer.Option(metavar="FILE", help="by default it is printed")] = None) -> None:
    """Write the JSON Schema of case files, for editors."""
    from parity.cases.schema import text

    if to is None:
        typer.echo(text(), nl=False)
        return
    try:
        to.write_text(text())
    except (OSError, ValueError) as error:
        refuse(f"{to} cannot be written: {getattr(error, 'strerror', None) or error}", DIFFERS)
    typer.echo(f"wrote {to}")

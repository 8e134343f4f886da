"""`parity show`: one draw of a point, both sides beside each other, and the point made smaller.

Its options are those of `parity.show`.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from parity.cli.app import DIFFERS, app, refuse, verdict
from parity.cli.check import _ARGUMENTS, _CASES, _FUNCTION, _REFERENCE, Text, Texts, _option


@app.command(
    epilog="""\b
Examples:
  parity show "mse_loss/plain grid/mean-float32" mylib:mse --framework torch
  parity show "mse_loss/plain grid/mean-float32" mylib:IMPLEMENTATION --seed 2
  parity show "mse_loss/plain grid/mean-float32" --implementation textbook

\b
Exit status: 0 the point agrees; 1 it does not; 2 there is no such point, or an option means nothing.
"""
)
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="the id of a point, as reports and `parity list points` say")],
    function: Annotated[Text, _FUNCTION] = None,
    implementation: Annotated[Text, _option("NAME", "numpy, textbook, torch, or MODULE:IMPLEMENTATION")] = None,
    framework: Annotated[Text, _option("NAME", "numpy (the default) or torch")] = None,
    name: Annotated[Text, _option("NAME", "what it is called; by default its module")] = None,
    arguments: Annotated[Texts, _ARGUMENTS] = None,
    output: Annotated[Text, _option("PLACE", "the place or the key of the loss in what it returns")] = None,
    reference: Annotated[Text, _REFERENCE] = None,
    device: Annotated[Text, _option("DEVICE", "where it runs, such as cuda")] = None,
    cases: Annotated[Path | None, _CASES] = None,
    seed: Annotated[int | None, _option("SEED", "which draw; by default the first that differs")] = None,
) -> None:
    """Show one draw of a point: its arrays, and both answers.

    The exact answer and the error in ulp stand beside them, the worst marked. Of a point that does not agree the
    smallest call that shows the same follows, as a program without parity and as a scenario.
    """
    from parity.api import show as shown
    from parity.cases.errors import CaseError
    from parity.cases.reference import Named, Unimportable
    from parity.cli.checking import Misused, read
    from parity.implementations.declaration import Implementation, Misdeclared
    from parity.implementations.registry import named
    from parity.plain import visible

    if (function is None) == (implementation is None):
        refuse("whose answers? write `parity show ID MODULE:FUNCTION`, or `parity show ID --implementation NAME`")
    options = {"framework": framework, "name": name, "reference": reference, "device": device, "cases": cases}
    texts = {"arguments": arguments, "output": output}
    try:
        asked = named(str(implementation)) if function is None else Named(function, Path.cwd()).named()
        given: dict[str, Any] = {word: value for word, value in options.items() if value is not None}
        given |= {word: value for word, text in texts.items() if (value := read(word, text)) is not None}
        if function is not None and not isinstance(asked, Implementation):
            given.setdefault("name", function.partition(":")[0])
        found = shown(id, asked, seed=seed, **given)
    except (Misused, Misdeclared, CaseError, Unimportable) as error:
        refuse(str(error))
    verdict("\n".join(map(visible, str(found).split("\n"))), found.agrees)
    raise typer.Exit(0 if found.agrees else DIFFERS)

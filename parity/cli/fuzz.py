"""`parity fuzz`: a loss at calls that no case file has. The options are those of `parity.fuzz`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from parity.cli.app import DIFFERS, INTERRUPTED, app, losses, refuse, verdict
from parity.cli.check import (
    _ARGUMENTS,
    _CASES,
    _DIFFERS,
    _EXPECTED,
    _ISOLATE,
    _LACKS,
    _REFERENCE,
    _TIMEOUT,
    Text,
    Texts,
    _option,
)

_IMPLEMENTATION = _option(
    "NAME", "numpy (our own, the default), textbook, torch, or MODULE:NAME: a function, or a whole library"
)
_MINUTES = _option("MINUTES", "how long calls are drawn")
_SAVE = typer.Option("--save", help="append what is found to the case file of the loss")
_SAVE_TO = _option("FILE", "append it to another case file, which is made if it is not there")
_DATABASE = _option("FOLDER", "where the examples of causes that were told are kept, which are not told again")


@app.command(
    epilog="""\b
Examples:
  parity fuzz cross_entropy                                    our own loss, for five minutes
  parity fuzz cross_entropy --implementation mylib:IMPL --minutes 1
  parity fuzz cross_entropy --implementation mylib:fused --framework torch --save-to found.yaml
  parity fuzz focal_loss --implementation mylib:focal --framework torch --cases cases/focal_loss.yaml --save

\b
Exit status: 0 nothing new differs; 1 something does; 2 an option or a name means nothing; 130 Ctrl-C.
"""
)
def fuzz(
    loss: Annotated[str, typer.Argument(metavar="LOSS", help="the loss", autocompletion=losses)],
    implementation: Annotated[str, _IMPLEMENTATION] = "numpy",
    minutes: Annotated[float, _MINUTES] = 5.0,
    calls: Annotated[int | None, _option("COUNT", "how many calls are run at most")] = None,
    save: Annotated[bool, _SAVE] = False,
    save_to: Annotated[Path | None, _SAVE_TO] = None,
    database: Annotated[Path | None, _DATABASE] = None,
    framework: Annotated[Text, _option("NAME", "numpy (the default) or torch")] = None,
    arguments: Annotated[Texts, _ARGUMENTS] = None,
    output: Annotated[Text, _option("PLACE", "the place or the key of the loss in what it returns")] = None,
    lacks: Annotated[Texts, _LACKS] = None,
    differs: Annotated[Texts, _DIFFERS] = None,
    expected_failures: Annotated[Texts, _EXPECTED] = None,
    reference: Annotated[Text, _REFERENCE] = None,
    cases: Annotated[Path | None, _CASES] = None,
    seed_base: Annotated[int | None, _option("SEED", "another seed, other calls")] = None,
    isolate: Annotated[bool, _ISOLATE] = False,
    timeout: Annotated[float | None, _TIMEOUT] = None,
) -> None:
    """Draw calls that no case file has, and say what disagrees.

    Facts meet in them that were not seen together. Each cause comes as a sentence, a program without parity, and a
    case.
    """
    from parity.cases.errors import CaseError
    from parity.cases.reference import Named, Unimportable
    from parity.cases.shipped import case_file
    from parity.cli.checking import Misused, read
    from parity.fuzzing.run import fuzz as fuzzed
    from parity.implementations.declaration import Implementation, Misdeclared
    from parity.implementations.registry import SHIPPED, named
    from parity.plain import visible

    plain = {"framework": framework, "reference": reference, "cases": cases, "seed_base": seed_base, "timeout": timeout,
             "isolate": isolate, "database": database, "calls": calls}  # fmt: skip
    texts = {"arguments": arguments, "output": output, "lacks": lacks, "differs": differs,
             "expected_failures": expected_failures}  # fmt: skip
    given: dict[str, Any] = {word: value for word, value in plain.items() if value is not None}
    try:
        given |= {word: value for word, text in texts.items() if (value := read(word, text)) is not None}
        here = ":" in implementation and implementation not in SHIPPED
        asked = Named(implementation, Path.cwd()).named() if here else named(implementation)
        if not isinstance(asked, Implementation):
            given.setdefault("name", implementation.partition(":")[0])
        own = cases or case_file(loss)
        found = fuzzed(loss, asked, minutes=minutes, save=save_to or (own if save else None), **given)
    except (Misused, Misdeclared, CaseError, Unimportable) as error:
        refuse(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    verdict("\n".join(map(visible, str(found).split("\n"))), found.ok)
    raise typer.Exit(0 if found.ok else DIFFERS)

"""`parity check`: a function, or a library, at every point of a loss. The options are those of `parity.check`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from parity.cli.app import DIFFERS, INTERRUPTED, app, losses, refuse


def _option(metavar: str, help: str) -> Any:
    return typer.Option(metavar=metavar, help=help)


Text = str | None
Texts = list[str] | None
_LOSS = typer.Argument(metavar="LOSS", help="the loss; of a whole library its MODULE[:NAME]", autocompletion=losses)
_FUNCTION = typer.Argument(
    metavar="[MODULE:FUNCTION]", help="what is checked, found from this folder; or numpy (our own), textbook, torch"
)
_ARGUMENTS = _option("INPUT=OWN,...", "its own names of arguments; all names in order, if it takes them by position")
_LACKS = _option("WORD[: REASON]", "what it does not offer; repeated, or with commas")
_DIFFERS = _option("WORD[: REASON]", "what it does otherwise by design; repeated, or with commas")
_TOLERANCE = _option("ANSWER: BOUND", "a wider bound: 'float16 gradient: 2e-3 because it is rounded'; repeated")
_EQUIVALENTS = _option("CLASS: CLASS,...", "exceptions that may stand for one that torch raises; repeated")
_EXPECTED = _option("WHICH: REASON", "points that are to fail: a pattern of ids, or facts; repeated")
_REFERENCE = _option("MODULE:FUNCTION", "a callable of tensors that answers in torch's place; none: nobody is asked")
_PROMISES = _option("WORD", "what it says of itself beyond torch: 'batch invariance'; repeated")
_VARY = _option("OPTION=[VALUE, ...]", "values of an option that the reference alone has; repeated")
_ONLY = _option("WHICH", "the points that are run: an id, a pattern of ids, or facts; repeated")
_EXCLUDE = _option("WHICH", "points that are not run, likewise; repeated")
_CASES = _option("FILE", "a case file of your own, or a folder of them")
_STRICT = typer.Option("--strict", help="an answer nearer to the exact one than torch's is a failure too")
_ISOLATE = typer.Option("--isolate", help="run the points in a process of their own, which may crash")
_NO_CACHE = typer.Option("--no-cache", help="neither use nor keep torch's answers of earlier runs")
_TIMEOUT = _option("SECONDS", "limit of a point, in a process of its own")
_SAVE = _option("FILE", "keep the report: .json, .html, .md or .txt; repeated")
_RESULTS = _option("FILE", "keep a record a point, for `parity diff` and `parity report`")
_UNTIL = typer.Option("--until-failure", help="leave a loss at its first failure")
_BASELINE = _option("FILE", "the failures that are known, each with its reason")
_WRITE = typer.Option("--write-baseline", help="write what fails to the baseline, its reasons to be filled in")


@app.command(
    epilog="""\b
Examples:
  parity check cross_entropy mylib:fused --framework torch
  parity check cross_entropy mylib:FusedCE.apply --framework torch --arguments input=logits,target=labels --output 0
  parity check cross_entropy mylib:fused --lacks "label_smoothing: not fused yet" --lacks float16 --budget 30s
  parity check cross_entropy mylib:fused --differs "output dtype: accumulates in float32" --only "reduction=mean"
  parity check cross_entropy mylib:fused --reference mylib:eager --vary "softcap=[null, 30.0]"
  parity check cross_entropy mylib:fused --framework torch --reference none    what its own calls owe to each other
  parity check focal_loss mylib:focal --framework torch --cases cases/focal_loss.yaml
  parity check mylib:IMPLEMENTATION                            all losses of a parity.Implementation
  parity check mylib --framework torch                         the functions of a module that are called as losses are

\b
  parity check mse_loss mylib:mse --baseline known.yaml --write-baseline     write the known failures down,
  parity check mse_loss mylib:mse --baseline known.yaml                      and hear of each change from then on

\b
Exit status: 0 all that was run agrees; 1 something differs, or nothing was compared; 2 an option or a name means
nothing; 130 Ctrl-C.
"""
)
def check(
    loss: Annotated[str, _LOSS],
    function: Annotated[Text, _FUNCTION] = None,
    framework: Annotated[Text, _option("NAME", "numpy (the default) or torch")] = None,
    name: Annotated[Text, _option("NAME", "what it is called; by default its module")] = None,
    arguments: Annotated[Texts, _ARGUMENTS] = None,
    output: Annotated[Text, _option("PLACE", "the place or the key of the loss in what it returns")] = None,
    lacks: Annotated[Texts, _LACKS] = None,
    differs: Annotated[Texts, _DIFFERS] = None,
    tolerance: Annotated[Texts, _TOLERANCE] = None,
    equivalents: Annotated[Texts, _EQUIVALENTS] = None,
    expected_failures: Annotated[Texts, _EXPECTED] = None,
    reference: Annotated[Text, _REFERENCE] = None,
    promises: Annotated[Texts, _PROMISES] = None,
    vary: Annotated[Texts, _VARY] = None,
    device: Annotated[Text, _option("DEVICE", "where it runs, such as cuda")] = None,
    only: Annotated[Texts, _ONLY] = None,
    exclude: Annotated[Texts, _EXCLUDE] = None,
    cases: Annotated[Path | None, _CASES] = None,
    seeds: Annotated[int | None, _option("COUNT", "draws a point; by default the case's own, 3")] = None,
    seed_base: Annotated[int | None, _option("SEED", "the first seed: another base, fresh draws")] = None,
    depth: Annotated[Text, _option("DEPTH", "smoke: at most 100 points a loss; deep: more sizes and seeds")] = None,
    budget: Annotated[Text, _option("TIME", "run points for that long: 30s, 5m, 1h")] = None,
    until_failure: Annotated[bool, _UNTIL] = False,
    strict: Annotated[bool, _STRICT] = False,
    isolate: Annotated[bool, _ISOLATE] = False,
    timeout: Annotated[float | None, _TIMEOUT] = None,
    no_cache: Annotated[bool, _NO_CACHE] = False,
    save: Annotated[list[Path] | None, _SAVE] = None,
    results: Annotated[Path | None, _RESULTS] = None,
    baseline: Annotated[Path | None, _BASELINE] = None,
    write_baseline: Annotated[bool, _WRITE] = False,
) -> None:
    """Hold a function against torch at every point of a loss.

    The report says what is wrong by its causes, each with the facts that tell its points from those that agree.
    """
    from parity.cli.checking import Asked, Misused, run

    given = {
        "framework": framework, "name": name, "device": device, "only": only, "exclude": exclude, "cases": cases,
        "reference": reference, "promises": promises, "seeds": seeds, "seed_base": seed_base, "depth": depth,
        "budget": budget, "strict": strict, "isolate": isolate, "timeout": timeout, "no_cache": no_cache,
        "until_failure": until_failure,
    }  # fmt: skip
    texts = {
        "arguments": arguments, "output": output, "lacks": lacks, "differs": differs, "tolerance": tolerance,
        "equivalents": equivalents, "expected_failures": expected_failures, "vary": vary,
    }  # fmt: skip
    try:
        found = run(Asked(loss, function, given, texts, save or [], results, baseline, write_baseline))
    except Misused as error:
        refuse(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if found else DIFFERS)

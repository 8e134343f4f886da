"""A case file -> scenarios. Raises CaseError with a sentence for everything that is wrong in the file."""

from collections.abc import Collection, Mapping
from itertools import islice
from math import prod
from pathlib import Path

from pydantic import ValidationError

from parity import losses
from parity.cases import checks
from parity.cases.errors import nearest, quoted
from parity.cases.literals import written
from parity.cases.reader import Document, Problem, read
from parity.cases.scenario import Scenario, scenario_of
from parity.cases.schema import CaseFile
from parity.cases.sentences import sentences

POINTS = 50_000
# Values in the file's defaults, once for each case.
SHARED = 400_000


def load(path: Path, served: Mapping[str, Collection[str]]) -> list[Scenario]:
    """The scenarios of the file at `path`.

    `served` maps each implementation that may be named in an xfail to the losses it has. Raises CaseError
    if the file cannot be used.
    """
    document = read(path)
    file = _validated(document)
    shared = document.count(("defaults",))
    if shared * len(file.cases) > SHARED:
        said = f"found {shared} values for each of {len(file.cases)} cases, expected at most {SHARED} in all"
        raise document.error([Problem(("defaults",), said)])
    problems = list(checks.repeated_names(file, document))
    scenarios = []
    points = 0
    for index, case in enumerate(file.cases):
        scenario = scenario_of(file, case, path, document.mark(("cases", index)).line)
        points += prod(len(axis) for axis in scenario.across.values())
        if points > POINTS:
            said = f"this file has {points} points up to here, expected at most {POINTS}"
            raise document.error([*problems, Problem(("cases", index, "across"), said)])
        problems += islice(checks.problems(scenario, file, index, served), checks.MOST)
        scenarios.append(scenario)
        if len(problems) >= checks.MOST:
            break
    if problems:
        raise document.error(problems)
    return scenarios


def _validated(document: Document) -> CaseFile:
    """The document as the model reads it."""
    data = document.data
    if not isinstance(data, dict):
        raise document.error([Problem((), f"found {written(data)}, expected a mapping with 'loss:' and 'cases:'")])
    try:
        file = CaseFile.model_validate(data)
    except ValidationError as error:
        raise document.error(sentences(error, data)) from None
    if file.loss not in losses.LOSSES:
        said = f"there is no loss {quoted(file.loss)}{nearest(file.loss, losses.LOSSES)}"
        raise document.error([Problem(("loss",), said)])
    return file

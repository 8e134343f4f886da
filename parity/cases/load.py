"""A case file -> scenarios. Raises CaseError with a sentence for everything that is wrong in the file."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from parity import losses
from parity.cases import checks
from parity.cases.axes import parts, values_of
from parity.cases.errors import nearest, quoted
from parity.cases.expected import file_needs
from parity.cases.literals import written
from parity.cases.reader import Document, Problem, read
from parity.cases.reference import EXAMPLE, Named, Unimportable
from parity.cases.scenario import Home, Scenario, argument, scenario_of
from parity.cases.schema import Case, CaseFile, Defaults
from parity.cases.sentences import sentences
from parity.cases.shared import Written, used, used_by
from parity.cases.signature import read_signature, signature_of

POINTS = 50_000
# Values in the file's defaults, once for each case.
VALUES = 400_000


def load(path: Path, served: Mapping[str, Collection[str]]) -> list[Scenario]:
    """The scenarios of the file at `path`.

    `served` maps each implementation that may be named in an xfail to the losses it has. Raises CaseError
    if the file cannot be used.
    """
    document = read(path)
    file = _validated(document)
    home = _home(file, document)
    own = [Written(case, document, index) for index, case in enumerate(file.cases)]
    cases = [*own, *used(file, document, home.signature)]
    if home.reference is not None:
        home = _home(file, document, [one.case for one in cases])
    values = document.count(("defaults",))
    if values * len(cases) > VALUES:
        sentence = f"found {values} values for each of {len(cases)} cases, expected at most {VALUES} in all"
        raise document.error([Problem(("defaults",), sentence)])
    problems = list(checks.repeated_names(file.cases, document))
    scenarios = []
    points = 0
    for one in cases:
        line = one.document.mark(("cases", one.index)).line
        scenario = scenario_of(file, one.case, home, one.document.path, line)
        points += prod(len(axis) for axis in scenario.across.values())
        if points > POINTS:
            sentence = f"this file has {points} points up to here, expected at most {POINTS}"
            place = ("cases", one.index, "across") if one.document is document else ("use",)
            raise document.error([*problems, Problem(place, sentence)])
        found = list(islice(checks.problems(scenario, file, one.index, served), checks.MOST))
        if one.document is not document:
            shared = [problem for problem in found if problem.place[0] != "defaults"]
            if shared:
                raise document.error(problems) if problems else used_by(shared, one.document, document)
        problems += found
        scenarios.append(scenario)
        if len(problems) >= checks.MOST:
            break
    problems = problems or list(islice(file_needs(scenarios, file.defaults.torch), checks.MOST))
    if problems:
        raise document.error(problems)
    return scenarios


def _validated(document: Document) -> CaseFile:
    """The document as the model reads it."""
    data = document.data
    if not isinstance(data, dict):
        raise document.error([Problem((), f"found {written(data)}, expected a mapping with 'loss:' and 'cases:'")])
    if "shared" in data and "loss" not in data:
        sentence = "this is a file of shared cases, expected a loss's own with 'loss:', which may 'use:' it"
        raise document.error([Problem(("shared",), sentence, key=True)])
    try:
        file = CaseFile.model_validate(data)
    except ValidationError as error:
        raise document.error(sentences(error, data)) from None
    if file.reference is None and file.loss not in losses.LOSSES:
        sentence = f"there is no loss {quoted(file.loss)}{nearest(file.loss, losses.LOSSES)}"
        own = "" if "did you mean" in sentence else f"; a loss of your own has 'reference: {EXAMPLE}' beside it"
        raise document.error([Problem(("loss",), sentence + own)])
    if file.reference is not None and not file.loss.isidentifier():
        raise document.error([Problem(("loss",), f"found {quoted(file.loss)}, expected a name such as focal_loss")])
    return file


def _home(file: CaseFile, document: Document, cases: Sequence[Case] = ()) -> Home:
    """What the loss takes, and the reference if the file names one, whose arrays are seen from the cases."""
    path = document.path
    if file.reference is None:
        return Home(path, signature_of(file.loss), None)
    named = Named(file.reference, path.parent.resolve())
    try:
        function = named.function()
        return Home(path, read_signature(file.loss, function, _given(file, cases)), named)
    except Unimportable as error:
        raise document.error([Problem(("reference",), str(error))]) from None


def _given(file: CaseFile, cases: Sequence[Case]) -> dict[str, list[Any]]:
    """The values that the file and these cases give each argument."""
    found = defaultdict(list)
    written_in: list[Defaults | Case] = [file.defaults, *cases]
    for one in written_in:
        for name, value in one.given.items():
            found[name].append(value)
        for axis, values in one.across.items():
            found[argument(axis)] += [value for _, value in parts(values_of(file.loss, axis, values))]
    return found

"""Scenarios that several losses share: which of them a loss has, from the files that its own file uses."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from parity import losses
from parity.cases.axes import OWN
from parity.cases.checks import MOST, repeated_names
from parity.cases.errors import CaseError, nearest, quoted
from parity.cases.literals import written
from parity.cases.reader import Document, Problem, parse, text_of
from parity.cases.scenario import argument
from parity.cases.schema import Case, CaseFile, SharedFile
from parity.cases.sentences import sentences
from parity.cases.signature import Signature, signature_of
from parity.cases.uses import shared_files


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A case and where it is written: in the loss's own file, or in a shared one."""

    case: Case
    document: Document
    index: int


def used(file: CaseFile, document: Document, signature: Signature) -> Iterator[Written]:
    """The shared cases that the loss has: all that its file uses and whose arguments it takes, but the excepted.

    A case of the file's own, or of a shared file that is named later, takes the place of a shared one of the same
    name. Raises CaseError for a shared file that is not there or cannot be read, and for an `except:` of nothing.
    """
    known = shared_files(document.path.parent)
    own = {case.name for case in file.cases}
    found: dict[str, Written] = {}
    problems: list[Problem] = []
    for position, name in enumerate(file.use):
        if name in file.use[:position]:
            problems.append(Problem(("use", position), f"{quoted(name)} stands here again"))
            continue
        if name not in known:
            sentence = f"there is no shared file {quoted(name)}{nearest(name, known)}"
            problems.append(Problem(("use", position), sentence))
            continue
        for one in shared_cases(known[name]):
            if one.case.name not in own and _takes(signature, one.case):
                found[one.case.name] = one
    for name in islice(file.but, MOST):
        if name not in found:
            sentence = f"this excepts nothing: {file.loss} has no shared case {quoted(name)}{nearest(name, found)}"
            problems.append(Problem(("except", name), sentence, key=True))
    if problems:
        raise document.error(problems)
    yield from (one for name, one in found.items() if name not in file.but)


def _takes(signature: Signature, case: Case) -> bool:
    """Whether the loss has every argument that the case names; a name that no loss has is left for the checks."""
    named = [*case.given, *(argument(axis) for axis in case.across if axis not in OWN)]
    takes = signature.knows
    return all(takes(name) or not any(signature_of(other).knows(name) for other in losses.LOSSES) for name in named)


def shared_cases(path: Path) -> list[Written]:
    """The cases of a shared file. Raises CaseError if it cannot be used."""
    return _cases_of(text_of(path), path)


@lru_cache(maxsize=64)
def _cases_of(text: str, path: Path) -> list[Written]:
    """The same; many losses use one file, which is read again only where its text has changed."""
    document = parse(text, path)
    data = document.data
    if not isinstance(data, dict):
        raise document.error([Problem((), f"found {written(data)}, expected a mapping with 'shared:' and 'cases:'")])
    try:
        file = SharedFile.model_validate(data)
    except ValidationError as error:
        raise document.error(sentences(error, data)) from None
    if file.shared != path.stem:
        sentence = f"found {quoted(file.shared)}, expected the file's own name, {quoted(path.stem)}"
        raise document.error([Problem(("shared",), sentence)])
    repeated = list(repeated_names(file.cases, document))
    if repeated:
        raise document.error(repeated)
    return [Written(case, document, index) for index, case in enumerate(file.cases)]


def used_by(problems: list[Problem], one: Document, by: Document) -> CaseError:
    """What is wrong with shared cases in a loss: each sentence names both files."""
    mark = by.mark(("use",))
    return one.error([Problem(place, f"{text} (used by {by.path}:{mark.line})", key) for place, text, key in problems])

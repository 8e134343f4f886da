"""Cases that the fuzzer found, appended to a case file: every line that stands there stays as it is, comments too."""

from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent
from typing import TYPE_CHECKING

import yaml

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.causes.cause import Unshrinkable
from parity.causes.scenario import scenario
from parity.implementations.declaration import Misdeclared
from parity.implementations.registry import served
from parity.question import Question
from parity.wording import plural

if TYPE_CHECKING:
    from parity.fuzzing.run import Fuzzed


def saved(report: "Fuzzed", path: Path, question: Question) -> str:
    """Append a case for each cause that has a smallest example; returns a sentence. Raises Misdeclared if it cannot."""
    cases, lost = [], 0
    for cause in report.causes:
        try:
            example = cause.shrink()
            origin = replace(example.origin, scenario=replace(example.origin.scenario, file=path))
            cases.append(scenario(origin, example.call))
        except Unshrinkable:
            lost += 1
    if cases:
        append(path, cases, question)
    more = f"; {plural(lost, 'cause')} takes more than a call to show" if lost else ""
    return f"appended {plural(len(cases), 'case')} to {path}{more}"


def append(path: Path, cases: list[str], question: Question) -> None:
    """Append the items to `cases:` of the file, which must still be read then."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    text = before if before is not None else f"loss: {question.loss}\ncases:\n"
    line, column = _end(text, path)
    lines = text.rstrip("\n").splitlines()
    new = [indent(dedent(case), " " * column).rstrip("\n") for case in cases]
    made = [*lines[:line], *("\n" + item if before is not None else item for item in new), *_rest(lines[line:])]
    path.write_text("\n".join(made) + "\n", encoding="utf-8")
    try:
        load(path, served([question.implementation]))
    except CaseError as error:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
        raise Misdeclared(f"nothing was appended, since {path} could not be read then: {error}") from None


def _rest(lines: list[str]) -> list[str]:
    return ["", *lines] if lines else []


def _end(text: str, path: Path) -> tuple[int, int]:
    """The line after the last case, and the column of its dash."""
    try:
        document = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Misdeclared(f"{path} cannot be read: {error}") from None
    pairs = document.value if isinstance(document, yaml.MappingNode) else []
    cases = next((value for key, value in pairs if key.value == "cases"), None)
    if isinstance(cases, yaml.ScalarNode) and not cases.value:
        return len(text.rstrip("\n").splitlines()), 2
    if not isinstance(cases, yaml.SequenceNode) or cases.flow_style:
        raise Misdeclared(f"{path} has no list of cases, a line or more each, to append to")
    lines = text.rstrip("\n").splitlines()
    line = min((key.start_mark.line for key, _ in pairs if key.start_mark.line > cases.start_mark.line), default=None)
    if line is None:
        return len(lines), cases.start_mark.column
    while not lines[line - 1] or lines[line - 1].startswith("#"):  # a comment above the next key is about that
        line -= 1
    return line, cases.start_mark.column

"""`parity new`: a first case file for a loss of one's own, each of whose cases its reference has been asked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from typing import Any

from parity.authoring.roles import candidates, is_array, role_of
from parity.authoring.templates import SIZES, Base, Case, cases
from parity.cases.errors import CaseError
from parity.cases.expected import EXCEPTIONS
from parity.cases.flow import flow
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.reference import Named, Unimportable
from parity.cases.scenario import Scenario
from parity.cases.signature import read_signature, taken
from parity.comparison import witness
from parity.draws.draw import Plan
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.references.reference import reference_of
from parity.wording import class_names, first_line, in_words

TRIES = 400
SEEDS = 2
# What stands in a message from call to call: no numbers, sizes or names of dtypes in capitals that may differ.
_STEADY = re.compile(r"[a-z '_]{8,}")


class Undrafted(ValueError):
    """No file can be written: the sentence says why."""


@dataclass(slots=True)
class Draft:
    """The cases of a file that is being written: those that are kept, and why others are left out."""

    loss: str
    reference: str
    path: Path
    given: dict[str, Any]
    kept: list[Case] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def text(self, some: Sequence[Case] | None = None) -> str:
        """The text of the file, with all that is kept or with `some` cases alone."""
        lines = [
            f"# A first file of cases for {self.loss}, to be edited. What its arguments are was guessed from their",
            f"# names: {', '.join(f'{name} ({role_of(name)})' for name in self.given)}.",
            f"loss: {self.loss}", f"reference: {self.reference}", "defaults:", f"  sizes: {flow(SIZES)}",
            f"  given: {flow(self.given)}", "cases:",
        ]  # fmt: skip
        for case in self.kept if some is None else some:
            for position, (key, value) in enumerate(case.items()):
                lines.append(f"  {'- ' if position == 0 else '  '}{key}: {flow(value)}")
        if some is None and self.left_out:
            lines += ["", *(f"# left out: {sentence}" for sentence in self.left_out)]
        return "\n".join(lines) + "\n"

    def scenarios(self, some: Sequence[Case]) -> list[Scenario]:
        """These cases as they are read from a file beside the one that is to be written. Raises CaseError."""
        trial = self.path.with_name(f".{self.path.stem}.trial.yaml")
        try:
            trial.write_text(self.text(some), encoding="utf-8")
            return load(trial, {})
        finally:
            trial.unlink(missing_ok=True)


def new(loss: str, reference: str, path: Path) -> tuple[int, int]:
    """Write a first case file for the loss to `path`; the numbers of its cases and points.

    Raises Undrafted with a sentence if the reference cannot be had, or takes nothing that is tried.
    """
    if not loss.isidentifier():
        raise Undrafted(f"{loss!r} is not a name for a loss, expected one such as focal_loss")
    if path.exists():
        raise Undrafted(f"{path} is there already: remove it, or write elsewhere with --to")
    if not path.parent.is_dir():
        raise Undrafted(f"there is no folder {path.parent}")
    try:
        function = Named(reference, path.parent.resolve()).function()
        read_signature(loss, function, {})
        parameters = taken(function)
    except Unimportable as error:
        raise Undrafted(str(error)) from None
    draft, shape = _base(Draft(loss, reference, path, {}), parameters)
    base = Base(draft.given, parameters, shape)
    points = 0
    for case in cases(base):
        for tried in _tried(draft, case):
            draft.kept.append(tried)
    path.write_text(draft.text(), encoding="utf-8")
    points = sum(len(list(expand(scenario))) for scenario in load(path, {}))
    return len(draft.kept), points


def _base(draft: Draft, parameters: Any) -> tuple[Draft, list[Any]]:
    """The draft with a call that the reference answers with gradients, and the shape of its output in sizes."""
    needed = {name: candidates(one) for name, one in parameters.items() if one.default is one.empty}
    if not any(is_array(parameters[name]) for name in needed):
        raise Undrafted(f"{draft.reference} has no argument without a default that looks like a tensor")
    ways = sorted(product(*(range(len(values)) for values in needed.values())), key=lambda way: (sum(way), way))
    error: BaseException | None = None
    for way in islice(ways, TRIES):
        draft.given = {name: values[number] for number, (name, values) in zip(way, needed.items(), strict=True)}
        (scenario,) = draft.scenarios([{"name": "a call that works"}])
        (point,) = expand(scenario)
        ask = reference_of(scenario)
        try:
            output, vjp = ask(**Plan(point).arguments(0)[0])
            if vjp(output):
                names = {size: name for name, size in SIZES.items()}
                return draft, [names.get(size, size) for size in output.shape]
        except Exception as found:
            error = error or found
    why = f"; the first is refused with {in_words(error)}" if error else ": it has no gradients"
    raise Undrafted(f"{draft.reference} takes none of {min(len(ways), TRIES)} guesses at its arguments{why}")


def _tried(draft: Draft, case: Case) -> Iterator[Case]:
    """The case as the reference bears it out: whole, in parts that are answered or refused, or left out."""
    try:
        (scenario,) = draft.scenarios([case])
    except CaseError as error:
        draft.left_out.append(f"{case['name']}: {str(error).splitlines()[0].partition(': ')[2]}")
        return
    refused = {point: _refusal(point) for point in expand(scenario)}
    for part in _parts(case, scenario, refused):
        (scenario,) = draft.scenarios([part])
        problem = _problem(scenario)
        if problem:
            draft.left_out.append(f"{part['name']}: {problem}")
        else:
            yield part


def _parts(case: Case, scenario: Scenario, refused: dict[Point, str]) -> Iterator[Case]:
    """The case, split by one of its axes where the reference refuses some of its points and not others."""
    verdicts = set(refused.values())
    if len(verdicts) == 1:
        yield _raising(case, *verdicts)
        return
    for axis, values in scenario.across.items():
        by_label = {label: {said for point, said in refused.items() if point.choice[axis] == label} for label in values}
        if axis != "layout" and all(len(said) == 1 for said in by_label.values()):
            for number, verdict in enumerate(sorted(verdicts)):
                some = [values[label] for label, (said,) in by_label.items() if said == verdict]
                wanted = verdict.partition(":")[0]
                name = f"{case['name']}, {wanted} {number}" if wanted else case["name"]
                part = {**case, "name": name, "across": {**case.get("across", {}), axis: some}}
                yield _raising(part, verdict)
            return
    yield {**case, "name": f"{case['name']}, which is refused in part"}


def _raising(case: Case, verdict: str) -> Case:
    """The case, expected to be refused if the verdict is the class and the message of an exception."""
    if not verdict:
        return case
    wanted, _, part = verdict.partition(": ")
    return {**case, "raises": {wanted: part}}


def _refusal(point: Point) -> str:
    """With what the reference refuses a point, 'Class: message'; '' if it answers."""
    try:
        error = witness.refused(reference_of(point.scenario), Plan(point).arguments(0)[0])
    except MemoryError as missing:
        error = missing
    if error is None:
        return ""
    wanted = next(name for name in class_names(error) if name in EXCEPTIONS)
    return f"{wanted}: {max(_STEADY.findall(first_line(error)), key=len, default='')[:60].strip()}"


def _problem(scenario: Scenario) -> str:
    """What keeps the reference itself from passing a case, in a sentence; '' if nothing does."""
    answers = reference_of(scenario).function
    own = Implementation("the reference", "torch", {scenario.loss: answers})
    for point in expand(scenario):
        record = run_point(point, own, range(SEEDS))
        if record.verdict != "passed":
            lines = [line.strip(" -") for line in str(record).splitlines()[1:2]]
            return f"{point.id.rpartition('/')[2]}: {' '.join(lines)}"[:160]
    return ""

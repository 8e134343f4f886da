"""A case file -> scenarios: every name in it is checked against the loss it is about."""

import builtins
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from parity import losses
from parity.cases.errors import CaseError, Mark, nearest
from parity.cases.identity import Identity, parse_identity
from parity.cases.literals import flat, label, labels, listed, shape_of, unknown_sizes
from parity.cases.reader import Document, Place, read
from parity.cases.schema import (
    DTYPES,
    GENERATORS,
    LAYOUTS,
    Axis,
    Case,
    CaseFile,
    Defaults,
    ExpectedFailure,
    Spec,
)
from parity.cases.sentences import sentences, told
from parity.cases.signature import Signature, signature_of

ELEMENTS = 1 << 26
POINTS = 20_000
DEFAULT_SEEDS = 3
Complain = Callable[..., None]


@dataclass(frozen=True, eq=False)
class Scenario:
    """One named case with its file's defaults filled in, ready to expand into points."""

    path: Path
    line: int
    loss: str
    case: Case
    sizes: dict[str, int]
    given: dict[str, Any]
    across: dict[str, dict[str, Any]]
    seeds: int
    identity: Identity | None
    xfail: dict[str, list[ExpectedFailure]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.case.name

    @property
    def signature(self) -> Signature:
        return signature_of(self.loss)

    def is_array(self, name: str, value: Any) -> bool:
        """Whether `value` under `given` makes an array, rather than an option passed as it is."""
        if isinstance(value, Spec):
            return True
        if name != "grad_output" and not self.signature.takes_array(name):
            return False
        return isinstance(value, list) or (
            isinstance(value, bool | int | float) and name not in self.signature.numbers_too
        )


def load(path: Path, served: Mapping[str, Collection[str]]) -> list[Scenario]:
    """The scenarios of the file at `path`.

    `served` maps each implementation that may be named in an xfail to the losses it has. Raises CaseError
    with a sentence for everything that is wrong in the file.
    """
    document = read(path)
    return _Loader(document, served).scenarios()


class _Loader:
    def __init__(self, document: Document, served: Mapping[str, Collection[str]]) -> None:
        self.document, self.served = document, served
        self.problems: list[tuple[Mark, str]] = []

    def complain(self, place: Place, text: str, *, key: bool = False) -> None:
        self.problems.append((self.document.mark(place, key=key), text))

    def stop_if_wrong(self) -> None:
        if self.problems:
            unique = sorted(set(self.problems), key=lambda problem: (problem[0].line, problem[0].column))
            raise CaseError(self.document.path, unique)

    def scenarios(self) -> list[Scenario]:
        data = self.document.data
        if not isinstance(data, dict):
            self.complain((), f"found {told(data)}, expected a mapping with 'loss:' and 'cases:'")
            self.stop_if_wrong()
        try:
            file = CaseFile.model_validate(data)
        except ValidationError as error:
            for wrong, text, key in sentences(error, data):
                self.complain(wrong, text, key=key)
            self.stop_if_wrong()
            raise
        if file.loss not in losses.LOSSES:
            self.complain(("loss",), f"there is no loss {file.loss!r}{nearest(file.loss, losses.LOSSES)}")
            self.stop_if_wrong()
        seen: dict[str, int] = {}
        found = []
        for index, case in enumerate(file.cases):
            place: Place = ("cases", index)
            line = self.document.mark(place).line
            if case.name in seen:
                said = f"the name {case.name!r} stands here again, it is already in line {seen[case.name]}"
                self.complain((*place, "name"), said)
            seen[case.name] = line
            found.append(self.scenario(file, file.defaults, case, place, line))
        self.stop_if_wrong()
        return found

    def scenario(self, file: CaseFile, defaults: Defaults, case: Case, place: Place, line: int) -> Scenario:
        signature = signature_of(file.loss)
        if case.tolerance is None:
            case = case.model_copy(update={"tolerance": defaults.tolerance})
        merged = {**defaults.given, **case.given}
        given = {name: value for name, value in merged.items() if value is not None or name in case.across}
        across = {name: axis for name, axis in defaults.across.items() if name not in case.given} | case.across
        across.setdefault("dtype", ["float32"])
        sizes = {**defaults.sizes, **case.sizes}
        where = _where(case, defaults, place)
        for name, value in given.items():
            self.check_given(signature, name, value, where("given", name), sizes)
        axes = {name: self.axis(signature, name, axis, where("across", name), sizes) for name, axis in across.items()}
        self.check_sizes(given, axes, sizes, place)
        self.check_raises(case, place)
        identity = None
        if case.equals is not None:
            known = {*given, *(name.removeprefix("given.") for name in across)}
            try:
                identity = parse_identity(case.equals, file.loss, known, sizes)
            except ValueError as error:
                self.complain((*place, "equals"), str(error))
        scenario = Scenario(
            self.document.path, line, file.loss, case, sizes, given, axes,
            case.seeds or defaults.seeds or DEFAULT_SEEDS, identity, self.xfail(case, file.loss, axes, place),
        )  # fmt: skip
        for name in signature.names:
            needed = signature.default(name) is signature.parameters[name].empty
            if needed and name not in given and not _swept(axes, name):
                self.complain((*place, "name"), f"{case.name!r} gives no {name}, which {file.loss} needs")
        return scenario

    def check_given(self, signature: Signature, name: str, value: Any, place: Place, sizes: Mapping[str, int]) -> None:
        if name != "grad_output" and not signature.knows(name):
            self.complain(place, f"{signature.loss} has no argument {name!r}{nearest(name, signature.names)}", key=True)
            return
        if isinstance(value, Spec):
            if name != "grad_output" and not signature.takes_array(name):
                self.complain(place, f"{name} is an option, found the generator {value.main!r}, expected a value")
            for text in unknown_sizes(value, sizes):
                self.complain(place, text)
        elif isinstance(value, dict) and (name == "grad_output" or signature.takes_array(name)):
            word = next(iter(value), "")
            self.complain((*place, word), f"there is no generator {word!r}{nearest(word, GENERATORS)}", key=True)
        elif isinstance(value, str) and signature.takes_array(name):
            self.complain(place, f"{name} is an array, found the word {value!r}, expected numbers or a generator")
        elif isinstance(value, list) and signature.takes_array(name):
            self.check_literal(value, place)

    def check_literal(self, value: list[Any], place: Place) -> None:
        shapes = {shape_of(item) for item in value}
        if len(shapes) > 1:
            self.complain(place, f"the rows are not alike: shapes {listed(shapes)} stand beside each other")
        for text in flat(value):
            if isinstance(text, str) or text is None or isinstance(text, dict):
                self.complain(place, f"found {text!r} in an array, expected numbers")

    def axis(
        self, signature: Signature, name: str, axis: Axis, place: Place, sizes: Mapping[str, int]
    ) -> dict[str, Any]:
        values = axis if isinstance(axis, dict) else dict(labels(name, axis))
        if not isinstance(axis, dict) and len(values) != len(axis):
            self.complain(
                place, f"two values of {name} have the same label: write them as a mapping of labels to values"
            )
        argument = name.removeprefix("given.")
        if name in ("dtype", "layout"):
            allowed = DTYPES if name == "dtype" else LAYOUTS
            for index, value in enumerate(values.values()):
                if value not in allowed:
                    self.complain((*place, index), f"there is no {name} {value!r}{nearest(value, allowed)}")
        elif name in sizes:
            for index, value in enumerate(values.values()):
                if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                    self.complain((*place, index), f"the size {name} is {value!r}, expected a whole number >= 0")
        elif argument == "grad_output" or signature.knows(argument):
            for index, (word, value) in enumerate(values.items()):
                inner = word if isinstance(axis, dict) else index
                self.check_given(signature, argument, value, (*place, inner), sizes)
        else:
            words = ["dtype", "layout", *signature.names, *sizes]
            self.complain(place, f"{name!r} is no argument of {signature.loss}, size, dtype or layout"
                                 f"{nearest(name, words)}", key=True)  # fmt: skip
        return values

    def check_sizes(
        self, given: dict[str, Any], axes: dict[str, dict[str, Any]], sizes: dict[str, int], place: Place
    ) -> None:
        points = 1
        for axis in axes.values():
            points *= len(axis)
        if points > POINTS:
            self.complain((*place, "across"), f"this matrix has {points} points, expected at most {POINTS}")
        largest = dict(sizes)
        for name in sizes:
            largest[name] = max([v for v in axes.get(name, {}).values() if isinstance(v, int)] or [sizes[name]])
        pairs = list(given.items())
        pairs += [(name, value) for name, axis in axes.items() for value in axis.values()]
        for name, value in pairs:
            if not isinstance(value, Spec) or value.main in ("array", "like"):
                continue
            count = 1
            for size in value.shape:
                count *= largest.get(size, 1) if isinstance(size, str) else size
            if count > ELEMENTS:
                where = (*place, "given", name)
                self.complain(where, f"{name} has {count} elements here, expected at most {ELEMENTS}")

    def check_raises(self, case: Case, place: Place) -> None:
        for word in case.raises or {}:
            known = [n for n, c in vars(builtins).items() if isinstance(c, type) and issubclass(c, Exception)]
            if word not in known:
                self.complain(
                    (*place, "raises", word), f"there is no exception {word!r}{nearest(word, known)}", key=True
                )

    def xfail(
        self, case: Case, loss: str, axes: dict[str, dict[str, Any]], place: Place
    ) -> dict[str, list[ExpectedFailure]]:
        told: dict[str, list[ExpectedFailure]] = {}
        for name, entry in case.xfail.items():
            here: Place = (*place, "xfail", name)
            if name not in self.served:
                self.complain(here, f"there is no implementation {name!r}{nearest(name, self.served)}", key=True)
            elif loss not in self.served[name]:
                self.complain(here, f"this xfail matches nothing: {name} has no {loss}", key=True)
            entries = entry if isinstance(entry, list) else [entry]
            told[name] = [ExpectedFailure(because=e) if isinstance(e, str) else e for e in entries]
            for failure in told[name]:
                for axis, wanted in failure.where.items():
                    if axis not in axes:
                        self.complain(here, f"this xfail matches nothing: {axis!r} is not across this case"
                                            f"{nearest(axis, axes)}")  # fmt: skip
                        continue
                    for word in wanted if isinstance(wanted, list) else [wanted]:
                        known = [label(axis, value) for value in axes[axis].values()] + list(axes[axis])
                        if word not in axes[axis].values() and word not in known:
                            self.complain(here, f"this xfail matches nothing: no {axis} is {word!r}"
                                                f"{nearest(word, map(str, axes[axis].values()))}")  # fmt: skip
        return told


def _swept(axes: Mapping[str, Any], name: str) -> bool:
    return f"given.{name}" in axes or (name in axes and name not in ("dtype", "layout"))


def _where(case: Case, defaults: Defaults, place: Place) -> Callable[[str, str], Place]:
    """Where an entry stands: in the case itself, or in the file's defaults."""

    def where(part: str, name: str) -> Place:
        own = name in getattr(case, part)
        return (*place, part, name) if own else ("defaults", part, name)

    return where

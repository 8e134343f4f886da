"""What is wrong with a scenario: every name, value and combination in it, as problems with their places."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, islice, product
from typing import Any

from parity.cases import expected
from parity.cases.axes import OWN, Axis, Values, parts, words_for
from parity.cases.bounds import Extent, extent, out_of_bounds, size_words
from parity.cases.errors import nearest, quoted
from parity.cases.literals import label, unlike, written
from parity.cases.memory import MOST as MOST_BYTES
from parity.cases.memory import most_bytes
from parity.cases.reader import Document, Place, Problem
from parity.cases.scenario import Scenario, argument
from parity.cases.schema import NAME, Case, CaseFile
from parity.cases.signature import Signature
from parity.cases.specs import AROUND, DTYPES, FORMS, LAYOUTS, Like, Literally, Spec

LABEL = 80
MOST = 50
# Names of one kind, and characters of the labels of one point.
NAMES = 64
ID = 500
Where = Callable[[str, str], Place]


def repeated_names(cases: Iterable[Case], document: Document) -> Iterator[Problem]:
    """Cases of the same name."""
    seen: dict[str, int] = {}
    for index, case in enumerate(cases):
        place = ("cases", index, "name")
        if case.name in seen:
            yield Problem(place, f"the name {case.name!r} stands here again, it is already in line {seen[case.name]}")
        seen.setdefault(case.name, document.mark(place).line)


def problems(
    scenario: Scenario, file: CaseFile, index: int, served: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Everything that is wrong with the case at `index` of the file in which it is written.

    `served` maps implementations to the losses they have.
    """
    place, case = ("cases", index), scenario.case

    def where(part: str, name: str) -> Place:
        """Where an entry stands: in the case itself, or in the file's defaults."""
        return (*place, part, name) if name in getattr(case, part) else ("defaults", part, name)

    axes = {**file.defaults.across, **case.across}
    told = chain(_axes(scenario, axes, where), _arguments(scenario, where))
    found = list(islice(chain(told, _twice(case, place), _without(file, case, place)), MOST))
    found = found or list(_too_many(scenario, place))
    yield from found
    if not found:
        drawable = list(chain(_bounds(scenario, where), _likes(scenario, where)))
        yield from drawable or _memory(scenario, where)
        yield from _same_ids(scenario, place)
        yield from expected.identity(scenario, place)
        yield from expected.xfails(scenario, place, served)
        yield from expected.needs(scenario, place)
    yield from expected.needed(scenario, place)
    yield from expected.refusal(case, place)
    yield from expected.beside_around(scenario, place)
    yield from expected.figures(case, place)


def _too_many(scenario: Scenario, place: Place) -> Iterator[Problem]:
    """More names than every point can carry."""
    for part, names in ("sizes", scenario.sizes), ("across", scenario.axes), ("given", scenario.arguments):
        if len(names) > NAMES:
            yield Problem((*place, part), f"found {len(names)} names with the defaults, expected at most {NAMES}")
            return
    length = sum(max(map(len, labels)) for labels in scenario.across.values())
    if length > ID:
        yield Problem((*place, "across"), f"found labels of {length} characters in one id, expected at most {ID}")


def _values(scenario: Scenario, where: Where) -> Iterator[tuple[str, Any, Place]]:
    """Every value of every argument, with its place."""
    for name, value in scenario.given.items():
        yield name, value, where("given", name)
    fixed = {*OWN, *scenario.sizes}
    for axis, values in scenario.axes.items():
        if axis not in fixed:
            for part, value in parts(values):
                yield argument(axis), value, (*where("across", axis), *part)


def _axes(scenario: Scenario, axes: Mapping[str, Axis], where: Where) -> Iterator[Problem]:
    """Axes that vary nothing, or to values that they cannot have."""
    for axis, values in scenario.axes.items():
        place = where("across", axis)
        word, known = axes.get(axis), words_for(scenario.loss, axis)
        yield from _labels(axis, values, place)
        if isinstance(word, str) and word not in known:
            expected = f"expected a list or a word{nearest(word, known)}" if known else "expected a list"
            yield Problem(place, f"found {written(word)}, {expected}")
        if axis in OWN:
            allowed = {"dtype": DTYPES, "layout": LAYOUTS, "around": AROUND}[axis]
            for part, value in parts(values):
                if value not in allowed and value != word:
                    sort = "transformation" if axis == "around" else axis
                    sentence = f"found {written(value)}, expected a {sort}{nearest(value, allowed)}"
                    yield Problem((*place, *part), sentence)
        elif axis in scenario.sizes:
            for part, value in parts(values):
                if value != word and (type(value) is not int or value < 0):
                    yield Problem((*place, *part), f"the size {axis} is {written(value)}, expected a whole number >= 0")
        else:
            yield from _varied(scenario, axis, place)
    for size in scenario.sizes:
        if size in OWN or scenario.signature.knows(size):
            yield Problem(where("sizes", size), f"the size {size!r} has the name of an argument or axis", key=True)


def _labels(axis: str, values: Values, place: Place) -> Iterator[Problem]:
    """Labels that cannot stand in an id, or stand there twice."""
    given = isinstance(values, dict)
    labels: set[str] = set()
    for part, value in parts(values):
        text = str(part[-1]) if given else label(axis, value)
        if text in labels:
            sentence = f"two values of {axis} have the label {quoted(text)}, expected labels: {{label: value, ...}}"
            yield Problem((*place, *part), sentence)
        elif len(text) > LABEL or (given and not re.search(NAME, text)):
            sentence = f"expected at most {LABEL} characters without / : [ ], such as labels: {{a label: value}}"
            yield Problem((*place, *part), f"found the label {quoted(text)}, {sentence}", key=given)
        labels.add(text)


def _varied(scenario: Scenario, axis: str, place: Place) -> Iterator[Problem]:
    """An axis that varies no argument."""
    signature = scenario.signature
    if not signature.knows(argument(axis)):
        words = [*OWN, *map(signature.axis, signature.names), *scenario.sizes]
        what = f"an argument of {scenario.loss}, a size, dtype, layout or around"
        sentence = f"{quoted(axis)} is not {what}{nearest(axis, words)}"
        yield Problem(place, sentence, key=True)
    elif axis != signature.axis(argument(axis)):
        yield Problem(place, f"found {quoted(axis)}, expected {argument(axis)!r}", key=True)


def _arguments(scenario: Scenario, where: Where) -> Iterator[Problem]:
    """Arguments that the loss does not have, and values that they cannot take."""
    for name in scenario.given:
        if not scenario.signature.knows(name):
            sentence = f"{scenario.loss} has no argument {quoted(name)}{nearest(name, scenario.signature.names)}"
            yield Problem(where("given", name), sentence, key=True)
    for name, value, place in _values(scenario, where):
        if scenario.signature.knows(name):
            check = _array if scenario.signature.takes_array(name) else _option
            yield from check(scenario, name, value, place)
            if isinstance(value, Spec):
                for inner, word in size_words(value):
                    if word not in scenario.sizes:
                        hint = nearest(word, scenario.sizes) or ": this case names no sizes"
                        yield Problem((*place, *inner), f"there is no size {quoted(word)}{hint}")


def _array(scenario: Scenario, name: str, value: Any, place: Place) -> Iterator[Problem]:
    if value == {}:
        yield Problem(place, f"{name} is an array, found an empty mapping, expected numbers or a generator")
    elif isinstance(value, dict):
        word = next((key for key in value if nearest(key, FORMS).startswith("; did")), next(iter(value)))
        yield Problem((*place, word), f"there is no generator {quoted(word)}{nearest(word, FORMS)}", key=True)
    elif isinstance(value, str) or (value is None and not scenario.signature.takes_nothing(name)):
        yield Problem(place, f"{name} is an array, found {written(value)}, expected numbers or a generator")
    elif isinstance(value, list):
        yield from unlike(value, place)
    elif isinstance(value, Literally):
        yield from unlike(value.array, (*place, "array"))


def _option(scenario: Scenario, name: str, value: Any, place: Place) -> Iterator[Problem]:
    if isinstance(value, Spec):
        yield Problem(place, f"{name} is an option, found the generator {value.main!r}, expected a value")
    elif isinstance(value, dict) and not scenario.signature.takes_fields(name):
        yield Problem(place, f"{name} is an option, found a mapping, expected a value")
    elif isinstance(value, str) and not scenario.signature.takes_text(name) and not scenario.case.raises:
        yield Problem(place, f"{name} is not a text, found {written(value)}, expected a number, true or false")


def _twice(case: Case, place: Place) -> Iterator[Problem]:
    """Arguments that are both given and varied."""
    for name in case.given:
        if Signature.axis(name) in case.across:
            yield Problem((*place, "given", name), f"{name} stands under 'across' too, which wins", key=True)


def _without(file: CaseFile, case: Case, place: Place) -> Iterator[Problem]:
    """Arguments that are left out, but are no defaults or are given all the same."""
    defaults = [*file.defaults.given, *map(argument, file.defaults.across)]
    for position, name in enumerate(case.without):
        here = (*place, "without", position)
        if name not in defaults:
            yield Problem(here, f"{quoted(name)} is not among the defaults of this file{nearest(name, defaults)}")
        elif name in case.given or Signature.axis(name) in case.across:
            yield Problem(here, f"{name} is left out and given, expected one of the two")


def _bounds(scenario: Scenario, where: Where) -> Iterator[Problem]:
    """Arrays that cannot be drawn at some choice of the sizes."""
    sizes = extents(scenario)
    for _, value, place in _values(scenario, where):
        if isinstance(value, Spec):
            for inner, text in islice(out_of_bounds(value, sizes), 1):
                yield Problem((*place, *inner), text)


def extents(scenario: Scenario) -> dict[str, Extent]:
    """The values of each size that decide."""
    across = scenario.across
    values = {name: list(across[name].values()) if name in across else [size] for name, size in scenario.sizes.items()}
    return {name: extent(some) for name, some in values.items()}


def _memory(scenario: Scenario, where: Where) -> Iterator[Problem]:
    """Arrays each of which can be drawn, but not all."""
    most = most_bytes(scenario, extents(scenario))
    if most > MOST_BYTES:
        sentence = f"one draw takes {most / 1e9:.1f} GB with its output and upstream gradient"
        place = next(place for name, value, place in _values(scenario, where) if scenario.is_array(name, value))
        yield Problem(place, f"{sentence}, expected at most {MOST_BYTES / 1e9:.1f} GB for all arrays of a point")


def _likes(scenario: Scenario, where: Where) -> Iterator[Problem]:
    """Copies of arguments that are no arrays, or not yet drawn."""
    order = {name: position for position, name in enumerate(scenario.arguments)}
    arrays = [one for one in order if all(scenario.is_array(one, other) for other in scenario.values(one))]
    known = {*arrays}
    for name, value, place in _values(scenario, where):
        if isinstance(value, Like) and not (value.like in known and order[value.like] < order[name]):
            hint = nearest(value.like, (one for one in arrays if order[one] < order[name]))
            sentence = f"found {quoted(value.like)}, expected an array that stands before {name}{hint}"
            yield Problem((*place, "like"), sentence)


def _same_ids(scenario: Scenario, place: Place) -> Iterator[Problem]:
    """Labels of two axes that read the same in a row."""
    ids: set[str] = set()
    for labels in product(*scenario.across.values()):
        one = "-".join(labels)
        if one in ids:
            yield Problem((*place, "across"), f"two points have the id {quoted(one)}, expected other labels")
            return
        ids.add(one)

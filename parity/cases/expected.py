"""What is wrong with what a scenario expects: its identity, expected failures, refusals and figures."""

import builtins
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from parity.cases.errors import nearest, quoted
from parity.cases.literals import unlike
from parity.cases.needs import Need
from parity.cases.points import expand
from parity.cases.reader import Place, Problem
from parity.cases.scenario import SCENARIO, Scenario
from parity.cases.schema import Case, Published
from parity.cases.specs import Strict
from parity.facts.expression import Misspelt, parse
from parity.facts.point import facts_of

EXCEPTIONS = {name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, Exception)}
WARNINGS = {name for name in EXCEPTIONS if issubclass(getattr(builtins, name), Warning)}


def identity(scenario: Scenario, place: Place) -> Iterator[Problem]:
    try:
        _ = scenario.identity
    except ValueError as error:
        yield Problem((*place, "equals"), str(error))


def xfails(scenario: Scenario, place: Place, served: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Expected failures that match no implementation or no point."""
    nothing = "this xfail matches nothing"
    for name, failures in scenario.xfail.items():
        here = (*place, "xfail", name)
        if name not in served:
            yield Problem(here, f"there is no implementation {quoted(name)}{nearest(name, served)}", key=True)
        elif scenario.loss not in served[name]:
            yield Problem(here, f"{nothing}: {name} has no {scenario.loss}", key=True)
        for position, failure in enumerate(failures):
            here_where = (*here, position, "where")
            if isinstance(failure.where, str):
                yield from _expression(scenario, failure.where, here_where)
            else:
                yield from _where(scenario, failure.where, here_where, nothing)


def needs(scenario: Scenario, place: Place) -> Iterator[Problem]:
    """Versions of torch that are asked for at no point."""
    for position, need in enumerate(scenario.case.torch):
        here = (*place, "torch", position, "where")
        yield from _where(scenario, need.where, here, "this version of torch is needed nowhere")


def file_needs(scenarios: Sequence[Scenario], needs: Sequence[Need]) -> Iterator[Problem]:
    """Versions of torch among a file's defaults that no case has a point for."""
    for position, need in enumerate(needs):
        for axis, wanted in need.where.items():
            there = {
                word
                for scenario in scenarios if axis == SCENARIO or axis in scenario.across
                for word in ([scenario.name] if axis == SCENARIO else _labels_and_values(scenario, axis))
            }  # fmt: skip
            for word in wanted if isinstance(wanted, list) else [wanted]:
                if _hashed(word) not in there:
                    known = [str(one) for one in there if isinstance(one, str)]
                    sentence = f"this version of torch is needed nowhere: no {axis} is {quoted(str(word))}"
                    yield Problem(("defaults", "torch", position, "where", axis), sentence + nearest(word, known))


def _where(scenario: Scenario, where: Mapping[str, Any], place: Place, nothing: str) -> Iterator[Problem]:
    """Values of axes that no point has."""
    for axis, wanted in where.items():
        inner = (*place, axis)
        if axis not in scenario.across:
            sentence = f"{nothing}: {quoted(axis)} is not across this case{nearest(axis, scenario.across)}"
            yield Problem(inner, sentence, key=True)
            continue
        there = _labels_and_values(scenario, axis)
        for word in wanted if isinstance(wanted, list) else [wanted]:
            if _hashed(word) not in there:
                hint = nearest(word, scenario.across[axis])
                yield Problem(inner, f"{nothing}: no {axis} is {quoted(str(word))}{hint}")


@lru_cache(maxsize=64)
def _labels_and_values(scenario: Scenario, axis: str) -> frozenset[Hashable]:
    return frozenset([*scenario.across[axis], *map(_hashed, scenario.across[axis].values())])


def _expression(scenario: Scenario, text: str, place: Place) -> Iterator[Problem]:
    """What is wrong with an expression of facts: it cannot be read, or holds at no point whatever is drawn."""
    try:
        expression = parse(text, scenario.words)
    except Misspelt as error:
        yield Problem(place, f"found {quoted(text)}: {error}")
        return
    if not expression.drawn and not any(expression.holds(facts_of(point)) for point in expand(scenario)):
        yield Problem(place, f"this xfail matches nothing: no point has {quoted(text)}")


def _hashed(value: Any) -> Hashable:
    """A value of a case file as one that a set can hold, equal where the values are."""
    if isinstance(value, list):
        return "list", *map(_hashed, value)
    if isinstance(value, dict):
        return "mapping", frozenset((key, _hashed(one)) for key, one in value.items())
    return ("specification", id(value)) if isinstance(value, Strict) else value


def needed(scenario: Scenario, place: Place) -> Iterator[Problem]:
    for name in scenario.signature.required:
        if name not in scenario.arguments:
            yield Problem((*place, "name"), f"{scenario.name!r} gives no {name}, which {scenario.loss} needs")


def refusal(case: Case, place: Place) -> Iterator[Problem]:
    """Exceptions that do not exist, and what is not looked at beside `raises` or `finding`."""
    classes = [(word, (*place, "raises", word), True) for word in case.raises or {}]
    for word in case.warns or {}:
        if word not in WARNINGS:
            sentence = f"there is no warning {quoted(word)}{nearest(word, WARNINGS)}"
            yield Problem((*place, "warns", word), sentence, key=True)
    if case.finding and case.finding.raises is not None:
        classes.append((case.finding.raises, (*place, "finding", "raises"), False))
    for word, where, named in classes:
        if word not in EXCEPTIONS:
            yield Problem(where, f"there is no exception {quoted(word)}{nearest(word, EXCEPTIONS)}", key=named)
    if case.finding and case.finding.raises is not None and case.finding.output is not None:
        yield Problem((*place, "finding", "output"), "'output' says nothing beside 'raises'", key=True)
    alone = "raises" if case.raises else "finding" if case.finding else None
    for key in ("finding", "equals", "published", "tolerance", "warns", "observe") if alone else ():
        if key != alone and getattr(case, key) not in (None, []):
            yield Problem((*place, key), f"{key!r} says nothing beside {alone!r}", key=True)


def beside_around(scenario: Scenario, place: Place) -> Iterator[Problem]:
    """What is known of a plain call alone, beside a transformation."""
    for key in ("equals", "published", "finding") if "around" in scenario.axes else ():
        if getattr(scenario.case, key) is not None:
            yield Problem((*place, key), f"{key!r} is said of a plain call, this case has 'around' across", key=True)


def figures(case: Case, place: Place) -> Iterator[Problem]:
    """Figures that are no arrays."""
    for key, part in ("published", case.published), ("finding", case.finding):
        if part is not None and (key == "published" or part.output is not None):
            wrong = unlike(part.output, (*place, key, "output"))
            yield from wrong
            if part is case.published and not wrong:
                yield from _printed(case.published, place)


def _printed(published: Published, place: Place) -> Iterator[Problem]:
    """A tolerance of a figure that no longer tells it from others."""
    figures = np.abs(np.asarray(published.output, float))
    most = 0.1 * max(1, figures.max(initial=0, where=np.isfinite(figures)))
    if published.atol > most:
        expected = f"expected at most {most:g}: a tenth of the largest figure, or of 1"
        sentence = f"found the number {published.atol}, {expected}"
        yield Problem((*place, "published", "atol"), sentence)

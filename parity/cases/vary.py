"""Another function's cases: what it has and they have not is varied over them, and their own answers are set aside.

Each scenario is run with every pair of varied values: one option takes each of its values at every point; of several
options any two take all their combinations, in as few rows as a greedy choice finds, so that points do not explode.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any, TypeAlias

from parity.cases.literals import label
from parity.cases.scenario import Scenario
from parity.cases.signature import Signature

ROWS = 64
Row: TypeAlias = tuple[str, ...]


def adapted(scenario: Scenario, signature: Signature, vary: Mapping[str, Sequence[Any]]) -> Scenario:
    """The scenario for another function, which takes what `signature` says.

    What torch refuses, equals or prints there is no longer expected; a call to which torch has no defined answer still
    says so.
    """
    case = scenario.case.model_copy(update={"raises": None, "equals": None, "published": None})
    axes = scenario.axes | {name: list(values) for name, values in vary.items()}
    return replace(scenario, signature=signature, case=case, axes=axes, vary=tuple(vary), rows=frozenset(rows(vary)))


def rows(vary: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Rows of labels, one of each option, in which every two values of two options stand together at least once."""
    values = [[label(name, value) for value in some] for name, some in vary.items()]
    if len(values) < 3:
        return list(product(*values))
    places = [[(number, text) for text in some] for number, some in enumerate(values)]
    wanted = {frozenset(pair) for one, other in combinations(places, 2) for pair in product(one, other)}
    found = []
    while wanted:
        row = dict(min(wanted, key=sorted))
        for number, some in enumerate(values):
            if number not in row:
                row[number] = max(some, key=lambda one: sum({(number, one), pair} in wanted for pair in row.items()))
        wanted -= {frozenset(pair) for pair in combinations(row.items(), 2)}
        found.append(tuple(row[number] for number in range(len(values))))
    return found

"""The observation of a bias: of the rows of one large draw, or of as many small draws as make up for them.

The elements of a large draw are looked at one by one as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from math import isfinite

import numpy as np

from parity.comparison.bias import ROWS, Errors, errors
from parity.comparison.outliers import outlier, roundings
from parity.dtypes import name_of, row_of
from parity.engine.asking import Draw, ask_implementation, ask_reference, draw
from parity.engine.crumbs import at
from parity.records.mismatch import Event, Kind, Mismatch, Nearer, about

# So many small draws stand for the rows of a large one: their answers are single numbers, or gradients of few. Halves
# are computed wide and rounded at the end, so that their mean has half the standard deviation; where torch rounds them
# before, its own output tells, and they need as many draws as others.
DRAWS, HALF_DRAWS = 100, 50


def bias(one: Draw) -> Iterator[Mismatch]:
    """Whether an answer leans to one side of the exact one, or is computed less precisely than the reference's."""
    if "bias" not in one.pair.case.observe:
        return
    many = [one]
    if max(one.reference.output.shape, default=0) < ROWS:
        at("in a draw that is looked at for a bias", one.seed)
        many += _more(one, range(1, HALF_DRAWS))
        if not one.expected.allowances.is_half() or _is_rounded_twice(many):
            many += _more(one, range(HALF_DRAWS, DRAWS))
    for name in one.answer.values:
        found = _errors(many, name) if one.compares(name) else None
        if found is not None:
            one.pair.record.detects[name] = found.seen
            if found.leans or found.coarse:
                figures = {**asdict(found), "dtype": name_of(one.expected.allowances.precision(name))}
                event = Event.COARSE if found.coarse else None
                yield about(name).mismatch(Kind.BIAS, event, figures=figures, nearer=Nearer.REFERENCE)
    if len(many) == 1:
        yield from outliers(one)


def _more(one: Draw, later: Iterable[int]) -> list[Draw]:
    """So many draws after the one, answered."""
    others = (draw(one.pair, one.seed + number, False) for number in later)
    return [ask_implementation(ask_reference(other)) for other in others]


def _is_rounded_twice(many: list[Draw]) -> bool:
    """Whether the reference's outputs are farther off than one rounding at the end takes them."""
    output = _errors(many, "output")
    return output is not None and output.theirs > 1


def outliers(one: Draw) -> Iterator[Mismatch]:
    """Single elements that are farther from the exact answer than roundings are."""
    allowances = one.expected.allowances
    rows = allowances.rows()
    at("in neighbours of the draw", one.seed)
    units = roundings(allowances.call, allowances.exact(), rows)
    for name, value in one.answer.values.items():
        known = one.expected.known(name, value) if one.compares(name) and name in units else None
        found = outlier(*known, units[name], rows[name]) if known else None
        if found is not None:
            if isfinite(found.seen):
                one.pair.record.shows[name] = found.seen
            if found.accused:
                figures = {**asdict(found), "index": list(found.index), "dtype": name_of(allowances.precision(name))}
                yield about(name).mismatch(Kind.BIAS, Event.OUTLIER, figures=figures, nearer=Nearer.REFERENCE)


def _errors(many: list[Draw], name: str) -> Errors | None:
    """The errors of an answer over all draws; None where nothing is known of them."""
    row = row_of(many[0].expected.allowances.precision(name))
    known = [one.expected.known(name, one.answer.values[name]) for one in many if name in one.answer.values]
    found = [one for one in known if one is not None]
    if row is None or len(found) < len(many):
        return None
    if len(many) == 1:
        return errors(*found[0], row)
    actual, expected, exact = (np.stack(side) for side in zip(*found, strict=True))
    return errors(actual, expected, exact, row)

"""`python -m parity.bench.alarms`: right losses of many forms at fresh draws of the points looked at for a bias.

Of each answer it is noted how near it came to being accused: of a lean, of a lower precision, of single elements.
docs/allowances.md keeps a run. With `--results FILE` the counts are added to a file, and the tables are of all of it.
"""

import argparse
import json
import math
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from parity import losses
from parity.bench.allowances import pair_of
from parity.bench.forms import FORMS
from parity.bench.table import table
from parity.comparison.bias import FLOOR, LEAN, ROWS, WIDER, errors
from parity.comparison.outliers import outlier, roundings
from parity.comparison.truth import Values, has_half
from parity.dtypes import Row
from parity.engine.asking import Asked, ask_reference, draw, expectation
from parity.engine.bias import DRAWS, HALF_DRAWS
from parity.engine.state import known_state
from parity.implementations.registry import named
from parity.question import points
from parity.references.versions import release
from parity.types import Array, Loss
from parity.wording import first_line

# An answer, torch's and the exact one.
Sides = tuple[Array, Array, Array]
# Bins of how near an answer came to what it is allowed; the last one is beyond it.
BINS = 20
BASE = 6_000_000
# What is tried in place of TIMES and FLOOR; less than half of the least is not on record.
TRIED_TIMES, TRIED_FLOORS = (2.5, 3.0, 4.0, 5.0, 6.0), (6.0, 8.0, 10.0, 12.0, 16.0)


@dataclass(slots=True)
class Count:
    """Arrays that were judged, those that are not torch's bit for bit, and how near each rule they came.

    `near` counts the others by 20 x what they are off / allowed, for the rules 'lean', 'coarse' and 'element';
    `worst` has the largest of each, and where it was. `leans` counts them by 20 x the LEAN that they need, and
    `elements` has the units and those of torch's worst of the far ones. `shown` are, for
    single elements of torch's own, the units of torch's worst and the relative error that is a unit of the median.
    """

    arrays: int = 0
    others: int = 0
    near: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    worst: dict[str, tuple[float, str]] = field(default_factory=dict)
    leans: Counter[int] = field(default_factory=Counter)
    elements: list[tuple[float, float]] = field(default_factory=list)
    shown: list[tuple[float, float]] = field(default_factory=list)

    def add(self, rule: str, fraction: float, where: str) -> None:
        self.near[rule][min(int(BINS * fraction), BINS)] += 1
        self.worst[rule] = max(self.worst.get(rule, (0.0, "")), (fraction, where))

    def plain(self) -> dict[str, Any]:
        """All of it by name, as it goes into a file."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def plus(self, other: dict[str, Any]) -> None:
        """Add another count, as it comes from a file."""
        self.arrays, self.others = self.arrays + other["arrays"], self.others + other["others"]
        for rule, bins in other["near"].items():
            self.near[rule].update({int(bin): count for bin, count in bins.items()})
            self.worst[rule] = max(self.worst.get(rule, (0.0, "")), tuple(other["worst"][rule]))
        self.leans.update({int(bin): count for bin, count in other["leans"].items()})
        self.elements += other["elements"]
        self.shown += other["shown"]


def answers(function: Loss, asked: Asked) -> Values:
    """What a form answers to a draw."""
    output, vjp = function(**asked.drawn.arguments)
    return {"output": output, **vjp(asked.grad_output)}


def judged(loss: str, forms: dict[str, Loss], seeds: Iterator[int], seconds: float) -> dict[tuple[str, str], Count]:
    """The counts of a loss's forms, by form and dtype, of so many seconds of CPU time."""
    found: dict[tuple[str, str], Count] = defaultdict(Count)
    every = points(loss, named("numpy"))
    chosen = [point for point in every if "bias" in point.scenario.case.observe and not point.needs(release())]
    end = time.process_time() + seconds
    spent: dict[str, float] = {}
    while time.process_time() < end:
        point = min(chosen, key=lambda point: spent.get(point.id, 0.0))
        start, seed = time.process_time(), next(seeds)
        pair = pair_of(point, range(seed, seed + DRAWS))
        many = [ask_reference(draw(pair, seed, False))]
        if max(many[0].reference.output.shape, default=0) < ROWS:
            more = range(seed + 1, seed + (HALF_DRAWS if has_half(many[0].drawn.arguments) else DRAWS))
            many += [ask_reference(draw(pair, other, False)) for other in more]
        where = f"{point.id}[seed={seed}]"
        for (form, answer), sides, row, unit in _known(many, forms):
            _judge(found[form, point.dtype], f"{where} {answer}", sides, row, unit, form == "rounded once")
        # the first one loads and tunes
        spent[point.id] = spent[point.id] + time.process_time() - start if point.id in spent else 1e-9
    return found


def _judge(count: Count, where: str, sides: Sides, row: Row, unit: Array | None, shows: bool) -> None:
    """Count an answer; `shows` says that it also counts what an element of it would show."""
    same = sides[0].tobytes() == sides[1].tobytes()  # then no rule can accuse it
    count.arrays += 1
    count.others += not same
    seen = None if same else errors(*sides, row)
    if seen:
        count.add("lean", abs(seen.mean) / seen.allowed, where)
        count.add("coarse", seen.largest / (WIDER * seen.theirs + FLOOR), where)
        count.leans[max(0, math.ceil(BINS * (abs(seen.mean) - seen.allowed + LEAN)))] += 1
    single = None if same or unit is None else outlier(*sides, unit, row)
    if single:
        count.add("element", single.most / single.allowed, where)
        if single.most > max(TRIED_FLOORS[0], TRIED_TIMES[0] * single.theirs) / 2:
            count.elements.append((single.most, single.theirs))
        if shows and np.isfinite(single.seen):
            count.shown.append((single.theirs, single.seen / single.allowed / row.eps))


def _known(many: list[Asked], forms: dict[str, Loss]) -> Iterator[tuple[tuple[str, str], Sides, Row, Array | None]]:
    """Of each form: its name and the answer's; the answer, torch's and the exact one; its dtype; its units if any."""
    wanted = [expectation(asked) for asked in many]
    rows = wanted[0].allowances.rows()
    units = roundings(wanted[0].allowances.call, wanted[0].allowances.exact(), rows) if len(many) == 1 else {}
    for form, function in [*forms.items()]:
        try:
            given = [answers(function, asked) for asked in many]
        except RuntimeError as error:  # of torch's formulas: not each serves every shape
            print(f"{many[0].drawn.pair.point.id}: no {form!r}, {first_line(error)}", file=sys.stderr)
            del forms[form]
            continue
        for name in rows:
            known = [
                expected.known(name, one[name]) for expected, one in zip(wanted, given, strict=True) if name in one
            ]
            sides = [one for one in known if one is not None]
            if len(sides) == 1 == len(many):
                yield (form, name), sides[0], rows[name], units.get(name)
            elif sides and len(sides) == len(many):
                ours, theirs, exact = (np.stack(side) for side in zip(*sides, strict=True))
                yield (form, name), (ours, theirs, exact), rows[name], None


def tables(counts: dict[tuple[str, str], Count]) -> Iterator[str]:
    """What was counted, by form and dtype, and where each rule was nearest to accusing."""
    rules = ("lean", "coarse", "element")
    total = sum(count.arrays for count in counts.values())
    accused = sum(count.near[rule][BINS] for count in counts.values() for rule in rules)
    yield table(
        f"Right answers of {total:,} arrays: {accused} accused; how near they came, as a share of what is allowed",
        ["form", "dtype", "arrays", "not torch's bits", "accused", *rules],
        [[
            form, dtype, f"{count.arrays:,}", f"{count.others:,}", str(sum(count.near[rule][BINS] for rule in rules)),
            *(f"{count.worst.get(rule, (0.0, ''))[0]:.2f}" for rule in rules),
        ] for (form, dtype), count in counts.items()],
    )  # fmt: skip
    whole: dict[str, Counter[int]] = {rule: Counter() for rule in rules}
    for count in counts.values():
        for rule in rules:
            whole[rule].update(count.near[rule])
    yield table(
        "How many came so near, as a share of what is allowed",
        ["rule", *(f">= {bin / BINS:.2f}" for bin in range(4, BINS + 1, 2))],
        [[rule, *(f"{sum(bins[bin] for bin in bins if bin >= least):,}" for least in range(4, BINS + 1, 2))]
         for rule, bins in whole.items()],
    )  # fmt: skip
    needed = sum((count.leans for count in counts.values()), Counter[int]())
    yield table(
        "Arrays that would be accused of a lean, by LEAN",
        ["arrays", *(f"{bin / BINS:g}" for bin in range(13))],
        [[f"{needed.total():,}", *(f"{sum(n for bin, n in needed.items() if bin > least):,}" for least in range(13))]],
    )  # fmt: skip
    pairs = [pair for count in counts.values() for pair in count.elements]
    shown = [pair for count in counts.values() for pair in count.shown]
    yield table(
        "Arrays with an element that would be accused, by FLOOR and TIMES, and the median of what shows, in eps",
        ["FLOOR", *(f"{times:g}" for times in TRIED_TIMES)],
        [[f"{floor:g}", *(
            f"{sum(most > max(floor, times * theirs) for most, theirs in pairs):,} ({_median(shown, floor, times):.1f})"
            for times in TRIED_TIMES
        )] for floor in TRIED_FLOORS],
    )  # fmt: skip
    far = sorted(((count.worst[rule], rule, form) for (form, _), count in counts.items() for rule in count.worst))
    yield table(
        "The nearest", ["where", "rule", "form", "of allowed"],
        [[where, rule, form, f"{fraction:.2f}"] for (fraction, where), rule, form in far[:-11:-1]],
    )  # fmt: skip


def _median(shown: list[tuple[float, float]], floor: float, times: float) -> float:
    return float(np.median([max(floor, times * theirs) * unit for theirs, unit in shown] or [np.nan]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m parity.bench.alarms", description=__doc__)
    parser.add_argument("losses", nargs="*", default=sorted(losses.LOSSES))
    parser.add_argument("--seconds", type=float, default=10.0, help="CPU time of each loss")
    parser.add_argument("--base", type=int, default=BASE, help="the first seed")
    parser.add_argument("--forms", nargs="*", default=[*FORMS][:-1], choices=FORMS, help="all but compiled by default")
    parser.add_argument("--results", type=Path, help="a file that the counts are added to")
    chosen = parser.parse_args()
    counts: dict[tuple[str, str], Count] = defaultdict(Count)
    lines: list[dict[str, Any]] = []
    with known_state(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for loss in chosen.losses:
            forms = {name: form for name in chosen.forms if (form := FORMS[name](loss)) is not None}
            found = judged(loss, forms, iter(range(chosen.base, 1 << 60, DRAWS)), chosen.seconds)
            lines += [{"key": [loss, *key], **one.plain()} for key, one in found.items()]
            if chosen.results:
                with chosen.results.open("a") as file:
                    file.writelines(json.dumps(line) + "\n" for line in lines)
                lines = []
    if chosen.results:
        lines = [json.loads(line) for line in chosen.results.read_text().splitlines()]
    for line in lines:
        counts[tuple(line["key"][1:])].plus(line)
    for one in tables(dict(sorted(counts.items()))):
        print(one, end="\n\n", flush=True)


if __name__ == "__main__":
    main()

"""`python -m parity.bench.caps`: what the count of neighbours, the cap of a condition and ALIKE accuse and let through.

Each is tried at several values on fresh draws of our own losses: how many right answers it would accuse (of `ALIKE`:
how many would have to be measured), and the relative error of a typical element that shows. docs/allowances.md keeps
a run.
"""

import argparse
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from parity import losses
from parity.bench.allowances import BASE, draws
from parity.bench.table import table
from parity.comparison import compare
from parity.comparison.tolerance import bound
from parity.comparison.truth import largest
from parity.dtypes import HALVES, row_of
from parity.engine.asking import Draw
from parity.engine.state import known_state
from parity.records.mismatch import about
from parity.types import Array

NEIGHBOURS = (0, 1, 2, 3, 6, 9)
CAPS = (0.0, 0.5, 1.0, 2.0, 4.0, np.inf)
ALIKES = (0.0, 1.0, 2.0, 4.0)


@dataclass(slots=True)
class Curves:
    """Of each value that is tried: which right answers beyond their table it leaves accused, and what it shows.

    `left` counts them, of `missed`; `shown` has the sizes in eps from which on a typical element shows, of the answers
    of every so many-th draw, and of those that an earlier draw is alike to.
    """

    missed: int = 0
    left: dict[tuple[str, float], int] = field(default_factory=lambda: defaultdict(int))
    shown: dict[tuple[str, float], list[float]] = field(default_factory=lambda: defaultdict(list))


@np.errstate(all="ignore")
def measured(loss: str, seeds: range, step: int, sampled: int) -> Curves:
    """The curves of one loss; of every `sampled`-th draw it is measured what shows, missed or not."""
    found, roundings = Curves(), dict[tuple[str, str], float]()
    for number, one in enumerate(draws(loss, seeds, step, observed=False)):
        for name, actual in one.answer.values.items():
            expected = one.reference.values.get(name)
            if expected is None or expected.dtype.kind != "f" or not one.compares(name):
                continue
            if not compare.form(about(name), expected, actual):
                _measure(one, name, roundings, found, number % sampled == 0)
    return found


def _measure(one: Draw, name: str, roundings: dict[tuple[str, str], float], found: Curves, sample: bool) -> None:
    allowances, wanted, actual = one.expected.allowances, one.reference.values[name], one.answer.values[name]
    allowed = bound(allowances.precision(name), name, one.expected.tolerance)
    missed = compare.judge(wanted, actual, allowed, allowances.own_error(name))[0]
    if not (missed > 1 or sample) or not np.isfinite(missed):
        return
    table_, error = compare.allowance(wanted, allowed, None), np.abs(actual.astype(float) - wanted.astype(float))
    own = np.asarray(0.0) if allowances.own_error(name) is None else allowances.own_error(name)
    near = [each[name] for each in allowances.nearby() if name in each]
    tried: dict[tuple[str, float], Array] = {}
    for count in NEIGHBOURS:
        tried["neighbours", count] = table_ + own + _widest(near[:count])
    total, exact = own + _widest(near), allowances.exact().get(name)
    if exact is not None and name != "output":
        total = total + allowances.cancelled(name, exact, allowances.call.grad_output)
    capped = allowances.more_exact(name)
    _, probes, sums = allowances.measurements()
    condition = _widest([each[name] for each in probes if name in each])
    condition = condition + _widest([each[name] for each in sums if name in each])
    for cap in CAPS:
        tried["cap", cap] = (
            table_ + total + np.minimum(condition, (cap * (total + table_) if cap else 0.0) if capped else np.inf)
        )
    key, scale = (one.pair.point.id, name), float(largest(wanted))
    if key in roundings and wanted.dtype not in HALVES:
        for alike in ALIKES:
            tried["alike", alike] = table_ + alike * roundings[key] * scale
    if missed > 1:
        found.missed += 1
        roundings[key] = max(roundings.get(key, 0.0), float(largest(error)) / scale if scale else 0.0)
    row, size = row_of(allowances.precision(name)), np.abs(wanted.astype(float))
    used = np.isfinite(size) & (size > (row.tiny if row else 0))
    for way, limit in tried.items():
        found.left[way] += bool(missed > 1 and (error > limit).any())
        if row and used.any() and (sample or way[0] == "alike"):
            found.shown[way].append(float(np.median(np.broadcast_to(limit, size.shape)[used] / size[used])) / row.eps)


def _widest(measurements: list[Array]) -> Array:
    widest: Array = np.zeros(())
    for one in measurements:
        widest = np.maximum(widest, np.where(np.isfinite(one), one, 0))
    return widest


def tables(every: list[str], seeds: int, step: int, sampled: int) -> Iterator[str]:
    """A table of each factor: a column a value."""
    whole = Curves()
    for loss in every:
        one = measured(loss, range(BASE, BASE + seeds), step, sampled)
        whole.missed += one.missed
        for way, count in one.left.items():
            whole.left[way] += count
        for way, sizes in one.shown.items():
            whole.shown[way] += sizes
    for factor, values in (("neighbours", NEIGHBOURS), ("cap", CAPS), ("alike", ALIKES)):
        shown = {value: whole.shown[factor, value] for value in values}
        yield table(
            f"By {factor}: of {whole.missed:,} right answers beyond table and own error those left; what shows, in eps",
            ["", *(f"{value:g}" for value in values)],
            [
                ["left", *(str(whole.left[factor, value]) for value in values)],
                *([f"{part} %", *(f"{np.percentile(shown[value] or [np.nan], part):.1f}" for value in values)]
                  for part in (25, 50, 75)),
                ["answers", *(f"{len(shown[value]):,}" for value in values)],
            ],
        )  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m parity.bench.caps", description=__doc__)
    parser.add_argument("losses", nargs="*", default=sorted(losses.LOSSES))
    parser.add_argument("--seeds", type=int, default=10, help="seeds a point")
    parser.add_argument("--step", type=int, default=3, help="of so many points one")
    parser.add_argument("--sampled", type=int, default=50, help="of so many draws one is measured though it passes")
    chosen = parser.parse_args()
    with known_state(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in tables(chosen.losses, chosen.seeds, chosen.step, chosen.sampled):
            print(one, end="\n\n", flush=True)


if __name__ == "__main__":
    main()

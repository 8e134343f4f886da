"""`python -m parity.bench.allowances`: what errors are seen, and how many right draws would be accused, by each factor.

Two curves of what a value is allowed beyond its table, each over fresh draws of every loss's points. The share of
draws, and of their elements, that show a planted relative error of a size in one element: an element shows what is
beyond its allowance, the draw's own measurements included. And the number of right draws (the NumPy losses') that each
multiple of torch's own error nearby would accuse. Then the same two of the bias. docs/allowances.md keeps a run.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from parity import losses
from parity.bench.table import table
from parity.cases.points import Point
from parity.comparison import compare
from parity.comparison.bias import Errors, errors
from parity.comparison.expectation import Expectation
from parity.comparison.experience import Experience
from parity.comparison.tolerance import bound
from parity.comparison.truth import HALF_NEAR_FACTOR, NEAR_FACTOR
from parity.draws.draw import Plan
from parity.dtypes import FLOATING, HALVES, name_of, row_of
from parity.engine.asking import Draw, Pair, Stopped, ask_implementation, ask_reference, draw
from parity.engine.run import blank
from parity.engine.state import known_state
from parity.implementations.registry import named
from parity.question import points
from parity.records.mismatch import about
from parity.types import Array, NotOffered

# Sizes of a planted error in eps of the dtype, and of a bias in ulp.
SIZES = (1, 2, 4, 8, 16, 32, 64, 256, 4096)
LEANS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
FACTORS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
# Beyond so many elements a draw takes too long; its smaller points are judged by the same rule.
LARGEST = 1 << 13
BASE = 5_000_000


@dataclass(slots=True)
class Curve:
    """What was measured of one dtype: the draws, the multiples that right answers needed, the sizes that are seen.

    `needed` has, for each answer that its table and torch's own error do not excuse, the multiple of torch's error
    nearby that does; `accused` counts the draws that are red. `shown` has the size from which on an error shows, in
    eps, of a typical element of each answer whose allowance was measured.
    """

    draws: int = 0
    missed: int = 0
    accused: int = 0
    needed: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)


def draws(loss: str, seeds: range, step: int, observed: bool) -> Iterator[Draw]:
    """The draws of every `step`-th point of a loss that both sides answer: those observed for a bias, or the others."""
    ours = named("numpy")
    chosen = [point for point in points(loss, ours) if ("bias" in point.scenario.case.observe) is observed]
    for point in chosen[::step]:
        if point.around or point.scenario.case.raises or point.scenario.case.finding:
            continue
        yield from _of(point, seeds)


def pair_of(point: Point, seeds: range) -> Pair:
    """What the draws of a point share, our own loss beside torch's."""
    ours = named("numpy")
    contract = ours.contract(point.scenario.signature)
    record, reference = blank(point, ours, seeds), ours.reference_of(point)
    return Pair(point, contract, contract.terms(point), record, Plan(point), reference, Experience())


def _of(point: Point, seeds: range) -> Iterator[Draw]:
    pair = pair_of(point, seeds)
    for seed in seeds:
        try:
            one = ask_implementation(ask_reference(draw(pair, seed, False)))
        except (Stopped, NotOffered):
            return
        if max((value.size for value in one.answer.values.values()), default=0) > LARGEST and "bias" not in (
            point.scenario.case.observe
        ):
            return
        yield one


def allowances(loss: str, seeds: range, step: int, sampled: int) -> dict[str, Curve]:
    """The curves of one loss, by dtype; the allowances of every `sampled`-th draw are measured in full."""
    found: dict[str, Curve] = defaultdict(Curve)
    for number, one in enumerate(draws(loss, seeds, step, observed=False)):
        expected, red = one.expected, False
        curve = found[one.pair.point.dtype]
        curve.draws += 1
        for name, actual in one.answer.values.items():
            if not one.compares(name):
                continue
            needed = _needed(expected, name, actual)
            if needed is not None:
                curve.missed += 1
                curve.needed.append(needed)
            problem = expected.compare(name, actual)[2]
            red |= problem is not None and not problem.figures.get("right")
            if number % sampled == 0:
                curve.shown += _shown(expected, name)
        curve.accused += red
    return found


def _needed(expected: Expectation, name: str, actual: Array) -> float | None:
    """The multiple of torch's error nearby that excuses an answer; None where its table does, or its own error."""
    wanted = expected.answer.values[name]
    if compare.form(about(name), wanted, actual) or wanted.dtype.kind in "biuc":
        return None
    allowed = bound(expected.allowances.precision(name), name, expected.tolerance)
    own = expected.allowances.own_error(name)
    worst, _ = compare.judge(wanted, actual, allowed, own)
    if worst <= 1 or not np.isfinite(worst):
        return None
    near: Array = np.zeros(())
    for measured in expected.allowances.nearby():
        near = np.maximum(near, measured.get(name, 0.0))
    half = expected.allowances.precision(name) in HALVES
    near = near / (HALF_NEAR_FACTOR if half else NEAR_FACTOR)
    beyond = np.abs(actual.astype(np.float64) - wanted.astype(np.float64)) - compare.allowance(wanted, allowed, own)
    with np.errstate(all="ignore"):
        return float(np.where(beyond > 0, beyond / near, 0).max(initial=0.0))


def _shown(expected: Expectation, name: str) -> list[float]:
    """The size of an error from which on a typical element shows it, in eps; none where there is no number."""
    wanted, row = expected.answer.values[name], row_of(expected.allowances.precision(name))
    if row is None or wanted.dtype.kind == "c":
        return []
    total: Array = np.zeros(())
    for allowed in expected.allowances.steps(name):
        total = allowed
    missed = compare.allowance(wanted, bound(expected.allowances.precision(name), name, expected.tolerance), total)
    size = np.abs(wanted.astype(np.float64))
    used = np.isfinite(size) & (size > row.tiny)
    return [float(np.median(missed[used] / size[used])) / row.eps] if used.any() else []


def leaning(loss: str, seeds: range) -> dict[str, list[Errors]]:
    """The errors of the draws that are looked at for a bias, by dtype: of rows alone."""
    found: dict[str, list[Errors]] = defaultdict(list)
    for one in draws(loss, seeds, 1, observed=True):
        for name, actual in one.answer.values.items():
            row = row_of(one.expected.allowances.precision(name))
            known = one.expected.known(name, actual) if one.compares(name) and row else None
            seen = errors(*known, row) if known and row else None
            if seen:
                found[name_of(actual.dtype)].append(seen)
    return found


def tables(every: list[str], seeds: int, step: int, sampled: int, rows: int) -> Iterator[str]:
    """The tables of these losses, with so many seeds a point."""
    curves: dict[str, Curve] = defaultdict(Curve)
    leans: dict[str, dict[str, list[Errors]]] = {}
    for loss in every:
        for dtype, curve in allowances(loss, range(BASE, BASE + seeds), step, sampled).items():
            whole = curves[dtype]
            whole.draws, whole.missed = whole.draws + curve.draws, whole.missed + curve.missed
            whole.accused += curve.accused
            whole.needed += curve.needed
            whole.shown += curve.shown
        leans[loss] = leaning(loss, range(BASE, BASE + rows))
    dtypes = [name for name in FLOATING if name in curves]
    total = sum(curve.draws for curve in curves.values())
    yield table(
        f"Right answers that would be accused, of {total:,} draws, by the multiple of torch's own error nearby",
        ["dtype", "draws", "beyond table and own", *(f"{factor:g}" for factor in FACTORS), "red as it is"],
        [[
            name, f"{curves[name].draws:,}", f"{curves[name].missed:,}",
            *(str(sum(needed > factor for needed in curves[name].needed)) for factor in FACTORS),
            str(curves[name].accused),
        ] for name in dtypes],
    )  # fmt: skip
    yield table(
        "Share of answers in whose typical element a relative error of a size (in eps) shows, in percent",
        ["dtype", "answers", *(f"{size}" for size in SIZES)],
        [[
            name, f"{len(shown):,}", *(_percent([one <= size for one in shown]) for size in SIZES),
        ] for name in dtypes for shown in [curves[name].shown]],
    )  # fmt: skip
    rows_of = {name: [one for loss in leans.values() for one in loss.get(name, ())] for name in dtypes}
    yield table(
        "Arrays looked at for a bias: right ones accused, and the share in which a lean (in ulp) shows, in percent",
        ["dtype", "arrays", "accused", "farthest of allowed", *(f"{lean:g}" for lean in LEANS)],
        [[
            name, f"{len(found):,}", str(sum(one.leans or one.coarse for one in found)),
            f"{max((abs(one.mean) / one.allowed for one in found), default=0):.2f}",
            *(_percent([lean - abs(one.mean) > one.allowed for one in found]) for lean in LEANS),
        ] for name, found in rows_of.items()],
    )  # fmt: skip
    yield table(
        "The smallest relative error throughout an answer that shows, in eps: the largest of a loss's answers",
        ["loss", *dtypes],
        [[loss, *(f"{max((one.seen for one in leans[loss][name]), default=0) / FLOATING[name].eps:.2f}"
                  if leans[loss].get(name) else "–" for name in dtypes)] for loss in every],
    )  # fmt: skip


def _percent(found: list[bool]) -> str:
    return f"{100 * sum(found) / max(len(found), 1):.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m parity.bench.allowances", description=__doc__)
    parser.add_argument("losses", nargs="*", default=sorted(losses.LOSSES))
    for name, default, about_it in (
        ("seeds", 20, "seeds a point"), ("step", 3, "of so many points one"),
        ("sampled", 50, "of so many draws one is measured in full"),
        ("rows", 5, "seeds a point that is looked at for a bias"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default, help=about_it)
    chosen = parser.parse_args()
    with known_state():
        for one in tables(chosen.losses, chosen.seeds, chosen.step, chosen.sampled, chosen.rows):
            print(one, end="\n\n", flush=True)


if __name__ == "__main__":
    main()

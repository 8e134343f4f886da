"""Draws per second of the engine and the suite, beside bare torch and beside plain tests, on the same points."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import process_time
from typing import TypeVar

from parity.bench import sessions
from parity.bench.bare import Bare, Drawing, Hand
from parity.bench.sample import sample, seeds
from parity.bench.table import Row, against, microseconds, milliseconds, table
from parity.cases.points import Point
from parity.draws.draw import Plan
from parity.engine.run import run_point
from parity.implementations.registry import named

POINTS = 250
REPETITIONS = 3
SWEEPS = 3
STARTS = 3
COLD = "cross_entropy"
ENGINE, SUITE, PLAIN, START = 2.5, 5.0, 5.0, 1.5
Times = list[dict[str, float]]
Side = TypeVar("Side", Bare, Hand)


@dataclass(slots=True)
class Measured:
    """CPU seconds: by point id, an entry a sweep, for what runs in this process; in all, an entry a session."""

    floor: Times = field(default_factory=list)
    hand: Times = field(default_factory=list)
    again: Times = field(default_factory=list)
    drawing: Times = field(default_factory=list)
    first: Times = field(default_factory=list)
    every: Times = field(default_factory=list)
    suite: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    failed: int = 0


def tables(count: int = POINTS, repetitions: int = REPETITIONS, starts: int = STARTS) -> Iterator[str]:
    """The tables of speed, of its parts by dtype, and of collection and start-up."""
    points = sample(count)
    if not points:
        yield "no case file holds a point that passes: there is nothing to measure"
        return
    measured = measure(points, repetitions)
    yield speed(points, measured)
    yield parts(points, measured)
    yield waiting(next((point for point in points if point.loss == COLD), points[0]), starts)


def measure(points: Sequence[Point], repetitions: int) -> Measured:
    """Everything that runs draws, in turn, `repetitions` times: `SWEEPS` in this process, then a session each."""
    numpy, ids, measured = named("numpy"), [point.id for point in points], Measured()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        floors = {point.id: [_prepared(Bare, point, seed) for seed in seeds(point)] for point in points}
        hands = {point.id: [_prepared(Hand, point, seed) for seed in seeds(point)] for point in points}
        drawings = {point.id: [Drawing(point, seed) for seed in seeds(point)] for point in points}
        for _ in range(repetitions):
            for _ in range(SWEEPS):
                measured.floor.append(_each(points, lambda point: [draw() for draw in floors[point.id]]))
                measured.hand.append(_each(points, lambda point: [draw() for draw in hands[point.id]]))
                measured.again.append(_each(points, lambda point: hands[point.id][0].again()))
                measured.drawing.append(_each(points, lambda point: [draw() for draw in drawings[point.id]]))
                measured.first.append(_each(points, lambda point: run_point(point, numpy, seeds(point)[:1])))
                measured.every.append(_each(points, lambda point: run_point(point, numpy, seeds(point))))
            through_pytest, plain = sessions.suite(ids), sessions.plain_tests(ids)
            measured.suite.append(through_pytest.loop)
            measured.plain.append(plain.loop)
            measured.failed = max(measured.failed, through_pytest.failed + plain.failed)
    return measured


def _prepared(side: type[Side], point: Point, seed: int) -> Side:
    plan = Plan(point)
    arguments, own = plan.arguments(seed)
    return side(point.loss, arguments, lambda output: plan.grad_output(output, seed) if own is None else own)


def _each(points: Sequence[Point], run: Callable[[Point], object]) -> dict[str, float]:
    seconds = {}
    for point in points:
        start = process_time()
        run(point)
        seconds[point.id] = process_time() - start
    return seconds


def speed(points: Sequence[Point], measured: Measured) -> str:
    """Draws per second of everything, and the ratios that have aims."""
    draws = sum(len(seeds(point)) for point in points)
    floor, hand, engine = (_total(times, points) for times in (measured.floor, measured.hand, measured.every))
    needed = floor + hand + _total(measured.again, points) + _total(measured.drawing, points)
    suite, plain = median(measured.suite), median(measured.plain)
    rows: list[Row] = [
        _row("floor: bare torch", floor, draws, "1.00", ""),
        _row("torch and the loss, both bare", floor + hand, draws, against((floor + hand) / floor, None), ""),
        _row("and what no engine can spare", needed, draws, against(needed / floor, None), f"{plain / needed:.2f}"),
        _row("engine: run_point", engine, draws, against(engine / floor, ENGINE), against(plain / engine, None)),
        _row("suite: pytest", suite, draws, against(suite / floor, SUITE), against(plain / suite, PLAIN, ">=")),
        _row("plain test, assert_close", plain, draws, against(plain / floor, None), "1.00"),
    ]
    losses = len({point.loss for point in points})
    title = f"Engine and suite: {draws:,} draws of {len(points):,} points of {losses} losses, every row on the same"
    typical = median(_total(measured.every, [point]) / _total(measured.floor, [point]) for point in points)
    notes = ["What no engine can spare: the first draw's second call and vjp, and the drawing of all arrays."]
    notes += [f"The median point takes the engine {typical:.2f} times its floor."]
    notes += [f"{measured.failed} items failed, which costs time."] if measured.failed else []
    return table(title, ("", "draws/s", "us a draw", "times the floor", "times the plain test's draws/s"), rows, notes)


def _row(name: str, seconds: float, draws: int, floor: str, plain: str) -> Row:
    return name, f"{draws / seconds:,.0f}", microseconds(seconds / draws), floor, plain


def parts(points: Sequence[Point], measured: Measured) -> str:
    """The engine's time by dtype: the thorough first draw of a point, and a later one."""
    groups: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        groups[point.dtype].append(point)
    head = ("dtype", "draws", "us a draw", "x floor", "us a first draw", "x floor", "us a later draw", "x floor")
    rows = [_part(name, group, measured) for name, group in [*groups.items(), ("all", points)]]
    return table("Engine by dtype: the first draw of a point also looks for side effects and repeats calls", head, rows)


def _part(name: str, points: Sequence[Point], measured: Measured) -> Row:
    several = [point for point in points if len(seeds(point)) > 1]
    floor = {point.id: _total(measured.floor, [point]) / len(seeds(point)) for point in points}
    later = _total(measured.every, several) - _total(measured.first, several)
    parts = [
        (_total(measured.every, points), [point for point in points for _ in seeds(point)]),
        (_total(measured.first, points), points),
        (later, [point for point in several for _ in seeds(point)[1:]]),
    ]
    cells = [
        (microseconds(seconds / len(draws)), f"{seconds / sum(floor[point.id] for point in draws):.2f}")
        if draws else ("-", "-") for seconds, draws in parts
    ]  # fmt: skip
    return name, f"{len(parts[0][1]):,}", *(word for cell in cells for word in cell)


def _total(repetitions: Times, points: Sequence[Point]) -> float:
    return median(sum(seconds[point.id] for point in points) for seconds in repetitions)


def waiting(point: Point, starts: int) -> str:
    """What passes before the first verdict, collection and a cold start, and before help is read."""
    word = f"{point.loss} and {point.scenario.name.split()[0]}"
    everything, selected = zip(
        *[(sessions.collection(), sessions.collection("-k", word)) for _ in range(starts)], strict=True
    )
    path = point.scenario.file
    pairs = [(sessions.import_torch(), sessions.first_verdict(path, point.id)) for _ in range(starts + 1)][1:]
    torch, verdict = (median(seconds) for seconds in zip(*pairs, strict=True))
    plain_help, check_help = (min(sessions.help_time(*command) for _ in range(starts)) for command in ([], ["check"]))
    rows: list[Row] = [
        _collected("collection, all files", everything),
        _collected(f"collection, -k '{word}'", selected),
        ("process start to import torch", "", milliseconds(torch), ""),
        ("process start to the first verdict", "1", milliseconds(verdict), against(verdict / torch, START)),
        ("parity --help, CPU", "", milliseconds(plain_help), ""),
        ("parity check --help, CPU", "", milliseconds(check_help), ""),
    ]
    return table("Waiting", ("", "items", "ms", "times import torch"), rows)


def _collected(name: str, runs: Sequence[sessions.Session]) -> Row:
    return name, f"{runs[0].items:,}", milliseconds(median(run.collection for run in runs)), ""

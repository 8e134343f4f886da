"""Point and implementation -> record: every draw of the point goes through reference, loss and comparison.

This is the one path underneath: the pytest plugin, `parity.check` and the benchmark all call `run_point`.
"""

import warnings
from collections.abc import Callable, Iterable
from pathlib import PurePath
from shlex import quote

import numpy as np

from parity.cases.points import Point
from parity.comparison.compare import Mismatch, told
from parity.draws.draw import Plan
from parity.engine.trial import Sides, Stop, Trial
from parity.implementations.declaration import Implementation
from parity.records.record import Record
from parity.references.torch import TORCH
from parity.types import NotOffered

# So many draws go through each stage together: more would hold more memory, and gain no more time.
TOGETHER = 6
AGREEMENT = (Trial.draw, Trial.ask_torch, Trial.ask_implementation, Trial.compare, Trial.repeat)
REFUSAL = (Trial.draw, Trial.refuse)
UNDEFINED = (Trial.draw, Trial.leave_undefined)


def run_point(point: Point, implementation: Implementation, seeds: Iterable[int]) -> Record:
    """The record of one point over its seeds. Never raises for what the implementation or a case does wrong."""
    case = point.scenario.case
    record = Record(
        point.id, point.loss, case.name, str(point.scenario.path), point.scenario.line, point.dtype,
        implementation.name, dict(point.choice), seeds=list(seeds), source=case.source,
        raises=next(iter(case.raises), None) if case.raises else None,
    )  # fmt: skip
    reason = implementation.not_offered(point)
    if reason:
        record.verdict, record.reason = "not offered", reason
        return record
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            _run(point, implementation, record)
        except NotOffered as error:
            record.verdict, record.reason = "not offered", f"{implementation.name} does not offer {error}"
            return record
    record.reason = implementation.expected_failure(point)
    if record.mismatches:
        seed = record.mismatches[0].seed or 0
        record.repeat = repeat_line(point, implementation, seed)
        record.verdict = "xfailed" if record.reason else "failed"
    elif record.reason and not case.raises:
        record.verdict = "xpassed"
    return record


def repeat_line(point: Point, implementation: Implementation, seed: int) -> str:
    """The command, or the call of `parity.check`, that repeats one draw."""
    if not implementation.origin:
        return f"parity.check({point.loss!r}, ..., only={point.id!r}, seeds=1, seed_base={seed})"
    path = PurePath(point.scenario.file)
    chosen = "" if implementation.origin == "numpy" else f" --implementation {implementation.origin}"
    return f"pytest {quote(f'{path}::{point.id}')} --seeds 1 --seed-base {seed}{chosen}"


def _run(point: Point, implementation: Implementation, record: Record) -> None:
    try:
        plan = Plan(point)
    except Exception as error:
        record.mismatches.append(Mismatch("case", "draw", f"the arrays cannot be drawn: {told(error)}"))
        return
    adapted, lacking = implementation.adapted[point.loss], implementation.lacking(point.loss)
    sides = Sides(point, implementation, record, plan, TORCH[point.loss], adapted, lacking)
    case = point.scenario.case
    stages = REFUSAL if case.raises else UNDEFINED if case.finding else AGREEMENT
    for start in range(0, len(record.seeds), TOGETHER):
        seeds = record.seeds[start : start + TOGETHER]
        trials = [Trial(sides, seed, seed == record.seeds[0]) for seed in seeds]
        trials[0].later = trials[1:]
        for stage in stages:
            _each(trials, stage)
        for trial in trials:
            if trial.refused:
                raise trial.refused
            if trial.mismatches:
                record.mismatches += trial.mismatches
                return


def _each(trials: Iterable[Trial], stage: Callable[[Trial], None]) -> None:
    """One stage of each draw that has not ended."""
    for trial in trials:
        if trial.mismatches or trial.refused:
            continue
        try:
            stage(trial)
        except Stop:
            pass
        except NotOffered as error:
            trial.refused = error

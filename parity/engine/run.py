"""Point and implementation -> record: every draw of the point goes through reference, loss and comparison.

This is the one path underneath: the pytest plugin, `parity.check` and the benchmark all call `run_point`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from shlex import quote
from typing import Any

from parity.cases.points import Point
from parity.comparison.compare import Mismatch, told
from parity.draws.draw import Plan
from parity.engine.state import Generators, changes, known_state
from parity.engine.trial import Sides, Stop, Trial
from parity.frameworks.compiled import frames_compiled, fresh_compilation
from parity.implementations.declaration import Implementation
from parity.records.record import Record
from parity.references.proof import not_torch
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
    if not record.seeds:
        return _erroneous(record, "no seed was given, so nothing was drawn")
    with known_state():
        problem = not_torch(point.loss)
        if problem:
            return _erroneous(record, problem)
        compiles = _compiles(implementation, point.loss)
        try:
            with _watched(point, implementation, record):
                _run(point, implementation, record)
        except NotOffered as error:
            record.verdict, record.reason = "not offered", f"{implementation.name} does not offer {error}"
            return record
    if _compiles(implementation, point.loss) and not compiles:
        return run_point(point, implementation, record.seeds)  # compiled code inside it came to light
    if not record.mismatches and not record.compared:
        missing = ", ".join(dict.fromkeys(record.not_offered)) or "a defined answer of torch"
        record.verdict, record.reason = "not offered", f"nothing was compared without {missing}"
        return record
    record.reason = implementation.expected_failure(point)
    if record.mismatches:
        seed = record.mismatches[0].seed or 0
        record.repeat = repeat_line(point, implementation, seed)
        record.verdict = "xfailed" if record.reason else "failed"
    elif record.reason and not case.raises:
        record.verdict = "xpassed"
    return record


def _erroneous(record: Record, sentence: str) -> Record:
    """The record of a point that could not be compared, which is no agreement."""
    record.verdict = "error"
    record.mismatches.append(Mismatch("case", "reference", sentence))
    return record


def _compiles(implementation: Implementation, loss: str) -> bool:
    return getattr(implementation.adapted[loss], "compiles", False)


@contextmanager
def _watched(point: Point, implementation: Implementation, record: Record) -> Iterator[None]:
    """What a whole point may leave behind: random generators, a patched torch, code that was compiled."""
    loss: Any = implementation.adapted[point.loss]
    if implementation.trusted:
        yield
        return
    generators, before = Generators(), frames_compiled()
    if getattr(loss, "compiles", False):
        with fresh_compilation() as frames:
            yield
            record.compiled = frames() > 0
        if not record.compiled and record.compared:
            said = "is compiled, yet no compiled code ran: torch.compile fell back to eager"
            record.mismatches.append(Mismatch("side effect", "state", f"the function {said}"))
    else:
        yield
        if frames_compiled() > before:
            loss.compiles = record.compiled = True
    told = [f"the call leaves {change}" for change in generators.restored()]
    patched = not_torch(point.loss)
    if patched:
        told.append(f"after the call {patched}")
    record.mismatches += [Mismatch("side effect", "state", sentence) for sentence in told]


def repeat_line(point: Point, implementation: Implementation, seed: int) -> str:
    """The command, or the call of `parity.check`, that repeats one draw."""
    if not implementation.origin:
        return f"parity.check({point.loss!r}, ..., only={point.id!r}, seeds=1, seed_base={seed})"
    path = PurePath(point.scenario.path)
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
        for change in changes():
            trial.tell(Mismatch("side effect", "state", f"the call leaves {change}"))

"""Point and implementation -> record: every draw of the point goes through reference, loss and comparison.

This is the one path underneath: the pytest plugin, `parity.check` and the benchmark all call `run_point`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from shlex import quote
from typing import Any

from parity.cases.points import Point
from parity.comparison.compare import Mismatch
from parity.draws.draw import Plan
from parity.engine import crumbs
from parity.engine.state import Generators, changes, known_state
from parity.engine.trial import Sides, Stop, Trial
from parity.frameworks.compiled import frames_compiled, fresh_compilation
from parity.implementations.declaration import Implementation
from parity.records.record import Record
from parity.references.proof import not_torch
from parity.references.torch import TORCH
from parity.types import NotOffered
from parity.wording import message, told

# So many draws go through each stage together: more would hold more memory, and gain no more time.
TOGETHER = 6
AGREEMENT = (Trial.draw, Trial.ask_torch, Trial.ask_implementation, Trial.compare, Trial.repeat)
REFUSAL = (Trial.draw, Trial.refuse)
UNDEFINED = (Trial.draw, Trial.leave_undefined)


def run_point(point: Point, implementation: Implementation, seeds: Iterable[int]) -> Record:
    """The record of one point over its seeds. Raises nothing but KeyboardInterrupt.

    What the implementation or a case does wrong is a mismatch; what goes wrong in parity itself is the verdict "error".
    """
    record = blank(point, implementation, seeds)
    crumbs.begin(point.id)
    try:
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
            with _watched(point, implementation, record):
                _run(point, implementation, record)
        if _compiles(implementation, point.loss) and not compiles:
            return run_point(point, implementation, record.seeds)  # compiled code inside it came to light
    except NotOffered as error:
        record.verdict, record.reason = "not offered", f"{implementation.name} does not offer {message(error)}"
        return record
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return broken(record, error)
    if not record.mismatches and not record.compared:
        missing = ", ".join(dict.fromkeys(record.not_offered)) or "a defined answer of torch"
        record.verdict, record.reason = "not offered", f"nothing was compared without {missing}"
        return record
    return settled(record, point, implementation)


def blank(point: Point, implementation: Implementation, seeds: Iterable[int]) -> Record:
    """The record of a point of which nothing is known yet."""
    case = point.scenario.case
    return Record(
        point.id, point.loss, case.name, str(point.scenario.path), point.scenario.line, point.dtype,
        implementation.name, dict(point.choice), seeds=list(seeds), source=case.source,
        raises=next(iter(case.raises), None) if case.raises else None,
    )  # fmt: skip


def settled(record: Record, point: Point, implementation: Implementation) -> Record:
    """The record with the verdict that follows from its mismatches and from what is expected to fail."""
    record.reason = implementation.expected_failure(point)
    if record.mismatches:
        record.repeat = repeat_line(point, implementation, record.mismatches[0].seed or 0)
        record.verdict = "xfailed" if record.reason else "failed"
    elif record.reason and not point.scenario.case.raises:
        record.verdict = "xpassed"
    return record


def broken(record: Record, error: BaseException) -> Record:
    """The record of a point that parity itself could not bring to an end."""
    return _erroneous(record, f"parity itself fails here, which is no verdict on the loss: {told(error)}", "parity")


def _erroneous(record: Record, sentence: str, what: str = "case") -> Record:
    """The record of a point that could not be compared, which is no agreement."""
    record.verdict = "error"
    record.mismatches.append(Mismatch(what, "reference", sentence))
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

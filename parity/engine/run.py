"""Point and implementation -> record: every draw of the point goes through reference, loss and comparison.

This is the one path underneath: the pytest plugin, `parity.check` and the benchmark all call `run_point`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from shlex import quote
from typing import Any

from parity.cases.points import Point
from parity.engine import crumbs
from parity.engine.stages import run_draws
from parity.engine.state import Generators, known_state
from parity.engine.unknown import finding
from parity.frameworks.compiled import frames_compiled, fresh_compilation
from parity.implementations.declaration import Implementation
from parity.losses import LOSSES
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.references.conventions import hand_over
from parity.references.proof import is_reference, not_torch
from parity.references.versions import missing
from parity.types import NotOffered
from parity.wording import in_words, message


def run_point(point: Point, implementation: Implementation, seeds: Iterable[int]) -> Record:
    """The record of one point over its seeds. Raises nothing but KeyboardInterrupt.

    What the implementation or a case does wrong is a mismatch; what goes wrong in parity itself is the verdict "error".
    """
    record = blank(point, implementation, seeds)
    crumbs.begin(point.id)
    try:
        absent = missing(point)
        if absent:
            record.verdict, record.reason = "not in torch", absent
            return record
        reason = implementation.not_offered(point)
        if reason:
            record.verdict, record.reason = "not offered", reason
            return record
        if not record.seeds:
            figures = {"error": "no seed was given"}
            return _erroneous(record, Mismatch(Subject.CASE, Kind.DRAW, figures=figures))
        with known_state():
            problem = not_torch(point.loss)
            if problem:
                return _erroneous(record, _not_own(problem))
            hand_over()
            compiles = _compiles(implementation, point.loss)
            with _watched(point, implementation, record):
                run_draws(point, implementation, record)
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
        without = ", ".join(dict.fromkeys(record.not_offered)) or "a defined answer of torch"
        record.verdict, record.reason = "not offered", f"nothing was compared without {without}"
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
    if record.unexpected:
        cause = finding(record, point, implementation)
        if cause:
            record.verdict, record.reason = "finding", cause
        elif record.mismatches:
            record.notes += _since(record, point)
    return record


def _since(record: Record, point: Point) -> list[str]:
    """In which version of torch the answer changed that the record leaves."""
    from parity.engine.changes import since

    mismatch = record.mismatches[0]
    about = {one.argument or "output" for one in record.mismatches if one.kind is not Kind.CLASS}
    answered = mismatch.subject in (Subject.OUTPUT, Subject.GRADIENT) and mismatch.kind is not Kind.RAISES
    if point.loss not in LOSSES:
        return []
    return since(point, mismatch.seed or 0, frozenset(about if answered else ()))


def broken(record: Record, error: BaseException) -> Record:
    """The record of a point that parity itself could not bring to an end."""
    how = f"parity itself fails here, which is no verdict on the loss: {in_words(error)}"
    return _erroneous(record, Mismatch(Subject.PROCESS, Kind.BROKEN, figures={"how": how}))


def _erroneous(record: Record, mismatch: Mismatch) -> Record:
    """The record of a point that could not be compared, which is no agreement."""
    record.verdict = "error"
    record.mismatches.append(mismatch)
    return record


def _not_own(problem: str) -> Mismatch:
    return Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.NOT_OWN, figures={"problem": problem})


def _compiles(implementation: Implementation, loss: str) -> bool:
    return getattr(implementation.adapted[loss], "compiles", False)


@contextmanager
def _watched(point: Point, implementation: Implementation, record: Record) -> Iterator[None]:
    """What a whole point may leave behind: random generators, a patched torch, code that was compiled."""
    if implementation.trusted:
        yield
        return
    if is_reference(point.loss, implementation.losses[point.loss]):
        record.notes.append(f"{implementation.name} is torch's own {point.loss}: it is compared with itself")
    generators = Generators()
    try:
        with _compilation(implementation.adapted[point.loss], record):
            yield
    finally:
        for change in generators.restored():
            record.mismatches.append(_left(Event.PROCESS_CHANGED, change=change))
        patched = not_torch(point.loss)
        if patched:
            record.mismatches.append(_left(Event.PATCHED, problem=patched))


@contextmanager
def _compilation(loss: Any, record: Record) -> Iterator[None]:
    """Compile the function afresh if torch.compile made it, or notice compiled code inside it."""
    if not getattr(loss, "compiles", False):
        before = frames_compiled()
        yield
        if frames_compiled() > before:
            loss.compiles = True
        return
    with fresh_compilation() as frames:
        yield
        record.compiled = frames() > 0
    if not record.compiled and record.compared:
        record.mismatches.append(_left(Event.EAGER))


def _left(event: Event, **figures: str) -> Mismatch:
    return Mismatch(Subject.EFFECT, Kind.STATE, event=event, figures=dict(figures))


def repeat_line(point: Point, implementation: Implementation, seed: int) -> str:
    """The command, or the call of `parity.check`, that repeats one draw."""
    if not implementation.origin:
        return f"parity.check({point.loss!r}, ..., only={point.id!r}, seeds=1, seed_base={seed})"
    path = PurePath(point.scenario.file)
    chosen = "" if implementation.origin == "numpy" else f" --parity-implementation {implementation.origin}"
    return f"pytest {quote(f'{path}::{point.id}')} --parity-seeds 1 --parity-seed-base {seed}{chosen}"

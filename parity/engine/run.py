"""Point and implementation -> record: every draw of the point goes through reference, loss and comparison.

This is the one path underneath: the pytest plugin, `parity.check` and the benchmark all call `run_point`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import PurePath
from shlex import quote

from parity.cases.points import Point, seeds_of
from parity.cases.reference import Unimportable
from parity.comparison.experience import Experience
from parity.dtypes import FLOATING
from parity.engine import crumbs
from parity.engine.facts import PointFacts
from parity.engine.granting import Granting
from parity.engine.relations import run_alone
from parity.engine.stages import run_draws
from parity.engine.state import Generators, known_state
from parity.engine.unknown import finding
from parity.facts.point import facts_of
from parity.frameworks.compiled import frames_compiled, fresh_compilation
from parity.implementations.contract import Contract
from parity.implementations.declaration import Implementation
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.references.conventions import hand_over
from parity.references.proof import is_reference, not_torch
from parity.references.reference import NOBODY, Reference, under
from parity.references.versions import missing
from parity.types import NotOffered
from parity.wording import in_words, message


def run_point(
    point: Point, implementation: Implementation, seeds: Iterable[int], experience: Experience | None = None
) -> Record:  # fmt: skip
    """The record of one point over its seeds. Raises nothing but KeyboardInterrupt.

    `experience` is what the points before it have shown of this loss: it spares what is known already.

    What the implementation or a case does wrong is a mismatch; what goes wrong in parity itself is the verdict "error".
    """
    record = blank(point, implementation, seeds)
    crumbs.begin(point.id)
    try:
        contract = implementation.contract(point.scenario.signature)
        if contract.problem:
            return _erroneous(record, Mismatch(Subject.PROCESS, Kind.SETUP, figures={"how": contract.problem}))
        absent = None if point.loss in implementation.reference or point.scenario.reference else missing(point)
        if absent:
            record.verdict, record.reason = "not in torch", absent
            return record
        if implementation.alone(point.loss):
            return _alone(point, implementation, record)
        reference = implementation.reference_of(point)
        for beside in point.scenario.identity.beside if point.scenario.identity else ():
            if beside.loss in implementation.losses:
                implementation.contract(beside)  # by its name from then on
        record.reference = reference.name
        terms = contract.terms(point)
        if terms.refused:
            record.verdict, record.reason = "not offered", terms.refused
            return record
        record.left_out = list(terms.left_out)
        if not record.seeds:
            figures = {"error": "no seed was given"}
            return _erroneous(record, Mismatch(Subject.CASE, Kind.DRAW, figures=figures))
        with known_state():
            problem = not_torch(point.loss) if reference.is_torch else None
            if problem:
                return _erroneous(record, _not_own(problem))
            hand_over()
            called = contract.under(point.around)
            answers = experience.answers if experience is not None and remembered(point, record.seeds) else None
            asked = reference if answers is None else answers.of(reference)
            asked = under(reference, contract.signature, point.around, contract.device) if point.around else asked
            compiles = called.compiles

            def compare(called: Contract) -> Record:
                # what comes first needs no other record
                made = blank(point, implementation, record.seeds) if called.granted else record
                made.left_out, made.reference = record.left_out, record.reference
                try:
                    with _watched(called, reference, made):
                        run_draws(point, called, terms, asked, made, experience)
                finally:
                    if answers is not None and any(one.event is Event.PATCHED for one in made.mismatches):
                        answers.forget()
                return made

            record = Granting(called, compare).record()
            if experience is not None:
                experience.learn(record.mismatches)
        if called.compiles and not compiles:
            return run_point(point, implementation, record.seeds, experience)  # compiled code inside it came to light
    except Unimportable as error:
        return _erroneous(record, _not_own(str(error)))
    except NotOffered as error:
        record.verdict, record.reason = "not offered", f"{implementation.name} does not offer {message(error)}"
        return record
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return broken(record, error)
    if record.problem:
        record.verdict = "error"
        return record
    if not record.mismatches and not record.compared:
        without = ", ".join(dict.fromkeys(record.not_offered))
        nothing = f"nothing was compared without {without}" if without else f"{reference.name} has no defined answer"
        record.verdict, record.reason = "not offered", nothing
        return record
    if reference.extended is None and FLOATING[point.dtype].double and not record.raises:
        record.notes.append(f"of {point.dtype} no answer is known that is more exact than {reference.name}'s own")
    return settled(record, point, implementation)


def _alone(point: Point, implementation: Implementation, record: Record) -> Record:
    """The record of a point that no reference is asked for."""
    contract, record.reference = implementation.contract(point.scenario.signature), NOBODY.name
    terms = contract.terms(point)
    if terms.refused or not point.plain:
        record.verdict = "not offered"
        record.reason = terms.refused or "no relation is asked of it without a reference"
        return record
    record.left_out = list(terms.left_out)
    with known_state(), _watched(contract, NOBODY, record):
        run_alone(point, contract, terms, record)
    if not record.mismatches and not record.compared:
        record.verdict, record.reason = "not offered", ", ".join(dict.fromkeys(record.not_offered)) or "no draw"
        return record
    return settled(record, point, implementation)


def remembered(point: Point, seeds: Sequence[int]) -> bool:
    """Whether torch's answers to a point are kept from run to run: plain calls at the seeds that a plain run draws."""
    default = seeds_of(point, None, 0, "default")
    plain = not point.around and point.scenario.case.warns is None and point.scenario.reference is None
    return plain and all(seed in default for seed in seeds)


def blank(point: Point, implementation: Implementation, seeds: Iterable[int]) -> Record:
    """The record of a point of which nothing is known yet."""
    case = point.scenario.case
    record = Record(
        point.id, point.loss, case.name, str(point.scenario.path), point.scenario.line, point.dtype,
        implementation.name, dict(point.choice), seeds=list(seeds), source=case.source,
        raises=next(iter(case.raises), None) if case.raises else None,
    )  # fmt: skip
    record.know(facts_of(point), {})
    return record


def unasked(point: Point, implementation: Implementation, problem: str) -> Record:
    """The record of a point that was not run, since another has shown that none can be."""
    record = blank(point, implementation, ())
    record.verdict, record.reason = "not offered", problem
    return record


def settled(record: Record, point: Point, implementation: Implementation) -> Record:
    """The record with the verdict that follows from its mismatches and from what is expected to fail."""
    contract = implementation.contract(point.scenario.signature)
    record.reason = contract.expected_failure(point, PointFacts(point, record.seeds))
    if record.mismatches:
        record.mismatches.sort(key=lambda mismatch: bool(mismatch.figures.get("right")))
        record.repeat = repeat_line(point, implementation, record.mismatches[0].seed or 0)
        record.verdict = "xfailed" if record.reason else "nearer than torch" if record.nearer else "failed"
    elif record.reason and not point.scenario.case.raises:
        record.verdict = "xpassed"
    if record.unexpected and not implementation.alone(point.loss):
        cause = finding(record, point, implementation)
        if cause:
            record.verdict, record.reason = "finding", cause
    return record


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


@contextmanager
def _watched(contract: Contract, reference: Reference, record: Record) -> Iterator[None]:
    """What a whole point may leave behind: random generators, a patched torch, code that was compiled."""
    if contract.trusted:
        with _compilation(contract, record) if contract.compiles else nullcontext():
            yield
        return
    theirs = is_reference(contract.loss, contract.function) if reference.is_torch else False
    if theirs or contract.function is reference.function:
        which = f"torch's own {contract.loss}" if reference.is_torch else f"{reference.name} itself"
        record.notes.append(f"{contract.implementation} is {which}: it is compared with itself")
    generators = Generators()
    try:
        with _compilation(contract, record):
            yield
    finally:
        for change in generators.restored():
            record.mismatches.append(_left(Event.PROCESS_CHANGED, change=change))
        patched = not_torch(contract.loss) if reference.is_torch else None
        if patched:
            record.mismatches.append(_left(Event.PATCHED, problem=patched))


@contextmanager
def _compilation(contract: Contract, record: Record) -> Iterator[None]:
    """Compile the function afresh if torch.compile made it, or notice compiled code inside it."""
    if not contract.compiles:
        before = frames_compiled()
        yield
        if frames_compiled() > before:
            contract.wrapped.compiles = True  # type: ignore[attr-defined]
        return
    with fresh_compilation() as frames:
        yield
        count = frames()
    if count is None:
        record.notes.append("whether compiled code ran here, this torch does not tell")
        return
    record.compiled = count > 0
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

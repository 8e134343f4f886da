"""The draws of a point -> what they show, noted in its record."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias, TypeVar

from parity.cases.memory import bytes_of
from parity.cases.points import Point
from parity.comparison import witness
from parity.comparison.experience import Experience
from parity.comparison.without import ignored, may_be_ignored
from parity.draws.draw import Plan
from parity.engine.asking import (
    Draw,
    Drawn,
    Pair,
    Stopped,
    ask_implementation,
    ask_reference,
    ask_refusal,
    draw,
    forward,
    refusal_of,
    restored,
    undrawn,
)
from parity.engine.crumbs import at
from parity.engine.observations import ALIKE, ANSWERS, EFFECTS, ONCE, REPEATED, SAMPLED, Observation
from parity.engine.sample import repeated, sampled
from parity.engine.state import changes
from parity.facts.draw import facts_of_draw, facts_of_upstream
from parity.facts.words import HOW
from parity.implementations.contract import Contract, Terms
from parity.implementations.lacks import ERRORS
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.references.reference import Reference
from parity.types import NotOffered
from parity.wording import in_words, message

# So many draws go through each stage together, as long as their arrays take no more than so many bytes: more would
# gain no more time.
TOGETHER = 6
HELD = 1 << 27
T = TypeVar("T")
U = TypeVar("U")
Start: TypeAlias = tuple[Pair, int, bool]


def run_draws(
    point: Point, contract: Contract, terms: Terms, reference: Reference, record: Record,
    experience: Experience | None = None,
) -> None:  # fmt: skip
    """Note in the record what the draws show, up to the first that differs. Raises NotOffered if none is served.

    `experience` is what other points of the run have shown.
    """
    try:
        plan = Plan(point)
    except Exception as error:
        record.mismatches.append(undrawn(error))
        return
    facts: dict[int, frozenset[str]] = {}
    try:
        _run_draws(Pair(point, contract, terms, record, plan, reference, experience or Experience()), facts)
    finally:
        record.know(record.facts, facts)


def _run_draws(pair: Pair, facts: dict[int, frozenset[str]]) -> None:
    """The same; the facts of each draw go into `facts` by its seed."""
    point, contract, record, reference = pair.point, pair.contract, pair.record, pair.reference
    case = point.scenario.case
    run = _agreements
    if case.raises:
        run = _refusals
    elif case.finding:
        run = _undefined
    elif point.around:
        run = _around
    elif reference.decides:
        run = _decided
    refused: list[NotOffered] = []
    together = max(1, min(TOGETHER, HELD // max(bytes_of(point), 1)))
    seeds, left = record.seeds[:0], record.seeds
    while left:
        # where the point before differed, the first draw alone may tell as much
        size = 1 if pair.experience.early and not seeds else together
        seeds, left = left[:size], left[size:]
        stages = Stages(not contract.trusted, facts)
        run(stages, [(seed, (pair, seed, seed == record.seeds[0])) for seed in seeds])
        refused += stages.refused
        for seed in seeds:
            if seed in stages.ended:
                for mismatch in stages.ended[seed]:
                    mismatch.asked = _around_it(point) + mismatch.asked
                _note_ignored(stages.ended[seed], pair, seed)
                record.mismatches += stages.ended[seed]
                break
        if record.mismatches:
            break
    if refused and not record.mismatches and not record.compared:
        raise refused[0]
    record.not_offered += [message(error) or "a draw" for error in refused]


def _note_ignored(mismatches: Iterable[Mismatch], pair: Pair, seed: int) -> None:
    """Name in the mismatches the options without which the reference shows the same."""
    for mismatch in filter(may_be_ignored, mismatches):
        arguments = draw(pair, seed, False).arguments
        found = ignored(mismatch, pair.contract.signature, pair.reference, arguments)
        if found:
            mismatch.figures["ignored"] = found


def _around_it(point: Point) -> str:
    """How a call is made that goes through a transformation."""
    return HOW.get(point.around, f"under {point.around}, ")


def _agreements(stages: "Stages", seeds: list[tuple[int, Start]]) -> None:
    """Both sides answer alike."""
    _alike(stages, stages.drawn(seeds))


def _alike(stages: "Stages", drawn: list[tuple[int, Drawn]]) -> None:
    asked = stages.each(ask_reference, drawn, calls=False)
    for seed, one in asked:
        stages.facts[seed] |= facts_of_upstream(one.grad_output)
    offered = [(seed, one) for seed, one in asked if stages.offered(seed, one.drawn.pair.contract)]
    draws = stages.each(ask_implementation, offered)
    if len(draws) > 1:
        draws[0] = draws[0][0], replace(draws[0][1], followed=True)
    compared = stages.each(_compared, draws)
    stages.each(_once, [(seed, one) for seed, one in compared if one.drawn.first and not one.pair.case.one_call])


def _decided(stages: "Stages", seeds: list[tuple[int, Start]]) -> None:
    """Where the reference answers both sides answer alike, what it refuses both refuse."""
    drawn = stages.drawn(seeds)
    refusals = dict(stages.each(ask_refusal, drawn, calls=False))
    _alike(stages, [(seed, one) for seed, one in drawn if refusals.get(seed) == ""])

    def refuse(one: Drawn) -> None:
        record, wanted = one.pair.record, refusals[one.seed]
        if one.pair.contract.lacks_errors:
            raise NotOffered(ERRORS)
        record.raises = wanted
        _refuse(one, {wanted: [""]})

    refused = [(seed, one) for seed, one in drawn if refusals.get(seed) and stages.offered(seed, one.pair.contract)]
    stages.each(refuse, refused)


def _compared(one: Draw) -> Draw:
    found = _seen(EFFECTS, one)
    if found:
        one = restored(one)
    found += _seen(ANSWERS, one)
    if found or (found := _seen(ALIKE, one)):
        raise Stopped(*found)
    return one


def _once(one: Draw) -> None:
    point, draws = one.pair.point, len(one.pair.record.seeds)
    found = _seen(REPEATED, one) if repeated(point, draws) else []
    found += _seen(ONCE, one)
    if sampled(point, draws):
        found += _seen(SAMPLED, one)
    if found:
        raise Stopped(*found)


def _seen(observations: Iterable[Observation], one: Draw) -> list[Mismatch]:
    return [mismatch for observation in observations for mismatch in observation(one)]


def _around(stages: "Stages", seeds: list[tuple[int, Start]]) -> None:
    """Both sides answer alike under a transformation, or both refuse it."""
    drawn = stages.drawn(seeds[:1])
    refused = refusal_of(drawn[0][1]) if drawn else None
    if refused:
        drawn[0][1].pair.record.raises = next(iter(refused))
        _refusals(stages, seeds, refused)
    else:
        _agreements(stages, seeds)


def _refusals(
    stages: "Stages", seeds: list[tuple[int, Start]], raises: Mapping[str, Collection[str]] | None = None
) -> None:
    """Both sides refuse the call, as the case has it or as torch does."""

    def refuse(drawn: Drawn) -> None:
        wanted = raises or drawn.pair.case.raises
        assert wanted is not None
        _refuse(drawn, wanted)

    stages.each(refuse, stages.drawn(seeds))


def _refuse(drawn: Drawn, raises: Mapping[str, Collection[str]]) -> None:
    pair = drawn.pair
    at("in a call that must be refused", drawn.seed)
    found = list(witness.refusal(raises, pair.reference, pair.contract, drawn.arguments, pair.case.tolerance))
    if any(mismatch.kind is Kind.REFERENCE for mismatch in found) and (lacking := pair.not_without()):
        raise lacking
    pair.record.compared += 1
    if found:
        raise Stopped(*found)


def _undefined(stages: "Stages", seeds: list[tuple[int, Start]]) -> None:
    """A call that torch leaves undefined: the case says what is right. A wrapper of torch is not accused of it."""

    def answer(drawn: Drawn) -> None:
        pair, finding = drawn.pair, drawn.pair.case.finding
        assert finding is not None
        wanted = finding.output if finding.raises is None else finding.raises
        pair.record.finding = {"torch": finding.torch, "output": wanted}
        if pair.contract.hands_on or pair.reference.decides:
            return
        pair.record.compared += 1
        problem = None
        if finding.raises is not None:
            at("in the forward", drawn.seed)
            problem = witness.unsafe(finding.raises, pair.contract, drawn.arguments)
        elif finding.output is not None:
            problem = witness.undefined(finding, forward(drawn)[0])
        if problem:
            raise Stopped(problem)

    stages.each(answer, stages.drawn(seeds))


class Stages:
    """The draws of a point go through each stage together: calls of one kind in a row cost half of what they cost in
    turn with others, and the first draw sees its later ones as calls in between.
    """

    def __init__(self, watched: bool, facts: dict[int, frozenset[str]]) -> None:
        self.watched, self.facts = watched, facts
        self.ended: dict[int, list[Mismatch]] = {}
        self.refused: list[NotOffered] = []

    def drawn(self, seeds: Iterable[tuple[int, Start]]) -> list[tuple[int, Drawn]]:
        """The first stage of all: the arrays, and their facts."""
        made = self.each(lambda start: draw(*start), seeds, calls=False)
        for seed, one in made:
            self.facts[seed] = facts_of_draw(one.pair.point.loss, one.arguments)
        return [(seed, one) for seed, one in made if self.offered(seed, one.pair.contract)]

    def differs_before(self, seed: int) -> bool:
        """Whether an earlier draw has ended with a mismatch."""
        return bool(self.ended) and min(self.ended) < seed

    def offered(self, seed: int, contract: Contract) -> bool:
        """Whether a draw with these facts is offered."""
        lack = contract.lacking(self.facts[seed])
        if lack is not None:
            self.refused.append(NotOffered(str(lack)))
        return lack is None

    def each(self, stage: Callable[[T], U], values: Iterable[tuple[int, T]], calls: bool = True) -> list[tuple[int, U]]:
        """What a stage makes of each draw's value, by seed; a draw that ends in it is left out of the next.

        `calls` says whether the stage calls the implementation, which may then leave the process changed. Draws
        after one that differs are of no more interest: a record tells its first.
        """
        made = []
        for seed, value in values:
            if self.differs_before(seed):
                break
            found: list[Mismatch] = []
            result: U | None = None
            try:
                result = stage(value)
            except Stopped as stopped:
                found += stopped.mismatches
            except NotOffered as error:
                self.refused.append(error)
            except MemoryError as error:
                found.append(Mismatch(Subject.CASE, Kind.MEMORY, figures={"error": in_words(error)}))
            left = [
                Mismatch(Subject.EFFECT, Kind.STATE, event=Event.PROCESS_CHANGED, figures={"change": change})
                for change in (changes() if self.watched and calls else ())
            ]  # fmt: skip
            for mismatch in found + left:
                mismatch.seed = seed
            if found or left:
                self.ended[seed] = found + left
            elif result is not None:
                made.append((seed, result))
        return made

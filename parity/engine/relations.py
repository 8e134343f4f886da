"""What a loss owes to itself, looked at in a draw: beside the reference's answer, or where no reference is asked."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from parity import losses
from parity.cases.points import Point
from parity.comparison import compare, observe
from parity.comparison.experience import Experience
from parity.comparison.relations import ANY, RELATIONS, same_bits
from parity.comparison.slopes import in_forward_mode
from parity.comparison.tolerance import EXACT, bound
from parity.comparison.whole import Related, Whole
from parity.draws.draw import Plan
from parity.dtypes import row_of
from parity.engine.asking import Draw, Drawn, Pair, Stopped, backward, draw, forward, other_arguments
from parity.engine.crumbs import at
from parity.facts.axes import axes_of
from parity.facts.draw import facts_of_draw, facts_of_upstream
from parity.facts.roles import differentiates, role_of, scores_of
from parity.implementations.contract import Contract, Terms
from parity.implementations.promises import BATCH
from parity.records.mismatch import OUTPUT, Event, Kind, Mismatch, about
from parity.records.record import Record
from parity.references.reference import NOBODY
from parity.types import Array, Clause, Loss, NotOffered
from parity.wording import in_words, message

# So many roundings of the largest number may lie between sums in another order.
ROUNDINGS = 16


def relations(draw: Draw) -> Iterator[Mismatch]:
    """What two calls of the implementation owe to each other, where the case says so."""
    words = draw.pair.case.observe
    if not ({"relations", *RELATIONS} & set(words)) or draw.forward_alone:
        return
    offered = {name: value for name, value in draw.answer.values.items() if draw.compares(name)}
    yield from _related(draw.drawn, draw.grad_output, offered)


def run_alone(point: Point, contract: Contract, terms: Terms, record: Record) -> None:
    """Note in the record what the relations show of each draw, up to the first that differs. No reference is asked."""
    facts: dict[int, frozenset[str]] = {}
    try:
        pair = Pair(point, contract, terms, record, Plan(point), NOBODY, Experience())
        for seed in record.seeds:
            found = _drawn(pair, seed, facts)
            for mismatch in found:
                mismatch.seed = seed
            record.mismatches += found
            if found:
                return
    finally:
        record.know(record.facts, facts)


def _drawn(pair: Pair, seed: int, facts: dict[int, frozenset[str]]) -> list[Mismatch]:
    """What a draw shows."""
    try:
        drawn = draw(pair, seed, seed == pair.record.seeds[0])
        facts[seed] = facts_of_draw(pair.point.loss, drawn.arguments)
        lack = pair.contract.lacking(facts[seed])
        if lack is not None:
            raise NotOffered(str(lack))
        return list(_alone(drawn, facts))
    except Stopped as stopped:
        return list(stopped.mismatches)
    except NotOffered as error:
        pair.record.not_offered.append(message(error) or "a draw")
        return []


def _alone(drawn: Drawn, facts: dict[int, frozenset[str]]) -> Iterator[Mismatch]:
    """What the loss shows by itself: the form of its answers, its side effects, its relations, a second call."""
    pair = drawn.pair
    output, vjp = forward(drawn)
    grad_output = drawn.upstream(output)
    facts[drawn.seed] |= facts_of_upstream(grad_output)
    before = observe.bits({**drawn.arguments, "grad_output": grad_output})
    answer = backward(drawn, output, vjp, grad_output)
    yield from observe.changed(before, {**drawn.arguments, "grad_output": grad_output})
    offered = {name: value for name, value in answer.values.items() if not pair.contract.lacks_gradient(name)}
    for name, value in answer.gradients.items():
        argument = drawn.arguments.get(name)
        if name in offered and isinstance(argument, np.ndarray):
            problem = compare.form(about(name), argument, value)
            if problem:
                problem.against = "the argument"
                raise Stopped(problem)
    yield from _related(drawn, grad_output, offered)
    if not {Clause.REPEATABLE, Clause.BACKWARD} & pair.contract.granted and answer.vjp is not None:
        at("in the second call", drawn.seed)
        call, other = pair.contract.call, other_arguments(drawn)
        yield from observe.repeats(call, drawn.arguments, other, grad_output, observe.same, once=False)
    pair.record.compared += 1


def _related(drawn: Drawn, grad_output: Array, values: Mapping[str, Array]) -> Iterator[Mismatch]:
    """Where two answers of the loss are not as they must be."""
    pair, contract = drawn.pair, drawn.pair.contract
    loss, case, arguments = pair.point.loss, pair.case, drawn.arguments
    named = tuple(word for word in RELATIONS if word in case.observe)
    known = loss in losses.LOSSES or "relations" in case.observe
    words = RELATIONS if known else dict.fromkeys(ANY + named)
    moved = role_of(loss, arguments).shifted
    if not moved and "shift" in named:
        moved = (scores_of([name for name in arguments if isinstance(arguments[name], np.ndarray)]) or "",)
    defaults = contract.signature.defaults
    whole = Whole(contract.call, arguments, defaults, grad_output, dict(values), axes_of(loss, arguments), moved)
    ways = {word: RELATIONS[word] for word in words}
    if BATCH in contract.promises:
        ways[BATCH] = same_bits
    if not differentiates(loss, arguments):
        ways.pop("derivative", None)
    forward_mode = _forward_mode(contract) if "derivative" in ways else None
    if forward_mode is not None:
        ways["forward mode"] = partial(in_forward_mode, forward=forward_mode)
    for word, way in ways.items():
        at(f"in a call for the relation {word}", drawn.seed)
        try:
            for related in way(whole):
                yield from _apart(related, whole)
        except (KeyboardInterrupt, Stopped):
            raise
        except NotOffered as error:
            pair.record.not_offered.append(message(error) or "a relation")
        except BaseException as error:
            if word == "forward mode":  # a function with a backward of its own need not have it
                pair.record.not_offered.append(word)
                continue
            problem = OUTPUT.mismatch(Kind.RAISES, Event.PARTLY, {"error": in_words(error)})
            problem.asked = f"in another call of the same kind ({word}), "
            yield problem


def _forward_mode(contract: Contract) -> Loss | None:
    """The tangent of its output as a loss; None where there is no forward mode."""
    if contract.framework != "torch":
        return None
    try:
        return contract.under("jvp").call
    except NotOffered:
        return None


def _apart(related: Related, whole: Whole) -> Iterator[Mismatch]:
    """Where a pair of answers is farther apart than sums in another order are."""
    for name, expected in related.expected.items():
        if name not in whole.values or name not in related.actual:
            continue
        actual, answer = related.actual[name], about(name)
        problem = compare.form(answer, expected, actual)
        if problem is None:
            limit = EXACT if related.exactly else bound(expected.dtype, name)
            extra = None if related.exactly else _roundings(name, expected, related, whole)
            with np.errstate(all="ignore"):
                worst, share = compare.judge(expected, actual, limit, extra)
                if worst > 1:
                    problem = compare.describe(
                        answer, expected, actual, share, compare.allowance(expected, limit, extra), None
                    )
        if problem is not None:
            problem.asked, problem.against = related.how, related.against
            yield problem


def _roundings(name: str, expected: Array, related: Related, whole: Whole) -> Array:
    """What each number may be off: so many roundings of the largest that it may be the sum of."""
    if related.coarse:
        return np.full(expected.shape, related.coarse)
    own = row_of(expected.dtype)
    eps = max(whole.eps, own.eps if own else 0.0)
    sizes = [expected, whole.grad_output] if name != "output" else [expected, *whole.arrays.values()]
    largest = max(_largest(value) for value in sizes)
    most = max((value.size for value in whole.arrays.values()), default=1)
    summands: float = most if whole.reduction == "sum" and name == "output" else 1
    if name != "output":  # a sum along an axis, or over rows, if it has none: their roundings have no preferred sign
        summands = np.sqrt(max(most / max(expected.size, 1), *whole.grad_output.shape, 1))
    return np.full(expected.shape, ROUNDINGS * eps * largest * summands)


def _largest(value: Array) -> float:
    sizes = np.abs(value.astype(np.complex128 if value.dtype.kind == "c" else np.float64))
    return float(np.max(sizes, where=np.isfinite(sizes), initial=0))

"""What is looked at in a draw that both sides have answered: each observation is a function from it to mismatches.

A new one is a function, and an entry in one of the tuples at the end.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

from parity.comparison import observe, truth, witness
from parity.comparison.second import directions, second_derivatives
from parity.draws.draw import generator
from parity.engine.asking import Draw, Stopped, other_arguments
from parity.engine.crumbs import at
from parity.engine.upstream import only_by_strides
from parity.implementations.lacks import SECOND
from parity.records.mismatch import Event, Kind, Mismatch, Subject, about
from parity.references.torch import TORCH
from parity.types import Array, Differentiator, Gradients, NotOffered, Result
from parity.wording import in_words, message

Observation: TypeAlias = Callable[[Draw], Iterable[Mismatch]]


def overwritten(draw: Draw) -> Iterator[Mismatch]:
    """What the first draw's call returned, and a later call has written over."""
    if draw.drawn.first:
        found = list(observe.overwritten(draw.kept, draw.answer.values))
        if found:
            raise Stopped(*found)
    yield from ()


def shared_memory(draw: Draw) -> Iterator[Mismatch]:
    """An output in the memory of an argument."""
    if draw.drawn.first:
        problem = observe.shared(draw.answer.output, draw.drawn.arguments)
        if problem:
            yield problem


def mutation(draw: Draw) -> Iterator[Mismatch]:
    """Arguments, or grad_output, that are no longer what they were."""
    return observe.changed(draw.before, draw.given())


def presence(draw: Draw) -> Iterator[Mismatch]:
    """Which arguments are differentiable, both ways."""
    wanted, found, pair = draw.reference.gradients, draw.answer.gradients, draw.pair
    if wanted.keys() == found.keys() or "gradient" in pair.lacking:
        return
    if wanted and not getattr(draw.answer.vjp, "has_gradients", True):
        hint = "; if they are not offered, declare lacks=['gradient']"
        raise Stopped(Mismatch(Subject.GRADIENT, Kind.MISSING, event=Event.NO_VJP, hint=hint))
    for name in sorted(wanted.keys() ^ found.keys()):
        if pair.lacks_gradient(name):
            pair.record.not_offered.append(f"gradient of {name}")
        else:
            yield about(name).mismatch(Kind.MISSING if name in wanted else Kind.EXTRA)


def values(draw: Draw) -> Iterator[Mismatch]:
    """The output and every gradient beside the reference's."""
    record = draw.pair.record
    for name, value in draw.answer.values.items():
        if name == "output" or name in draw.reference.gradients:
            share, ulps, problem = draw.expected.compare(name, value)
            record.note(name, share, ulps)
            if problem and problem.figures.get("right"):
                problem.seed = draw.seed
                record.find(problem)
            elif problem:
                only_by_strides(draw, name, problem)
                yield problem
    record.lenient += draw.expected.lenient


def figures(draw: Draw) -> Iterator[Mismatch]:
    """The figure that an article prints."""
    published = draw.pair.case.published
    if published:
        expected, output = draw.reference.output, draw.answer.output
        draw.pair.record.published = {
            "figure": published.output, "torch": expected.astype(float).tolist(),
            "ours": output.astype(float).tolist(), "note": published.note,
        }  # fmt: skip
        yield from witness.figures(published, expected, output)


def identity(draw: Draw) -> Iterator[Mismatch]:
    """What `equals` says, by the implementation's own functions, and once by the reference's."""
    equals = draw.pair.point.scenario.identity
    if equals is None:
        return
    at("in the identity", draw.seed)
    implementation = draw.pair.implementation
    known = {**draw.pair.point.sizes, **draw.drawn.arguments}
    sides = [witness.Side(implementation.name, implementation.offered, draw.answer)]
    if draw.drawn.first:
        sides.append(witness.Side("torch", TORCH, draw.reference))
    for side in sides:
        try:
            yield from witness.identity(equals, side, TORCH, known, draw.expected)
        except (KeyError, NotOffered) as error:
            draw.pair.record.not_offered.append(f"identity with {message(error).strip(chr(39))}")


def repeatability(draw: Draw) -> Iterator[Mismatch]:
    """The same call once more, and its vjp, other calls having come in between."""
    at("in the second call", draw.seed)
    loss, vjp, drawn = draw.pair.loss, draw.answer.vjp, draw.drawn
    if "gradient" in draw.pair.lacking:
        loss, vjp = partial(_forward_alone, draw), _no_gradients
    try:
        if not draw.followed:
            observe.call(loss, other_arguments(drawn))
        first = (draw.answer.output, draw.answer.gradients, vjp)
        if not observe.steady(loss, drawn.offered, draw.kept, *first, draw.grad_output):
            yield from observe.repeats(loss, drawn.offered, other_arguments(drawn), draw.grad_output)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:
        yield Mismatch(Subject.EFFECT, Kind.RAISES, event=Event.SECOND_CALL, figures={"error": in_words(error)})


def _forward_alone(draw: Draw, **arguments: object) -> Result:
    return draw.pair.loss(**arguments)[0], _no_gradients


def _no_gradients(grad_output: Array) -> Gradients:
    return {}


def partial_gradients(draw: Draw) -> Iterator[Mismatch]:
    """Of a framework that differentiates by what it is asked to: nothing, one argument, all but one."""
    vjp = draw.answer.vjp
    if not isinstance(vjp, Differentiator):
        return
    names = [name for name in draw.answer.gradients if name in draw.reference.gradients]
    asked = [[], *([name] for name in names)]
    if len(names) > 2:  # in turn, point by point
        one = generator(f"{draw.pair.point.id}#{draw.seed}#alone").choice(names)
        asked = [[], [one], [name for name in names if name != one]]
    calls = {"under torch.no_grad()": vjp.without_gradients}
    for some in asked:
        wanted = f"the gradient of {' and '.join(some)} alone (no leaf)" if some else "no gradient"
        calls[f"asked for {wanted}"] = partial(vjp.only, some, draw.grad_output)
    for said, call in calls.items():
        at(f"in a call {said}", draw.seed)
        try:
            found = call()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = {"error": in_words(error)}
            yield Mismatch(Subject.GRADIENT, Kind.RAISES, event=Event.PARTLY, figures=raised, asked=f"{said}, ")
            continue
        for name, value in found.items():
            if name == "output" or name in draw.reference.gradients:
                problem = draw.expected.compare(name, value)[2]
                if problem:
                    problem.asked = f"{said}, "
                    yield problem
    yield from observe.changed(draw.before, draw.given())


def second_order(draw: Draw) -> Iterator[Mismatch]:
    """Second derivatives, unless the implementation does not offer them."""
    pair, vjp = draw.pair, draw.answer.vjp
    if SECOND in pair.lacking or not isinstance(vjp, Differentiator):
        pair.record.not_offered.append(SECOND)
        return
    at("in the second derivative", draw.seed)
    along = {
        name: value
        for name, value in directions(
            draw.reference.gradients, generator(f"{pair.point.id}#{draw.seed}#directions")
        ).items()
        if not pair.lacks_gradient(name)
    }
    try:
        yield from second_derivatives(
            vjp, draw.reference.vjp, draw.grad_output, along, pair.case.tolerance,
            lambda: truth.second(draw.expected.call, along),
        )  # fmt: skip
    except NotOffered:
        pair.record.not_offered.append(SECOND)


# What the call has done to memory; the arguments are drawn again if it has spoilt them.
EFFECTS: tuple[Observation, ...] = (overwritten, shared_memory, mutation)
# What it answers.
ANSWERS: tuple[Observation, ...] = (presence, values, figures)
# Where nothing differs so far.
ALIKE: tuple[Observation, ...] = (identity,)
# Where nothing differs so far, and of a point's first draw alone.
ONCE: tuple[Observation, ...] = (repeatability, partial_gradients, second_order)

"""What is looked at in a draw that both sides have answered: each observation is a function from it to mismatches.

A new one is a function, and an entry in one of the tuples at the end.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from parity.comparison import distance, observe, warned, witness
from parity.comparison.second import directions, second_derivatives
from parity.draws.draw import generator
from parity.engine.asking import Draw, Stopped, other_arguments
from parity.engine.bias import bias
from parity.engine.crumbs import at
from parity.engine.relations import relations
from parity.engine.saved import kept_inputs, saved_inputs
from parity.engine.upstream import only_by_strides
from parity.implementations.contract import Contract
from parity.implementations.lacks import SECOND, WARNINGS
from parity.records.mismatch import Event, Kind, Mismatch, Subject, about
from parity.types import Array, Clause, Differentiator, Gradients, Loss, NotOffered, Result
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


def marks(draw: Draw) -> Iterator[Mismatch]:
    """What else the call has left on its arguments: another shape, a flag, a gradient of their own."""
    vjp = draw.answer.vjp
    found = vjp.left() if isinstance(vjp, Differentiator) else {}
    if found:
        changed = [one.figures["name"] for one in mutation(draw)]
        yield from (observe.left(name, how) for name, how in found.items() if name not in changed)


def presence(draw: Draw) -> Iterator[Mismatch]:
    """Which arguments are differentiable, both ways."""
    wanted, found, pair = draw.reference.gradients, draw.answer.gradients, draw.pair
    if draw.forward_alone:
        return
    lacking = {name for name in wanted | found if pair.contract.lacks_gradient(name)} if pair.contract.lacks else set()
    pair.record.not_offered += [f"gradient of {name}" for name in sorted(lacking)]
    if wanted.keys() == found.keys():
        return
    if wanted and not getattr(draw.answer.vjp, "has_gradients", True):
        hint = "; if they are not offered, declare lacks=['gradient']"
        if pair.contract.framework == "numpy":
            hint = f"; if it is a function of tensors, give framework='torch'{hint}"
        raise Stopped(Mismatch(Subject.GRADIENT, Kind.MISSING, event=Event.NO_VJP, hint=hint))
    for name in sorted((wanted.keys() ^ found.keys()) - lacking):
        if name in wanted or not _granted(pair.contract, found[name]):
            yield about(name).mismatch(Kind.MISSING if name in wanted else Kind.EXTRA)


def _granted(contract: Contract, gradient: Array) -> bool:
    """Whether a gradient may be given that torch has not."""
    return Clause.EXTRA in contract.granted or (Clause.ZERO in contract.granted and not np.any(gradient))


def values(draw: Draw) -> Iterator[Mismatch]:
    """The output and every gradient beside the reference's."""
    record = draw.pair.record
    for name, value in draw.answer.values.items():
        if draw.compares(name):
            share, ulps, problem = draw.expected.compare(name, value)
            record.note(name, share, ulps)
            if problem and problem.figures.get("right"):
                problem.seed = draw.seed
                record.find(problem)
            elif problem:
                only_by_strides(draw, name, problem)
                yield problem
    record.lenient += draw.expected.lenient
    if draw.drawn.first and not draw.pair.point.around and distance.sampled(record.id):
        record.distance = distance.distance(
            draw.expected.allowances.exact, draw.conformed().values, draw.reference.values
        )


def figures(draw: Draw) -> Iterator[Mismatch]:
    """The figure that an article prints."""
    published = draw.pair.case.published
    if published:
        expected, output = draw.reference.output, draw.conformed().output
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
    pair, contract, reference = draw.pair, draw.pair.contract, draw.pair.reference
    defaults = {name: pair.point.scenario.signature.default(name) for name in pair.terms.without}
    known = {**pair.point.sizes, **defaults, **draw.drawn.arguments}
    functions = contract.functions if reference.is_torch else {**reference.functions, **contract.functions}
    answer = draw.conformed()
    offered = {name: value for name, value in answer.gradients.items() if not contract.lacks_gradient(name)}
    own = witness.Side(contract.implementation, functions, replace(answer, gradients=offered))
    theirs = witness.Side(reference.name, reference.functions, draw.reference)
    if pair.terms.left_out and any(witness.identity(equals, theirs, theirs.functions, known, draw.expected)):
        pair.record.not_offered.append(f"identity without {' and '.join(pair.terms.left_out)}")
        return
    for side in [own, theirs] if draw.drawn.first else [own]:
        try:
            yield from witness.identity(equals, side, reference.functions, known, draw.expected)
        except (KeyError, NotOffered) as error:
            draw.pair.record.not_offered.append(f"identity with {message(error).strip(chr(39))}")


def repeatability(draw: Draw) -> Iterator[Mismatch]:
    """The same call once more, and its vjp, other calls having come in between."""
    at("in the second call", draw.seed)
    contract, drawn, vjp, grad_output = draw.pair.contract, draw.drawn, draw.answer.vjp, draw.grad_output
    loss = contract.call
    if draw.forward_alone:
        loss, vjp = partial(_forward_alone, draw), _no_gradients
    try:
        if not draw.followed:
            observe.call(loss, other_arguments(drawn))
        if {Clause.REPEATABLE, Clause.BACKWARD} & contract.granted:
            near = draw.near if Clause.REPEATABLE in contract.granted else observe.same
            once = Clause.BACKWARD in contract.granted
            yield from observe.repeats(loss, drawn.arguments, other_arguments(drawn), grad_output, near, once)
            return
        first = (draw.answer.output, draw.answer.gradients, vjp)
        if not observe.steady(loss, drawn.arguments, draw.kept, *first, grad_output):
            other = other_arguments(drawn)
            found = list(observe.repeats(loss, drawn.arguments, other, grad_output, observe.same, once=False))
            yield from found or [observe.other_bits()]
    except (KeyboardInterrupt, Stopped):
        raise
    except NotOffered as error:
        draw.pair.record.not_offered.append(message(error) or "a second call")
    except BaseException as error:
        yield Mismatch(Subject.EFFECT, Kind.RAISES, event=Event.SECOND_CALL, figures={"error": in_words(error)})


def _forward_alone(draw: Draw, **arguments: object) -> Result:
    return draw.pair.contract.call(**arguments)[0], _no_gradients


def _no_gradients(grad_output: Array) -> Gradients:
    return {}


def partial_gradients(draw: Draw) -> Iterator[Mismatch]:
    """Of a framework that differentiates by what it is asked to: nothing, one argument, all but one."""
    vjp = draw.answer.vjp
    if not isinstance(vjp, Differentiator) or draw.pair.point.around in ("jvp", "compile"):
        return  # a tangent has no gradients, and each choice of them would be compiled anew
    names = [name for name in draw.answer.gradients if draw.compares(name)]
    asked = [[], *([name] for name in names)]
    if len(names) > 2:  # in turn, point by point
        one = generator(f"{draw.pair.point.id}#{draw.seed}#alone").choice(names)
        asked = [[], [one], [name for name in names if name != one]]
    by_turns = generator(f"{draw.pair.point.id}#{draw.seed}#mode").integers(2) == 1
    inference = by_turns and not draw.pair.contract.compiles  # which would be compiled anew once more
    how = "under torch.inference_mode()" if inference else "under torch.no_grad()"
    how = f"in eval() {how}" if vjp.has_modes else how
    calls = {how: partial(vjp.without_gradients, inference)}
    for some in asked:
        wanted = f"the gradient of {' and '.join(some)} alone (no leaf)" if some else "no gradient"
        calls[f"asked for {wanted}"] = partial(vjp.only, some, draw.grad_output)
    for how, call in calls.items():
        at(f"in a call {how}", draw.seed)
        try:
            found = call()
        except KeyboardInterrupt:
            raise
        except NotOffered as error:
            draw.pair.record.not_offered.append(message(error) or how)
            continue
        except BaseException as error:
            raised = {"error": in_words(error)}
            yield Mismatch(Subject.GRADIENT, Kind.RAISES, event=Event.PARTLY, figures=raised, asked=f"{how}, ")
            continue
        for name, value in found.items():
            if draw.compares(name):
                problem = draw.expected.compare(name, value)[2]
                if problem and not (value is None and _reference_has_none(draw, name, list(found))):
                    problem.asked = f"{how}, "
                    yield problem
        modified = [*mutation(draw), *marks(draw)]
        if modified:  # what follows would be asked of other numbers
            yield from (replace(one, asked=f"{how}, ") for one in modified)
            return


def _reference_has_none(draw: Draw, name: str, asked: list[str]) -> bool:
    """Whether the reference itself loses a gradient that it has if all are asked for, as torch 2.14 does in chunks."""
    theirs: Any = draw.reference.vjp
    found = theirs.only([word for word in asked if word != "output"], draw.grad_output)
    return found[name] is None


def second_order(draw: Draw) -> Iterator[Mismatch]:
    """Second derivatives, unless the implementation does not offer them."""
    pair, vjp = draw.pair, draw.answer.vjp
    if pair.point.around in ("jvp", "compile"):
        return  # a tangent has no gradients, and compiled graphs serve once, torch's own as well
    if pair.contract.lacks_second or not isinstance(vjp, Differentiator):
        pair.record.not_offered.append(SECOND)
        return
    at("in the second derivative", draw.seed)
    along = {
        name: value
        for name, value in directions(
            draw.reference.gradients, generator(f"{pair.point.id}#{draw.seed}#directions")
        ).items()
        if not pair.contract.lacks_gradient(name)
    }
    try:
        yield from second_derivatives(vjp, draw.grad_output, draw.expected, along)
    except NotOffered as error:
        pair.record.not_offered.append(message(error) or SECOND)


def warns(draw: Draw) -> Iterator[Mismatch]:
    """The warnings of a call of each side, where the case says what they are."""
    pair, drawn = draw.pair, draw.drawn
    if pair.case.warns is None:
        return
    if pair.contract.lacks_warnings:
        pair.record.not_offered.append(WARNINGS)
        return
    if pair.terms.left_out:  # what is warned of may be what neither side is given
        pair.record.not_offered.append(f"{WARNINGS} without {' and '.join(pair.terms.left_out)}")
        return
    at("in a call that is watched for warnings", draw.seed)
    sides: list[Loss] = [pair.reference.loss, pair.contract.call]
    try:
        given = [warned.during(partial(_whole, loss, drawn.arguments, draw.grad_output)) for loss in sides]
    except (NotOffered, KeyboardInterrupt):
        raise
    except BaseException as error:
        yield Mismatch(Subject.EFFECT, Kind.RAISES, event=Event.SECOND_CALL, figures={"error": in_words(error)})
    else:
        yield from warned.differences(pair.case.warns, *given)


def _whole(loss: Loss, arguments: dict[str, Any], grad_output: Array) -> None:
    loss(**arguments)[1](grad_output)


# What the call has done to memory; the arguments are drawn again if it has spoilt them.
EFFECTS: tuple[Observation, ...] = (overwritten, shared_memory, mutation, marks)
# What it answers.
ANSWERS: tuple[Observation, ...] = (presence, values, figures)
# Where nothing differs so far.
ALIKE: tuple[Observation, ...] = (identity, bias)
# Where nothing differs so far, and of a point's first draw alone.
ONCE: tuple[Observation, ...] = (warns, saved_inputs, kept_inputs, relations)
# The same, where a point is spared no draw; and at the points of the sample, which are fewer.
REPEATED: tuple[Observation, ...] = (repeatability,)
SAMPLED: tuple[Observation, ...] = (partial_gradients, second_order)

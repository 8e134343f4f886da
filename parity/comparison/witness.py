"""Witnesses besides torch's answer: refusals, published figures, identities, and calls torch leaves undefined."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.cases.identity import Identity
from parity.cases.schema import Finding, Published, Tolerance
from parity.comparison import compare, observe, truth
from parity.comparison.call import Answer, Call
from parity.comparison.expectation import Expectation
from parity.comparison.tolerance import bound
from parity.implementations.contract import Contract
from parity.records.mismatch import OUTPUT, Event, Kind, Mismatch, Subject
from parity.references.reference import Reference
from parity.references.versions import older_classes
from parity.types import Array, Functions, Loss, NotOffered
from parity.wording import OUT_OF_MEMORY, class_names, first_line, in_words, message


def refusal(
    raises: Mapping[str, Collection[str]], reference: Reference, contract: Contract, arguments: dict[str, Any],
    tolerance: Tolerance | None = None,
) -> Iterator[Mismatch]:  # fmt: skip
    """A call that both sides must refuse, torch with this class and one of these texts, the loss with this class.

    Where torch refuses in its backward alone, its output is held against the loss's like any other.
    """
    ((wanted, parts),) = raises.items()
    expected, error = _raised(reference, arguments)
    if error is None:
        yield Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.ANSWERS, figures={"wanted": wanted})
        return
    raised, said = class_names(error), message(error).lower()
    if raised[0] in older_classes(wanted):
        wanted = raised[0]
    if wanted not in raised or not any(part.lower() in said for part in parts):
        said = f"{raised[0]}: {first_line(error)}"
        figures = {"error": said, "wanted": wanted, "part": " or ".join(map(repr, parts))}
        yield Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.RAISES_OTHER, figures=figures)
        return
    refused = {"wanted": wanted, "message": first_line(error)}
    before = observe.bits(arguments)
    output, found = _raised(contract.call, arguments, in_backward=expected is not None)
    if found is not None:
        # whoever catches the error goes on with the arguments
        yield from (replace(one, asked="in a call that it refuses, ") for one in observe.changed(before, arguments))
    if found is None:
        yield Mismatch(Subject.REFUSAL, Kind.MISSING, event=Event.ANSWERS, figures=refused)
    elif not contract.accepts(found, wanted):
        yield Mismatch(Subject.REFUSAL, Kind.CLASS, figures={"error": in_words(found), **refused})
    elif expected is not None:
        if output is None:
            yield OUTPUT.mismatch(Kind.RAISES, event=Event.EARLY, figures={"error": in_words(found)})
            return
        call = Call(contract.signature, reference.loss, arguments, np.ones_like(expected), reference.extended)
        _, _, problem = Expectation(call, Answer(expected, {}), tolerance, {}, contract).compare("output", output)
        if problem:
            yield problem
    elif output is not None:
        yield Mismatch(Subject.REFUSAL, Kind.MISSING, event=Event.LATE, figures={"error": in_words(found), **refused})


def refused(reference: Loss, arguments: dict[str, Any]) -> Exception | None:
    """What the reference raises in its forward or its backward. Raises MemoryError if that is for want of memory."""
    _, error = _raised(reference, arguments)
    if error is not None and (not isinstance(error, Exception) or OUT_OF_MEMORY.search(in_words(error))):
        raise MemoryError(in_words(error))
    return error


def _raised(
    loss: Loss, arguments: dict[str, Any], in_backward: bool = False
) -> tuple[Array | None, BaseException | None]:
    """The output if the forward gives one, and what the forward or the backward raises.

    A backward that is not offered matters only if it is `in_backward` that a refusal is due.
    """
    output = None
    try:
        output, vjp = loss(**arguments)
        vjp(np.ones_like(output))
    except NotOffered:
        if output is None or in_backward:
            raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return output, error
    return output, None


def unsafe(wanted: str, contract: Contract, offered: dict[str, Any]) -> Mismatch | None:
    """The mismatch of a call that must be refused though torch does not."""
    _, found = _raised(contract.call, offered)
    if found is None:
        return Mismatch(Subject.REFUSAL, Kind.MISSING, event=Event.UNSAFE, figures={"wanted": wanted})
    if not contract.accepts(found, wanted):
        figures = {"error": in_words(found), "wanted": wanted}
        return Mismatch(Subject.REFUSAL, Kind.CLASS, event=Event.UNSAFE, figures=figures)
    return None


def undefined(finding: Finding, output: Array) -> Mismatch | None:
    """The mismatch of an output with what the case says torch should have returned."""
    wanted = np.array(finding.output, output.dtype)
    problem = compare.form(OUTPUT, wanted, output)
    if problem is None:
        allowed = bound(wanted.dtype, "output")
        worst, share = compare.judge(wanted, output, allowed)
        if worst > 1:
            missed = compare.allowance(wanted, allowed, None)
            problem = compare.describe(OUTPUT, wanted, output, share, missed, None)
    if problem:
        problem.against = "the case"
    return problem


def figures(published: Published, expected: Array, output: Array) -> Iterator[Mismatch]:
    """Mismatches of torch's answer and of the output with a published figure."""
    figure = np.array(published.output, np.float64)
    for side, value in (("torch's answer", expected), ("the output", output)):
        wide = value.astype(np.float64)
        if figure.shape != wide.shape or not np.allclose(wide, figure, 0.0, published.atol, equal_nan=True):
            found = {"side": side, "found": wide.tolist(), "figure": published.output, "atol": published.atol}
            yield Mismatch(Subject.PUBLISHED, Kind.VALUE, figures=found)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that an identity is tried on: its functions, and its answer to the call."""

    name: str
    functions: Functions
    answer: Answer


def identity(
    identity: Identity, side: Side, torch: Functions, known: Mapping[str, Any], expected: Expectation
) -> Iterator[Mismatch]:
    """Mismatches between a function's own answers and the identity's, both by its functions.

    Raises KeyError if the identity calls a loss that the side does not have, and NotOffered if with an
    option that they lack.
    """
    text = f"{identity.text} by {side.name}"
    try:
        other, vjp = identity.evaluate(side.functions, known)
        gradients = vjp(expected.call.grad_output)
    except (KeyError, NotOffered, KeyboardInterrupt):
        raise
    except BaseException as error:
        yield Mismatch(Subject.IDENTITY, Kind.RAISES, figures={"error": in_words(error)}, asked=text)
        return

    def noise() -> truth.Values:
        return truth.rounding(lambda **arguments: identity.evaluate(torch, arguments), known, expected.call.grad_output)

    for name, left in side.answer.values.items():
        if name == "output" or name in gradients:
            problem = expected.identity(name, left, other if name == "output" else gradients[name], text, noise)
        if problem:
            yield problem

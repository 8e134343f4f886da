"""What a call does besides answering: side effects, state between calls, refusals, second derivatives."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np

from parity.records.mismatch import Event, Kind, Mismatch, Subject, titled
from parity.types import Array, Gradients, Loss

Bits = dict[str, Any]
# Beyond so many elements a checksum stands for the bits.
MOST = 1 << 19
_FIXED = (str, int, float, tuple, type(None))


def bits(arguments: Mapping[str, Any]) -> Bits:
    """The arguments that a call can modify, bit for bit: arrays as bytes with their shape and dtype."""
    return {name: _bits(value) for name, value in arguments.items() if not isinstance(value, _FIXED)}


def _bits(value: Any) -> Any:
    return (_memory(value), value.shape, value.dtype) if isinstance(value, np.ndarray) else repr(value)


def _memory(array: Array) -> bytes:
    """The bytes of an array in C order; of millions a checksum, a third of what a hash costs."""
    if array.size <= MOST:
        return array.tobytes()
    return crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).to_bytes(4, "little")


def changed(before: Bits, arguments: Mapping[str, Any]) -> Iterator[Mismatch]:
    """A mismatch for each argument that is no longer what it was."""
    for name in _changes(before, arguments):
        yield _effect(Kind.MUTATION, None, name)


def left(name: str, how: str) -> Mismatch:
    """The mismatch of an argument that a call leaves as it was but for what no number shows."""
    return Mismatch(Subject.EFFECT, Kind.MUTATION, event=Event.MARKED, figures={"name": name, "how": how})


def overwritten(kept: Bits, returned: Mapping[str, Any]) -> Iterator[Mismatch]:
    """A mismatch for each answer that is no longer what was returned."""
    for name in _changes(kept, returned):
        yield _effect(Kind.STATE, Event.CALL_OVERWRITES, titled(name))


def shared(output: Array, arguments: Mapping[str, Any]) -> Mismatch | None:
    """A mismatch if the output is a view of an argument: who writes into one would change the other."""
    for name, value in arguments.items():
        if isinstance(value, np.ndarray) and np.may_share_memory(output, value):
            return _effect(Kind.MEMORY, Event.SHARED, name)
    return None


def _changes(before: Bits, values: Mapping[str, Any]) -> list[str]:
    return [name for name, value in before.items() if _bits(values[name]) != value]


def call(loss: Loss, arguments: dict[str, Any]) -> None:
    """A call that may disturb another; what it answers is of no interest here."""
    try:
        output, vjp = loss(**arguments)
        vjp(np.ones_like(output))
    except KeyboardInterrupt:
        raise
    except BaseException:
        pass


def steady(
    loss: Loss, arguments: dict[str, Any], kept: Bits, output: Array, gradients: Gradients, vjp: Any,
    grad_output: Array,
) -> bool:  # fmt: skip
    """Whether the same vjp and the same call give the bits `kept` again, and what they returned is still that."""
    again = vjp(grad_output)
    if any(_reused(gradients[name], again[name], grad_output) for name in gradients.keys() & again.keys()):
        return False
    output_again, vjp_again = loss(**arguments)
    anew = {"output": output_again, **vjp_again(grad_output)}
    return kept == bits({"output": output, **gradients}) == bits({"output": output, **again}) == bits(anew)


Alike: TypeAlias = Callable[[str, Array, Array], bool]


def repeats(
    loss: Loss, arguments: dict[str, Any], other: dict[str, Any], grad_output: Array, alike: Alike, once: bool
) -> Iterator[Mismatch]:
    """Where the same call does not give the same again.

    The same vjp is called once more, and again after a call with `other` arguments; then the loss is called
    again with the same arguments. `alike` says of an answer's name, the first and a later one whether they are the
    same. `once` says that a vjp need serve once only: then a first one is asked after a call with others as well.
    """
    output, vjp = loss(**arguments)
    first = vjp(grad_output)
    kept_output, kept = np.array(output), {name: np.array(gradient) for name, gradient in first.items()}
    if not alike("output", kept_output, output):  # this is a later call already
        yield _effect(Kind.STATE, Event.OTHER_OUTPUT)
    yield from _differences(Event.OTHER_GRADIENT, kept, first, alike)
    again = vjp(grad_output)
    yield from _differences(Event.SECOND_VJP, kept, again, alike)
    for name in first:
        if name in again and _reused(first[name], again[name], grad_output):
            yield _effect(Kind.MEMORY, Event.REUSED, name)
    if any(not same(name, kept[name], first[name]) for name in first):
        yield _effect(Kind.STATE, Event.VJP_OVERWRITES)
    call(loss, other)
    if any(not same(name, kept[name], first[name]) for name in first):
        yield _effect(Kind.STATE, Event.CALL_GRADIENTS)
    yield from _differences(Event.CALL_CHANGES, kept, vjp(grad_output), alike)
    if not same("output", kept_output, output):
        yield _effect(Kind.STATE, Event.CALL_CHANGES_OUTPUT)
    output_again, vjp_again = loss(**arguments)
    if not alike("output", kept_output, output_again):
        yield _effect(Kind.STATE, Event.OTHER_OUTPUT)
    yield from _differences(Event.OTHER_GRADIENT, kept, vjp_again(grad_output), alike)
    if once:
        vjp_again = loss(**arguments)[1]
        call(loss, other)
        yield from _differences(Event.CALL_CHANGES, kept, vjp_again(grad_output), alike)


def unseen_change(name: str) -> Mismatch:
    """The mismatch of a loss that answers from what it kept of an argument, which has changed in place since."""
    return _effect(Kind.STATE, Event.UNSEEN_CHANGE, name)


def other_bits() -> Mismatch:
    """The mismatch of a loss that gave other bits once, and not when it was looked at."""
    return _effect(Kind.STATE, Event.OTHER_BITS)


def _differences(event: Event, before: Gradients, after: Gradients, alike: Alike) -> Iterator[Mismatch]:
    for name in before:
        if name not in after or not alike(name, before[name], after[name]):
            yield _effect(Kind.STATE, event, name)


def _effect(kind: Kind, event: Event | None, name: str = "") -> Mismatch:
    return Mismatch(Subject.EFFECT, kind, event=event, figures={"name": name})


def _reused(first: Array, again: Array, grad_output: Array) -> bool:
    """Whether two gradients share memory that is not grad_output's."""
    return np.may_share_memory(first, again) and not np.may_share_memory(first, grad_output)


def same(name: str, left: Array, right: Array) -> bool:
    """Whether two answers are the same bits."""
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()

"""What a call does besides answering: side effects, state between calls, refusals, second derivatives."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from parity.comparison.compare import Mismatch
from parity.types import Array, Gradients, Loss

Bits = dict[str, Any]
_FIXED = (str, int, float, tuple, type(None))


def bits(arguments: Mapping[str, Any]) -> Bits:
    """The arguments that a call can modify, bit for bit: arrays as bytes with their shape and dtype."""
    return {name: _bits(value) for name, value in arguments.items() if not isinstance(value, _FIXED)}


def _bits(value: Any) -> Any:
    return (value.tobytes(), value.shape, value.dtype) if isinstance(value, np.ndarray) else repr(value)


def changed(before: Bits, arguments: Mapping[str, Any]) -> Iterator[Mismatch]:
    """A mismatch for each argument that is no longer what it was."""
    for name in _changes(before, arguments):
        yield Mismatch(
            "side effect", "mutation", f"the call modifies {name}, torch leaves its arguments as they are"
        )


def overwritten(kept: Bits, returned: Mapping[str, Any]) -> Iterator[Mismatch]:
    """A mismatch for each answer that is no longer what was returned."""
    for name in _changes(kept, returned):
        what = name if name == "output" else f"gradient of {name}"
        sentence = f"a call in between with other inputs overwrites the {what} that the first one returned"
        yield Mismatch("side effect", "state", sentence)


def shared(output: Array, arguments: Mapping[str, Any]) -> Mismatch | None:
    """A mismatch if the output is a view of an argument: who writes into one would change the other."""
    for name, value in arguments.items():
        if isinstance(value, np.ndarray) and np.may_share_memory(output, value):
            return Mismatch("side effect", "memory", f"the output shares the memory of {name}, torch's is its own")
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


def repeats(loss: Loss, arguments: dict[str, Any], other: dict[str, Any], grad_output: Array) -> list[Mismatch]:
    """Where the same call does not give the same bits again: at least one mismatch, of a loss that is not steady.

    The same vjp is called once more, and again after a call with `other` arguments; then the loss is called
    again with the same arguments.
    """
    found = list(_steps(loss, arguments, other, grad_output))
    return found or [Mismatch("side effect", "state", "a later call gives other bits than the first one did")]


def _steps(
    loss: Loss, arguments: dict[str, Any], other: dict[str, Any], grad_output: Array
) -> Iterator[Mismatch]:
    output, vjp = loss(**arguments)
    first = vjp(grad_output)
    kept_output, kept = np.array(output), {name: np.array(gradient) for name, gradient in first.items()}
    again = vjp(grad_output)
    yield from _differences("vjp called a second time gives another gradient of {}", kept, again)
    for name in first:
        if name in again and _reused(first[name], again[name], grad_output):
            sentence = f"vjp called a second time returns its gradient of {name} in the memory of the first one"
            yield Mismatch("side effect", "memory", sentence)
    if any(not _same(kept[name], first[name]) for name in first):
        yield Mismatch("side effect", "state", "a second vjp overwrites the gradients that the first one returned")
    call(loss, other)
    if any(not _same(kept[name], first[name]) for name in first):
        sentence = "a call in between with other inputs overwrites the gradients that the first one returned"
        yield Mismatch("side effect", "state", sentence)
    yield from _differences(
        "a call in between with other inputs changes the first call's gradient of {}", kept, vjp(grad_output)
    )
    if not _same(kept_output, output):
        yield Mismatch("side effect", "state", "a call in between with other inputs overwrites the first call's output")
    output_again, vjp_again = loss(**arguments)
    if not _same(kept_output, output_again):
        yield Mismatch("side effect", "state", "a second call with the same arguments gives another output")
    yield from _differences(
        "a second call with the same arguments gives another gradient of {}", kept, vjp_again(grad_output)
    )


def _differences(sentence: str, before: Gradients, after: Gradients) -> Iterator[Mismatch]:
    for name in before:
        if name not in after or not _same(before[name], after[name]):
            yield Mismatch("side effect", "state", sentence.format(name))


def _reused(first: Array, again: Array, grad_output: Array) -> bool:
    """Whether two gradients share memory that is not grad_output's."""
    return np.may_share_memory(first, again) and not np.may_share_memory(first, grad_output)


def _same(left: Array, right: Array) -> bool:
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()

"""What a call does besides answering: side effects, state between calls, refusals, second derivatives."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from parity.comparison.compare import Mismatch
from parity.types import Array, Gradients, Loss

Bits = dict[str, Any]


def bits(arguments: Mapping[str, Any]) -> Bits:
    """The arguments bit for bit, arrays as bytes with their strides."""
    return {
        name: (value.tobytes(), value.shape, value.dtype) if isinstance(value, np.ndarray) else repr(value)
        for name, value in arguments.items()
    }


def changed(before: Bits, arguments: Mapping[str, Any], when: str) -> Iterator[Mismatch]:
    """A mismatch for each argument that is no longer what it was."""
    after = bits(arguments)
    for name, value in before.items():
        if after[name] != value:
            yield Mismatch("side effect", "mutation", f"{when} modifies {name}, torch leaves its arguments as they are")


def repeats(
    loss: Loss, arguments: dict[str, Any], other: dict[str, Any], output: Array, first: Gradients, vjp: Any,
    grad_output: Array,
) -> Iterator[Mismatch]:  # fmt: skip
    """Mismatches where the same call does not give the same bits again.

    `first` are the gradients that `vjp(grad_output)` gave; the same vjp is called once more after a call
    with `other` arguments has come in between, and the loss is called again with the same arguments.
    """
    kept = {name: np.array(gradient) for name, gradient in first.items()}
    kept_output = np.array(output)
    again = vjp(grad_output)
    yield from _differences("vjp called a second time gives another gradient of {}", kept, again)
    if any(not _same(kept[name], first[name]) for name in first):
        yield Mismatch("side effect", "state", "a second vjp overwrites the gradients that the first one returned")
    try:
        other_output, other_vjp = loss(**other)
        other_vjp(np.ones_like(other_output))
    except Exception:
        other_output = None
    if other_output is not None:
        if any(not _same(kept[name], first[name]) for name in first):
            sentence = "a call in between with other inputs overwrites the gradients that the first one returned"
            yield Mismatch("side effect", "state", sentence)
        yield from _differences(
            "a call in between with other inputs changes the first call's gradient of {}", kept, vjp(grad_output)
        )
        if not _same(kept_output, output):
            yield Mismatch(
                "side effect", "state", "a call in between with other inputs overwrites the first call's output"
            )
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


def _same(left: Array, right: Array) -> bool:
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()

"""Options that the implementation seems to ignore: without them the reference shows what the implementation shows."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from parity.cases.signature import Signature
from parity.dtypes import name_of
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.types import Array, Loss

# Beyond so many elements the reference is not asked again: the smaller points of the same cause tell the same.
LARGEST = 1 << 18
FORM = (Kind.SHAPE, Kind.DTYPE)


def without(signature: Signature, arguments: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each option that a call gives, with the arguments that are left without it."""
    for name, default in signature.defaults.items():
        value = arguments.get(name)
        if isinstance(value, np.ndarray) or (value is not None and value != default):
            yield name, {word: given for word, given in arguments.items() if word != name}


def is_large(arguments: Mapping[str, Any]) -> bool:
    """Whether a call is too large to be asked again."""
    return max((value.size for value in arguments.values() if isinstance(value, np.ndarray)), default=0) > LARGEST


def may_be_ignored(mismatch: Mismatch) -> bool:
    """Whether it may come of an ignored option: another form, an exception, an answer to a call that is wrong."""
    if mismatch.subject is Subject.REFUSAL:
        return mismatch.event is Event.ANSWERS
    raises = mismatch.kind is Kind.RAISES and mismatch.event is Event.FORWARD
    return mismatch.subject is Subject.OUTPUT and (raises or mismatch.kind in FORM)


def ignored(mismatch: Mismatch, signature: Signature, reference: Loss, arguments: Mapping[str, Any]) -> list[str]:
    """The options without which the reference's output has the form that was found, or without which it refuses what
    the implementation refuses, or answers what it answers.
    """
    if is_large(arguments):
        return []
    form = mismatch.kind in FORM  # which depends on each array of a sum, whether or not its numbers count
    return [
        name for name, left in without(signature, arguments)
        if not (form and isinstance(arguments[name], np.ndarray)) and _shows(mismatch, _output(reference, left))
    ]  # fmt: skip


def _output(reference: Loss, arguments: dict[str, Any]) -> Array | None:
    """The reference's output; None if it refuses the call or its backward."""
    try:
        output, vjp = reference(**arguments)
        vjp(np.ones_like(output))
    except Exception:
        return None
    return output


def _shows(mismatch: Mismatch, output: Array | None) -> bool:
    if output is None:
        return mismatch.kind is Kind.RAISES
    if mismatch.kind is Kind.SHAPE:
        return bool(list(output.shape) == mismatch.figures["found"])
    if mismatch.kind is Kind.DTYPE:
        return bool(name_of(output.dtype) == mismatch.figures["found"])
    return mismatch.kind is Kind.MISSING

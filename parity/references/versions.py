"""Which torch this is, and what the cases ask for that it lacks: functions, arguments, options, values of options.

All of it is asked of torch's own signatures. What they do not tell stands in the cases, under `torch:`.
"""

import builtins
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

import torch
import torch.nn.functional as F
from packaging.version import Version

from parity import losses
from parity.cases.points import Point
from parity.cases.signature import Signature, signature_of
from parity.losses import LinearCrossEntropyOptions
from parity.references import snapshots

# Losses that are classes in torch: they have no signature to hold against a function's.
MODULES: dict[str, Any] = {"adaptive_log_softmax_with_loss": getattr(torch.nn, "AdaptiveLogSoftmaxWithLoss", None)}


@cache
def release() -> Version:
    """The release of this torch."""
    return Version(str(torch.__version__))


def named(version: Version | None = None) -> str:
    """'torch 2.13': a release as sentences call it, by default this one."""
    found = version or release()
    return f"torch {found.major}.{found.minor}"


# The release whose classes of exceptions the cases name; what they are derived from stands for them before it.
_CLASSES = Version("2.9")


def older_classes(name: str) -> list[str]:
    """The classes that this torch may raise in place of an exception's: on an older one, those it is derived from.

    Exception and what is above it stand for nothing.
    """
    found = getattr(builtins, name, None)
    if release() >= _CLASSES or not isinstance(found, type) or not issubclass(found, Exception):
        return []
    above = found.__mro__[1 : found.__mro__.index(Exception)]
    return [parent.__name__ for parent in above]


def unknown() -> str | None:
    """A sentence if the cases were not made on this torch; None if they were."""
    return snapshots.unknown(release())


@dataclass(frozen=True, slots=True)
class Lacking:
    """What this torch lacks of one loss, as plain names.

    `arguments` are those that it does not take at all, `numbers` those that it takes as tensors alone. `fields` maps
    the fields of an option to the values that it does not know, or to None where it does not know the field.
    """

    function: bool = False
    arguments: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[Any] | None] = dataclasses.field(default_factory=dict)


def missing(point: Point) -> str | None:
    """What the point asks for that this torch does not have, in words; None if it has all."""
    lacking = lacking_of(point.loss)
    if lacking is not None:
        word = _missing(point, lacking)
        if word:
            return f"not in {named()}: {word}"
    if point.scenario.needs:
        need = point.needs(release())
        if need is not None:
            because = f" ({need.because})" if need.because else ""
            return f"not in {named()}: what this case is about is in torch {need.version}{because}"
    return None


def _missing(point: Point, lacking: Lacking) -> str | None:
    if lacking.function:
        return point.loss
    signature = signature_of(point.loss)
    for name, value in point.given.items():
        if name in lacking.arguments and not _default(signature, name, value):
            return f"{name} of {point.loss}"
        if name in lacking.numbers and isinstance(value, int | float):
            return f"{name} of {point.loss} as a number"
        if lacking.fields and isinstance(value, Mapping):
            for field, inner in value.items():
                gone = lacking.fields.get(field, frozenset())
                if gone is None or inner in gone:
                    return f"{field} of {point.loss}" if gone is None else f"{field}={inner!r} of {point.loss}"
    return None


def taken(loss: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments without those that this torch does not take and that are at their defaults."""
    lacking = lacking_of(loss)
    if lacking is None or not lacking.arguments:
        return arguments
    signature = signature_of(loss)
    return {
        name: value for name, value in arguments.items()
        if name not in lacking.arguments or not _default(signature, name, value)
    }  # fmt: skip


def _default(signature: Signature, name: str, value: Any) -> bool:
    plain = value is None or isinstance(value, bool | int | float | str)
    return plain and value == signature.default(name)


def lacking_everywhere() -> list[str]:
    """All that this torch lacks, in words, for a person."""
    words = []
    for loss in losses.LOSSES:
        lacking = lacking_of(loss)
        if lacking is not None:
            words += [loss] * lacking.function
            words += [f"{name} of {loss}" for name in sorted(lacking.arguments)]
            words += [f"{name} of {loss} as a number" for name in sorted(lacking.numbers)]
            for field, gone in lacking.fields.items():
                words += [f"{field} of {loss}"] if gone is None else [f"{field}={value!r} of {loss}" for value in gone]
    return words


@cache
def lacking_of(loss: str) -> Lacking | None:
    """What this torch lacks of a loss; None if it has all that the cases may ask for."""
    if loss not in losses.LOSSES:  # torch is not its reference
        return None
    if loss in MODULES:
        return None if MODULES[loss] else Lacking(function=True)
    function = getattr(F, loss, None)
    if function is None:
        return Lacking(function=True)
    return compared(signature_of(loss), function)


def compared(signature: Signature, function: Callable[..., Any]) -> Lacking | None:
    """What a function's own signature lacks of the one that the cases know; None if nothing, or if it has none."""
    try:
        theirs = inspect.signature(function).parameters
    except ValueError:  # written in C
        return None
    arguments = frozenset(name for name in signature.names if name not in theirs)
    numbers = frozenset(
        name for name in signature.numbers_too - arguments if not _takes_number(theirs[name].annotation)
    )
    options = [name for name in signature.names if name not in arguments and signature.takes_fields(name)]
    fields = _fields_gone() if options else {}
    return Lacking(False, arguments, numbers, fields) if arguments or numbers or fields else None


def _takes_number(annotation: Any) -> bool:
    """Whether an argument may be a number; one that says nothing of its type may."""
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return True
    return not {int, float}.isdisjoint(get_args(annotation) or (annotation,))


def _fields_gone() -> dict[str, frozenset[Any] | None]:
    """The fields of linear_cross_entropy's options that torch's do not have, and the values that those do not know."""
    options = getattr(torch.nn, LinearCrossEntropyOptions.__name__, None)
    theirs = {field.name: _words(field.type) for field in dataclasses.fields(options)} if options else {}
    gone: dict[str, frozenset[Any] | None] = {}
    for field in dataclasses.fields(LinearCrossEntropyOptions):
        if field.name not in theirs:
            gone[field.name] = None
        elif theirs[field.name] and not _words(field.type) <= theirs[field.name]:
            gone[field.name] = _words(field.type) - theirs[field.name]
    return gone


def _words(annotation: Any) -> frozenset[Any]:
    """The values of a Literal; none for any other type."""
    return frozenset(get_args(annotation)) if get_origin(annotation) is Literal else frozenset()

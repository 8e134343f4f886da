"""The warnings that a call gives, beside torch's."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.wording import class_names, first_line, message

Given: TypeAlias = list[Warning]
# What Python shows nobody unless asked.
_HIDDEN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def during(call: Callable[[], object]) -> Given:
    """The warnings of a call that a user would see, each time and not the first time alone."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [one.message for one in caught if isinstance(one.message, Warning) and not isinstance(one.message, _HIDDEN)]


def differences(warns: Mapping[str, str], reference: Given, ours: Given) -> Iterator[Mismatch]:
    """Mismatches with the warning that a case expects, its class to a part of its text; none if that is empty.

    Where torch gives others besides, so may the loss.
    """
    wanted = ", ".join(f"{kind} with {part!r}" for kind, part in warns.items()) or "no warning"
    expected = [one for one in reference if _is(one, warns)]
    if not expected if warns else reference:
        figures = {"found": _shown(reference), "wanted": wanted}
        yield Mismatch(Subject.CASE, Kind.REFERENCE, event=Event.WARNS, figures=figures)
        return
    if warns and not any(_is(one, warns) for one in ours):
        yield Mismatch(
            Subject.WARNING, Kind.MISSING, event=Event.WARNS, figures={"found": _shown(ours), "wanted": wanted}
        )
    elif len(expected) == len(reference):
        spurious = [one for one in ours if not _is(one, warns)]
        if spurious:
            yield Mismatch(Subject.WARNING, Kind.EXTRA, event=Event.WARNS, figures={"found": _shown(spurious)})


def _is(given: Warning, warns: Mapping[str, str]) -> bool:
    return any(kind in class_names(given) and part.lower() in message(given).lower() for kind, part in warns.items())


def _shown(given: Given) -> str:
    return ", ".join(f"{class_names(one)[0]}: {first_line(one)}" for one in given) or "no warning"

"""Mismatches in words: the one place where a sentence about a difference is made.

`{reference}` is the name of the side that is asked, "torch" unless a case has another.
"""

import math
from typing import Any, TypeAlias

from parity.plain import visible
from parity.records.mismatch import Event, Kind, Mismatch, Nearer, Subject

Key: TypeAlias = tuple[Kind, Event | None]

# A diagnosis that is a cause of its own, whatever else the numbers look like.
FLUSHES = "flushes subnormal numbers to zero"

_SENTENCES: dict[Key, str] = {
    (Kind.BIAS, None):
        "{what} leans to one side of the exact answer: its {size} errors are {mean:.2f} ulp of {dtype} in the mean, "
        "{reference}'s {own:.2f} (allowed {allowed:.2f}); a rounding has no preferred sign",
    (Kind.BIAS, Event.COARSE):
        "{what} is computed less precisely than {reference}'s: nine tenths of its {size} errors are within "
        "{largest:.3g} ulp of {dtype}, of {reference}'s within {theirs:.3g}",
    (Kind.BIAS, Event.OUTLIER):
        "{what} is {ulp:.3g} ulp of {dtype} from the exact answer at {index}, {most:.3g} times what a rounding comes "
        "to there; of its {size} elements where nothing cancels {reference}'s are within {theirs:.3g} times (allowed "
        "{allowed:.3g})",
    (Kind.DTYPE, None): "{what} has dtype {found}, {reference}'s has {expected}",
    (Kind.ENCODING, None): "{what} holds {found}, {reference}'s has {expected}",
    (Kind.SHAPE, None): "{what} has shape {found}, {reference}'s has {expected}",
    (Kind.TYPE, None): "{what} is {found}, expected a plain array",
    (Kind.TYPE, Event.BACKWARD): "vjp returned {found}, expected a dict of gradients by name",
    (Kind.MISSING, None): "{what} is missing, {reference} has one",
    (Kind.EXTRA, None): "{what} is given, {reference} has none",
    (Kind.MISSING, Event.NO_VJP): "the loss returns no vjp, {reference} has gradients",
    (Kind.RAISES, Event.FORWARD): "the forward raises {error}, {reference} answers",
    (Kind.RAISES, Event.BACKWARD): "the backward raises {error}, {reference}'s works",
    (Kind.RAISES, Event.EARLY): "the forward raises {error}, {reference} refuses in its backward alone",
    (Kind.RAISES, Event.SECOND_CALL): "calling it a second time raises {error}",
    (Kind.RAISES, Event.PARTLY): "it raises {error}",
    (Kind.RAISES, None): "the {what} raises {error}; {reference} has one",
    (Kind.MISSING, Event.ANSWERS): "answers where {reference} raises {wanted}: {message}",
    (Kind.MISSING, Event.LATE):
        "the forward answers where {reference}'s raises {wanted}: {message}; the backward alone raises {error}",
    (Kind.MISSING, Event.UNSAFE): "answers where the case expects {wanted}, which {reference} forgets to raise",
    (Kind.CLASS, None): "raises {error}, {reference} raises {wanted}: {message}",
    (Kind.CLASS, Event.UNSAFE): "raises {error}, the case expects {wanted}",
    (Kind.MUTATION, None): "the call modifies {name}, {reference} leaves its arguments as they are",
    (Kind.MUTATION, Event.MARKED): "the call leaves {name} {how}, {reference} leaves its arguments as they are",
    (Kind.MEMORY, None): "the memory does not suffice for this draw: {error}",
    (Kind.MEMORY, Event.SHARED): "the output shares the memory of {name}, {reference}'s is its own",
    (Kind.MEMORY, Event.REUSED):
        "vjp called a second time returns its gradient of {name} in the memory of the first one",
    (Kind.STATE, Event.SECOND_VJP): "vjp called a second time gives another gradient of {name}",
    (Kind.STATE, Event.VJP_OVERWRITES): "a second vjp overwrites the gradients that the first one returned",
    (Kind.STATE, Event.CALL_OVERWRITES):
        "a call in between with other inputs overwrites the {name} that the first one returned",
    (Kind.STATE, Event.CALL_GRADIENTS):
        "a call in between with other inputs overwrites the gradients that the first one returned",
    (Kind.STATE, Event.CALL_CHANGES): "a call in between with other inputs changes the first call's gradient of {name}",
    (Kind.STATE, Event.CALL_CHANGES_OUTPUT): "a call in between with other inputs overwrites the first call's output",
    (Kind.STATE, Event.OTHER_OUTPUT): "a second call with the same arguments gives another output",
    (Kind.STATE, Event.OTHER_GRADIENT): "a second call with the same arguments gives another gradient of {name}",
    (Kind.STATE, Event.OTHER_BITS): "a later call gives other bits than the first one did",
    (Kind.STATE, Event.UNSEEN_CHANGE):
        "a second call with the same tensors answers as if {name} had not been changed in place since the first",
    (Kind.STATE, Event.PROCESS_CHANGED): "the call leaves {change}",
    (Kind.STATE, Event.PATCHED): "after the call {problem}",
    (Kind.STATE, Event.EAGER): "the function is compiled, yet no compiled code ran: torch.compile fell back to eager",
    (Kind.MISSING, Event.WARNS): "gives {found} where {reference} gives {wanted}",
    (Kind.EXTRA, Event.WARNS): "gives {found}, {reference} gives none of that kind",
    (Kind.CRASH, None): "the process {how}",
    (Kind.TIMEOUT, None): "the process {how}",
    (Kind.START, None): "{how}",
    (Kind.SETUP, None): "{how}",
    (Kind.BROKEN, None): "{how}",
    (Kind.FILE, None): "{text}",
    (Kind.PYTEST, None): "{text}",
    (Kind.DRAW, None): "the arrays cannot be drawn: {error}",
    (Kind.REFERENCE, Event.NOT_OWN): "{problem}",
    (Kind.REFERENCE, Event.ANSWERS): "{reference} answers this call, the case expects {wanted}",
    (Kind.REFERENCE, Event.RAISES_OTHER): "{reference} raises {error}; the case expects {wanted} with {part}",
    (Kind.REFERENCE, Event.WARNS): "{reference} gives {found}, the case expects {wanted}",
    (Kind.REFERENCE, Event.REFUSES):
        "{reference} refuses this call with {error}; a case that means so says raises: {{{wanted}: ...}}",
    (Kind.REFERENCE, Event.REFUSES_BACKWARD):
        "{reference} answers this call, yet its backward refuses it with {error}: say so as a finding",
}  # fmt: skip


def sentence(mismatch: Mismatch, reference: str = "torch") -> str:
    """What differs, in a sentence."""
    reference = mismatch.against or reference
    if mismatch.subject is Subject.PUBLISHED:
        text = "{side} {found} leaves the published figure {figure} by more than {atol}".format(**mismatch.figures)
    elif mismatch.subject is Subject.IDENTITY:
        text = f" raises {mismatch.figures['error']}"
    elif mismatch.kind is Kind.VALUE:
        text = _value(mismatch, reference)
    else:
        text = _SENTENCES[mismatch.kind, mismatch.event].format(
            what=mismatch.what, reference=reference, **mismatch.figures
        )
    return visible(f"{mismatch.asked}{text}{mismatch.hint}", keep="\n")


def _value(mismatch: Mismatch, reference: str) -> str:
    """The sentence about numbers that are too far from the reference's, worst first."""
    figures = mismatch.figures
    digits = figures["digits"]
    place = f"worst at {figures['index']}: " if figures["index"] else ""
    both = f"{_number(figures['actual'], digits)}, {reference} has {_number(figures['expected'], digits)}"
    diagnosis = mismatch.diagnosis.replace("{reference}", reference)
    lead = f"{mismatch.what} {diagnosis}: " if diagnosis else f"{mismatch.what} "
    text = f"{lead}differs in {figures['count']} of {figures['size']} elements; {place}{both}"
    if math.isfinite(figures["absolute"]):
        size = f"absolute {figures['absolute']:.2e}, relative {figures['relative']:.2e}, {figures['ulp']:.3g} ulp"
        text += f" ({size}; allowed {figures['allowed']:.2e})"
    if "exact" in figures:
        text += f"; the exact answer is {_number(figures['exact'], digits)}"
        if mismatch.nearer is Nearer.REFERENCE:
            text += f", {reference} is the nearer"
        elif mismatch.nearer is Nearer.OURS:
            text += f", {reference} is the farther: a finding against {reference}"
    return text


def _number(value: Any, digits: int) -> str:
    """A number to as many digits as tell its neighbours in the dtype apart; a complex one comes as text."""
    return f"{complex(value) if isinstance(value, str) else float(value):.{digits}g}"

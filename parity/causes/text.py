"""Causes in words, as check and pytest print them: each with its smallest example, the points themselves on demand."""

from collections import Counter
from collections.abc import Sequence
from textwrap import indent

from parity.causes.cause import Cause, Unshrinkable
from parity.causes.sign import Family, facts_of
from parity.plain import visible
from parity.wording import plural

# So many causes are shown with an example, so many are told at all; all of them are in `report.causes`.
EXAMPLES, TOLD = 3, 20


def headline(causes: Sequence[Cause]) -> str:
    """'287 points, 1 cause:' with the sentence of a single one left to its paragraph."""
    points = sum(len(cause.seen) for cause in causes)
    return f"{plural(points, 'point')}, {plural(len(causes), 'cause')}"


def title(cause: Cause, losses: bool = True) -> str:
    """A cause in one line, its losses in front if there may be others."""
    of = f"{', '.join(cause.losses[:TOLD])}: " if losses else ""
    return visible(f"{of}{plural(len(cause.seen), 'point')}: {cause.sentence}")


def paragraph(cause: Cause) -> str:
    """The smallest example in full; of what passes, or is wrong with the set-up, no more than how to repeat it."""
    if cause.everywhere or cause.family is Family.PASSES:
        return f"  one of them: {visible(cause.example.repeat or cause.example.id)}"
    lines = ["smallest example:", *str(cause.example).splitlines()]
    return "\n".join(f"  {line}" for line in lines)


def smallest(cause: Cause) -> str:
    """The example made smaller, without parity; or why there is none."""
    try:
        example = cause.shrink()
    except Unshrinkable as error:
        return visible(f"no smaller example: {error}")
    wider = not cause.condition.holds(frozenset(facts_of(example.record)))
    return f"not {cause.only}: a smaller call shows it too\n{example}" if cause.few and wider else str(example)


def told(causes: Sequence[Cause], losses: bool = False) -> list[str]:
    """Lines for all causes: the wrong answers with an example each, clauses of the contract in a line below."""
    lines = [f"{headline(causes)}:"] if causes else []
    for number, cause in enumerate(causes[:TOLD], start=1):
        lines.append(f"{number}. {title(cause, losses)}{hint(cause)}")
        if number <= EXAMPLES and not cause.sign.family.clause:
            lines.append(paragraph(cause))
        if number == 1 and cause.live is not None and not (cause.everywhere or cause.family is Family.PASSES):
            lines.append(indent(smallest(cause), "  "))
    if len(causes) > TOLD:
        lines.append(f"... and {plural(len(causes) - TOLD, 'cause')} more: all of them are in `causes`")
    return lines


def hint(cause: Cause) -> str:
    """What may be declared, if most of the points of the cause that show its main sign say so."""
    own = [one.mismatch.hint for one in cause.seen if one.mismatch is not None and one.sign.alike(cause.sign)]
    hints = Counter(filter(None, own))
    best, count = hints.most_common(1)[0] if hints else ("", 0)
    return visible(best) if 2 * count >= len(own) else ""

"""Records -> causes: the failing points are grouped by what is observed, joined where one condition explains several
groups as well, and ordered.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import filterfalse
from typing import TypeAlias

from parity.causes.apart import told_apart
from parity.causes.cause import Cause, Seen, size
from parity.causes.sign import Family, Sign, facts_of, ignored, sign_of
from parity.records.mismatch import Event, Kind
from parity.records.record import AGREES, Record

Key: TypeAlias = tuple[tuple[str, ...], Family, str]
# Two groups are one cause if the condition of the larger one describes both, at the cost of so many bits more.
SENTENCE = 7.0
# And where both are described badly, by fewer bits than apart.
JOINTLY = 0.9
# Points that show in another way are of the same cause if they are at most so many of it, and all have its facts.
FEW = 0.2
# So few beside a cause of many are no cause of their own: they are told as points without its facts.
STRAY = 2
# Facts tell little if more than such a part of as many points as fail have them and agree.
VAGUE = 2
# An exception is that of the set-up if it is raised at so many points, and at all but such a part of those compared.
MANY, HARDLY = 20, 0.1


def causes(records: Iterable[Record]) -> list[Cause]:
    """The causes of the records that fail unexpectedly, in the order in which a person should read them."""
    everything = list(records)
    found: list[Cause] = []
    names = dict.fromkeys(record.implementation for record in everything if record.unexpected)
    for name in names:
        found += _of_one([record for record in everything if record.implementation == name], name)
    return sorted(found, key=_order)


def _order(cause: Cause) -> tuple[bool, bool, bool, int, int, int]:
    """What is wrong everywhere, a wrong answer before a contract clause, the simplest facts, then the most points.

    Facts that hardly tell its points from others are not simple, however few they are.
    """
    return (
        not cause.everywhere,
        cause.sign.family.clause,
        VAGUE * len(cause.exceptions) > len(cause.seen),
        len(cause.condition.terms),
        -len(cause.seen),
        cause.sign.family,
    )


def _of_one(records: Sequence[Record], name: str) -> list[Cause]:
    """The causes of one implementation."""
    passing: dict[str, list[Record]] = defaultdict(list)
    groups: dict[Key, list[Seen]] = defaultdict(list)
    for record in records:
        if record.unexpected:
            sign, mismatch = sign_of(record)
            loss = () if sign.family in (Family.RAISES, Family.CRASHED) else (record.loss,)
            groups[loss, sign.family, sign.key].append(Seen(record, sign, mismatch))
        elif record.verdict in AGREES:
            passing[record.loss].append(record)
    _with_exceptions(groups)
    by_loss: dict[tuple[str, ...], list[_Group]] = defaultdict(list)
    for seen in groups.values():
        losses = tuple(dict.fromkeys(one.record.loss for one in seen))
        by_loss[losses].append(_Group(seen, [record for loss in losses for record in passing[loss]]))
    found = [group.cause(name, losses) for losses, several in by_loss.items() for group in _joined(several)]
    run = Counter(record.loss for record in records if record.unexpected or record.verdict in AGREES)
    return [
        replace(cause, everywhere=_is_everywhere(cause, sum(run[loss] for loss in cause.losses))) for cause in found
    ]


def _is_everywhere(cause: Cause, run: int) -> bool:
    """Whether hardly one of so many points gets past the same exception, or has a vjp at all."""
    points = sum(one.sign.raised == cause.sign.raised for one in cause.seen)
    of_set_up = cause.family is Family.RAISES or any(_has_no_vjp(one) for one in cause.seen)
    return of_set_up and points >= MANY and run - points <= HARDLY * run


def _has_no_vjp(one: Seen) -> bool:
    return one.mismatch is not None and one.mismatch.event is Event.NO_VJP


def _with_exceptions(groups: dict[Key, list[Seen]]) -> None:
    """Put points of one exception together: those called in another way, and those that are to raise another."""
    raising: dict[str, list[Seen]] = {}
    for key in sorted((key for key in groups if key[1] is Family.RAISES), key=lambda key: -len(groups[key])):
        exception = groups[key][0].sign.raised
        if exception and exception in raising:
            raising[exception] += groups.pop(key)
        raising.setdefault(exception, groups.get(key, []))
    for key in [key for key in groups if key[1] is Family.CLASS]:
        for one in list(groups[key]):
            if one.sign.raised in raising:
                groups[key].remove(one)
                raising[one.sign.raised].append(one)
        if not groups[key]:
            del groups[key]


class _Group:
    """Failing points that are taken for one cause, with the condition that tells them apart."""

    def __init__(self, seen: list[Seen], passing: Sequence[Record]) -> None:
        self.seen, self.all_passing = seen, passing
        # the facts of calls that must be refused tell nothing of others: those of the larger part count, or of what
        # raises although it must be answered
        refused = list(filter(_must_be_refused, seen))
        answered = list(filterfalse(_must_be_refused, seen))
        raises = any(one.sign.family is Family.RAISES for one in answered)
        self.failing = answered if raises or len(answered) >= len(refused) else refused
        if self.failing is refused:  # beside those that must be refused for the same reason
            why = {word for one in seen for word in one.record.facts if word.startswith("refuses ")}
            self.passing = [record for record in passing if not (why or {"refuses"}).isdisjoint(record.facts)]
        else:
            self.passing = [record for record in passing if record.raises is None]
        self.sign = _most(seen)
        self.ignored = set.intersection(*(ignored(one.record) for one in seen))
        self.condition = told_apart(
            [facts_of(one.record) for one in self.failing], [facts_of(record) for record in self.passing]
        )

    def joined(self, other: "_Group") -> "_Group":
        """Both as one."""
        return _Group([*self.seen, *other.seen], self.all_passing)

    def holds(self, one: Seen) -> bool:
        return self.condition.holds(facts_of(one.record))

    def cause(self, name: str, losses: tuple[str, ...]) -> Cause:
        terms = self.condition.terms
        exceptions = tuple(record for record in self.passing if terms and self.condition.holds(facts_of(record)))
        without = sum(not self.holds(one) for one in self.failing)
        seen = sorted(
            self.seen, key=lambda one: (not self.holds(one), not one.sign.alike(self.sign), *size(one.record))
        )
        agree = len(self.passing) - len(exceptions)
        return Cause(name, losses, self.sign, tuple(seen), self.condition, without, exceptions, agree)


def _most(seen: Sequence[Seen]) -> Sign:
    """The sign of most of the points; a mere 'differs' only where hardly any point shows more."""
    shared = set.intersection(*(ignored(one.record) for one in seen))
    if any(one.sign.family is Family.RAISES for one in seen):  # what raises for torch's answer, before another class
        seen = [one for one in seen if one.sign.family is not Family.CLASS]
    if shared and any(map(_answers, seen)):  # what shows an ignored option, before what follows from it
        seen = list(filter(_answers, seen))
    counts: dict[tuple[Family, str], list[Seen]] = defaultdict(list)
    for one in seen:
        counts[one.sign.family, one.sign.key].append(one)
    telling = [some for some in counts.values() if some[0].sign.key and len(some) >= FEW * len(seen)]
    return max(telling or counts.values(), key=len)[0].sign


def _joined(groups: list[_Group]) -> list[_Group]:
    """The groups, those joined that one condition describes."""
    done: list[_Group] = []
    for group in sorted(groups, key=lambda group: -len(group.seen)):
        place = next((index for index, other in enumerate(done) if _describes(other, group)), None)
        if place is None:
            done.append(group)
        else:
            done[place] = done[place].joined(group)
    return done


def _describes(large: _Group, small: _Group) -> bool:
    """Whether the condition of one group is that of another, so that one bug may well show in both ways."""
    family, other = large.sign.family, small.sign.family
    if family.alone or other.alone or (family.refuses and not other.refuses):
        return False
    if not large.ignored.isdisjoint(small.ignored) and any(map(_answers, (*large.seen, *small.seen))):
        return True
    few = len(small.seen) <= max(FEW * len(large.seen), 1)
    # what all but a few points lack does not tell why a call is not refused
    telling = large.condition.terms if not other.refuses else [one for one in large.condition.terms if not one.absent]
    if few and telling and all(map(large.holds, small.seen)):
        return True
    stray = len(small.seen) <= min(STRAY, FEW * FEW * len(large.seen)) and other.answers
    if family.answers and (stray or (few and all(map(_is_identity, small.seen)))):
        return True
    if _is_unsteady(large) and len(small.seen) <= min(STRAY, FEW * len(large.seen)):
        return True
    if not (family is other or (family.answers and other.answers)):
        return False
    if family is not other and not large.passing and not few:  # where nothing passes no facts tell, and none join
        return False
    together, one, two = large.joined(small).condition.bits, large.condition.bits, small.condition.bits
    return together <= max(one + SENTENCE, JOINTLY * (one + two))


def _is_unsteady(group: _Group) -> bool:
    """Whether a call made again has another answer: then others may differ in any way."""
    return group.sign.family is Family.EFFECT and group.sign.key.startswith(Kind.STATE)


def _must_be_refused(one: Seen) -> bool:
    return one.record.raises is not None or one.sign.family.refuses


def _answers(one: Seen) -> bool:
    """Whether what shows an ignored option is an answer: calls are refused, or not refused, for many a reason."""
    return one.sign.family not in (Family.RAISES, Family.ACCEPTS)


def _is_identity(one: Seen) -> bool:
    """Whether all that is seen is that two forms of the function differ, which follows from what is wrong in one."""
    return one.mismatch is not None and one.mismatch.against == "the loss itself"

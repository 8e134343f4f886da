"""Two runs -> what has changed: points, causes, errors and versions, as sentences."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median, stdev
from typing import Any, TypeAlias

from parity.causes.cause import Cause
from parity.causes.group import causes
from parity.causes.text import title
from parity.plain import visible
from parity.records.header import differing
from parity.records.mismatch import titled
from parity.records.read import Results, done
from parity.records.record import AGREES, Record
from parity.report.text import listed, share
from parity.wording import plural

Key: TypeAlias = tuple[str, str]
SHOWN = 5
# Errors are shares of what is allowed, and compared as powers of two. What is below a 64th of it does not matter.
FLOOR = 1 / 64
# One point's error has grown beyond noise if it is so many times as large, and so many times what its neighbours vary.
TIMES, NOISE = 4.0, 4.0
# The errors of many points have grown if their mean has by so much, and by so many standard errors of it.
MEAN, ERRORS, MANY = 1.25, 4.0, 8
# Besides what makes the bits of an answer: where it was made.
MACHINE = ("python", "platform", "cpu", "commit")


@dataclass(slots=True)
class Differences:
    """What has changed from one run to another; `lines` tells it, `ok` says whether nothing fails anew.

    `failing` fail now and did not before, new points among them; `passing` agree now and failed before; `uncompared`
    were compared and are no more; `new` and `gone` are points that only one run has. `came` and `went` are causes,
    `changed` those that are there in both, at other points. `grown` are sentences about errors.
    """

    failing: list[Record] = field(default_factory=list)
    passing: list[Record] = field(default_factory=list)
    uncompared: list[Record] = field(default_factory=list)
    new: list[Record] = field(default_factory=list)
    gone: list[Record] = field(default_factory=list)
    came: list[Cause] = field(default_factory=list)
    went: list[Cause] = field(default_factory=list)
    changed: list[tuple[Cause, Cause]] = field(default_factory=list)
    grown: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.failing

    @property
    def points(self) -> dict[str, list[Record]]:
        """The points that differ, by what has become of them."""
        found = {
            "newly failing": self.failing, "newly passing": self.passing, "no longer compared": self.uncompared,
            "new": self.new, "gone": self.gone,
        }  # fmt: skip
        return {word: records for word, records in found.items() if records}

    @property
    def head(self) -> str:
        """What a person reads first."""
        counts = [f"{plural(len(records), 'point')} {word}" for word, records in self.points.items()]
        counts += [f"{plural(len(self.grown), 'error')} grown"] if self.grown else []
        return ", ".join(counts) + "." if counts else "No point differs."

    @property
    def lines(self) -> list[str]:
        """All of it, what a person reads first in front."""
        lines = [self.head]
        for word, found in (("came", self.came), ("went", self.went)):
            lines += [f"  a cause {word}: {title(cause)}" for cause in found]
        lines += [f"  a cause changed, from {_scope(old)}: {title(new)}" for old, new in self.changed]
        for word, records in self.points.items():
            names = [f"{record.id} ({record.implementation})" for record in records]
            lines.append(f"  {word}: {listed(names, most=SHOWN)}")
        lines += [f"  error grown: {sentence}" for sentence in self.grown]
        lines += [f"  differs: {version}" for version in self.versions]
        return [visible(line) for line in [*lines, *(f"  {problem}" for problem in self.problems)]]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def differences(old: Results, new: Results) -> Differences:
    """What has changed between two runs."""
    before, after = done(old), done(new)
    found = Differences(versions=_versions(old.header, new.header))
    found.problems = [
        f"of the {name} run: {text}" for name, run in (("old", old), ("new", new)) for text in run.problems
    ]
    for key, record in after.items():
        earlier = before.get(key)
        failed = earlier is not None and earlier.unexpected
        if record.unexpected and not failed:
            found.failing.append(record)
        if earlier is None:
            found.new.append(record)
        elif failed and record.verdict in AGREES:
            found.passing.append(record)
        elif record.verdict == "not offered" and earlier.verdict != "not offered":
            found.uncompared.append(record)
    found.gone = [record for key, record in before.items() if key not in after]
    _compare_causes(found, causes(old.records), causes(new.records))
    both = [(before[key], record) for key, record in after.items() if key in before]
    found.grown = list(_grown(both))
    return found


def _compare_causes(found: Differences, old: Iterable[Cause], new: Sequence[Cause]) -> None:
    """Pair the causes of two runs by what is observed; of several that are alike, by the facts first."""
    left, pairs, came = list(old), [], list(new)
    for facts_too in (True, False):
        for cause in list(came):
            alike = (one for one in left if _observed(one) == _observed(cause))
            earlier = next((one for one in alike if one.where == cause.where or not facts_too), None)
            if earlier is not None:
                left.remove(earlier)
                came.remove(cause)
                pairs.append((earlier, cause))
    found.came, found.went = came, left
    found.changed = [(one, two) for one, two in pairs if _ids(one) != _ids(two)]


def _observed(cause: Cause) -> tuple[Any, ...]:
    return cause.implementation, cause.losses, cause.family, cause.sign.key


def _ids(cause: Cause) -> set[str]:
    return {record.id for record in cause.points}


def _scope(cause: Cause) -> str:
    return plural(len(cause.points), "point") + (f" with {cause.where}" if cause.where else "")


def _versions(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if not old or not new:
        return []
    where = [f"{name} ({old[name]} and {new[name]})" for name in MACHINE if old[name] != new[name]]
    return differing(old, new) + where


def _grown(both: Iterable[tuple[Record, Record]]) -> Iterator[str]:
    """A sentence for each error that has grown beyond noise: of a whole kind of points, and of single ones.

    The noise is what the errors of one kind vary by between the two runs: nothing where they drew the same.
    """
    kinds: dict[tuple[str, str, str, str], list[tuple[float, Record, Record]]] = defaultdict(list)
    for old, new in both:
        if old.verdict not in AGREES or new.verdict not in AGREES:
            continue
        for name in old.worst.keys() & new.worst.keys():
            before, after = old.worst[name], new.worst[name]
            if math.isfinite(before) and math.isfinite(after):
                growth = math.log2((after + FLOOR) / (before + FLOOR))
                kinds[new.loss, new.implementation, new.dtype, name].append((growth, old, new))
    for (loss, implementation, dtype, name), found in sorted(kinds.items()):
        growths = [growth for growth, _, _ in found]
        what = f"{loss} ({implementation}), {titled(name)} in {dtype}"
        centre = median(growths)
        noise = 1.5 * median(abs(growth - centre) for growth in growths)
        average = mean(growths)
        # A few points that grow much are told one by one: a mean that they make is none of the kind.
        most = sum(growth > 0 for growth in growths) > len(growths) / 2
        error = stdev(growths) / math.sqrt(len(growths)) if len(growths) > 1 else math.inf
        if len(growths) >= MANY and most and average > max(math.log2(MEAN), ERRORS * error):
            yield f"{what}: {2**average:.2g} times as large as a mean of {plural(len(growths), 'point')}"
            continue
        for growth, old, new in sorted(found, key=lambda one: -one[0])[:SHOWN]:
            if growth > max(math.log2(TIMES), NOISE * noise):
                yield f"{what}, at {new.id}: {share(new.worst[name])} of what is allowed, was {share(old.worst[name])}"

"""Which points kill which wrong losses, as it was recorded: kept in one file that holds any part of the whole."""

import json
import lzma
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("kills.json.xz")
FORMAT = 1
# What the names of mutants begin with.
MUTANT = "mutant "


@dataclass
class Seen:
    """One wrong loss, or mutant, at the points where it was run: ids of those that are red, and of those that agree."""

    red: set[str] = field(default_factory=set)
    green: set[str] = field(default_factory=set)

    def knows(self, id: str) -> bool:
        """Whether it was run at that point."""
        return id in self.red or id in self.green


@dataclass
class Kills:
    """`seconds` is the least CPU time of each point where it agreed, by id; `subjects` is what each wrong loss shows.

    Ids begin with the name of their loss.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    subjects: dict[str, Seen] = field(default_factory=dict)

    def add(self, subject: str, red: Iterable[str], green: dict[str, float]) -> None:
        """Note what a subject has shown at further points."""
        seen = self.subjects.setdefault(subject, Seen())
        seen.red.update(red)
        seen.green.update(green)
        for id, seconds in green.items():
            self.seconds[id] = min(seconds, self.seconds.get(id, seconds))

    def losses(self) -> list[str]:
        """The losses that some subject was run on."""
        return sorted({loss_of(id) for seen in self.subjects.values() for id in (*seen.red, *seen.green)})

    def of(self, loss: str) -> dict[str, Seen]:
        """What each subject shows at the points of one loss, without those that no point kills."""
        found = {}
        for name, seen in self.subjects.items():
            red = {id for id in seen.red if loss_of(id) == loss}
            if red:
                found[name] = Seen(red, {id for id in seen.green if loss_of(id) == loss})
        return found

    def scenarios(self, name: str) -> set[str]:
        """The names of the scenarios that see a subject, as far as it was run."""
        return {scenario_of(id) for id in self.subjects[name].red} if name in self.subjects else set()

    def near(self, name: str) -> Counter[str]:
        """How many other mutants of a mutant's function each point sees, by its id."""
        function = f"{name.partition(':')[0]}:"
        return Counter(id for other, seen in self.subjects.items() if other.startswith(function) for id in seen.red)

    def rare_sights(self) -> dict[str, float]:
        """How much each scenario that was run, by its name in any loss, sees of what few scenarios see."""
        found = dict.fromkeys((scenario_of(id) for id in self.seconds), 0.0)
        for name in self.subjects:
            scenarios = self.scenarios(name)
            for scenario in scenarios:
                found[scenario] = found.get(scenario, 0) + 1 / len(scenarios) ** 2
        return found

    def save(self, path: Path = FILE) -> None:
        """Write the file: the points of each loss once, and a bit a point for each subject."""
        ids = sorted({*self.seconds, *(id for seen in self.subjects.values() for id in (*seen.red, *seen.green))})
        bits = {id: 1 << number for loss in _by_loss(ids).values() for number, id in enumerate(loss)}
        content = {
            "format": FORMAT,
            "points": {loss: [[id.partition("/")[2], round(self.seconds.get(id, 0) * 1e4)] for id in of]
                       for loss, of in _by_loss(ids).items()},
            "subjects": {
                name: {loss: [f"{sum(bits[id] for id in some):x}" for some in both] for loss, both in _halves(seen)}
                for name, seen in sorted(self.subjects.items())
            },
        }  # fmt: skip
        path.write_bytes(lzma.compress(json.dumps(content, separators=(",", ":")).encode(), preset=9))


def read(path: Path = FILE) -> Kills:
    """What the file holds; nothing if it is not there."""
    kills = Kills()
    if not path.exists():
        return kills
    content = json.loads(lzma.decompress(path.read_bytes()))
    ids = {loss: [f"{loss}/{rest}" for rest, _ in of] for loss, of in content["points"].items()}
    for loss, of in content["points"].items():
        kills.seconds.update({f"{loss}/{rest}": time / 1e4 for rest, time in of if time})
    for name, halves in content["subjects"].items():
        seen = kills.subjects.setdefault(name, Seen())
        for loss, (red, green) in halves.items():
            seen.red.update(_set(int(red, 16), ids[loss]))
            seen.green.update(_set(int(green, 16), ids[loss]))
    return kills


def loss_of(id: str) -> str:
    """The loss that a point's id begins with."""
    return id.partition("/")[0]


def scenario_of(id: str) -> str:
    """The name of the scenario in a point's id, which may have a slash itself."""
    return id.partition("/")[2].rpartition("/")[0]


def _by_loss(ids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id in ids:
        found.setdefault(loss_of(id), []).append(id)
    return found


def _halves(seen: Seen) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    red, green = _by_loss(sorted(seen.red)), _by_loss(sorted(seen.green))
    for loss in sorted({*red, *green}):
        yield loss, (red.get(loss, []), green.get(loss, []))


def _set(bits: int, ids: list[str]) -> Iterator[str]:
    return (id for number, id in enumerate(ids) if bits >> number & 1)

"""What kills are recorded of: the planted bugs, and mutants of the losses, each with the points that may see it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from hashlib import blake2b
from itertools import zip_longest
from typing import Any

from parity import losses
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file
from parity.cases.signature import signature_of
from parity.implementations.declaration import Implementation
from parity.implementations.registry import served
from tests.planted import EXAMPLES, Bug, catalogue

# A mutant's implementation is only made in the process that runs it; None is a mutant that cannot be imported.
Maker = Callable[[], Implementation | None]


@dataclass(frozen=True)
class Subject:
    """A wrong loss, or a mutant: its name, the losses that it changes, and how it is made."""

    name: str
    losses: tuple[str, ...]
    make: Maker

    @property
    def digest(self) -> bytes:
        """What puts subjects in an order that is that of chance, and always the same."""
        return blake2b(self.name.encode(), digest_size=8).digest()


def planted() -> list[Subject]:
    """Every planted bug, in an order of chance: any head of the list is a sample."""
    return sorted((_of_bug(bug) for bug in catalogue()), key=lambda subject: subject.digest)


def _of_bug(bug: Bug) -> Subject:
    known = bug.framework == "numpy" and not bug.cases and "plain number" not in bug.name
    function = _but_of_numbers(bug) if known else bug.function
    return Subject(bug.id, (bug.loss,), lambda: Implementation("planted", bug.framework, {bug.loss: function}))


def _but_of_numbers(bug: Bug) -> Callable[..., Any]:
    """The bug, but right where a plain number stands for an array: what a wrapper makes of that is not the bug."""
    signature = signature_of(bug.loss)
    arrays, right = signature.arrays - signature.numbers_too, losses.LOSSES[bug.loss]

    @wraps(bug.function)
    def function(*positional: Any, **arguments: Any) -> Any:
        numbers = any(isinstance(arguments.get(name), int | float) for name in arrays)
        return (right if numbers else bug.function)(*positional, **arguments)

    return function


def points_of(loss: str) -> list[Point]:
    """The points of a loss at the default depth, in an order for people who have little time.

    The first of each scenario come first, then the second of each; those that are there for their size come last.
    """
    path = case_file(loss) if loss in losses.LOSSES else EXAMPLES / f"{loss}.yaml"
    scenarios = [one for one in load(path, served()) if one.case.depth == "default"]
    small = [[*expand(one)] for one in scenarios if not one.case.one_call]
    large = [[*expand(one)] for one in scenarios if one.case.one_call]
    return [*turns(small), *turns(large)]


def turns(rows: Iterable[Iterable[Point]]) -> Iterator[Point]:
    """The first of each row, then the second of each, and so on."""
    for column in zip_longest(*rows):
        yield from (point for point in column if point is not None)

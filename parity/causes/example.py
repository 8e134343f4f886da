"""A smallest example: one call in a few numbers that shows a cause, as a snippet without parity and as a scenario."""

from dataclasses import dataclass
from functools import cached_property
from textwrap import indent

from parity.cases.points import Point
from parity.causes.literal import Literal, is_constant
from parity.causes.scenario import scenario
from parity.causes.snippet import snippet
from parity.implementations.declaration import Implementation
from parity.records.record import Record

# An example with more numbers is not printed with the report.
PRINTED = 100


@dataclass(frozen=True, eq=False)
class Example:
    """One call that shows what is wrong.

    `origin` is the point that it was reduced from, `call` what is left of it, `point` that as a case file has it,
    `record` what was observed of it, `results` the answers of both sides in lines.
    """

    origin: Point
    implementation: Implementation
    call: Literal
    point: Point
    record: Record
    results: tuple[str, ...] = ()

    @property
    def elements(self) -> int:
        """How many elements the largest of its arrays has."""
        return max((array.size for array in self.call.arrays.values()), default=0)

    @property
    def numbers(self) -> int:
        """How many numbers are written out."""
        return sum(1 if is_constant(array) else array.size for array in self.call.arrays.values())

    @cached_property
    def snippet(self) -> str:
        """A program that makes the call without parity, and prints both answers with what differs marked."""
        return snippet(self.point, self.implementation, self.record, self.results)

    @cached_property
    def scenario(self) -> str:
        """A scenario, ready to be appended to the case file of the loss."""
        return scenario(self.origin, self.call)

    def __str__(self) -> str:
        if self.numbers > PRINTED:
            return (
                f"no call with fewer than {self.numbers:,} numbers was found in time: "
                f"`snippet` and `scenario` of `causes[...].shrink()` have it"
            )
        file = self.origin.scenario.file.name
        return f"without parity:\n\n{indent(self.snippet, '  ')}\nas a scenario of {file}:\n\n{self.scenario}"

"""Whether the points of one loss may run: not if the first of them shows that it cannot be called at all."""

from parity.comparison.experience import Experience
from parity.records.record import Record
from parity.references.answers import Answers


class Gate:
    """Looks at the records of one implementation and one loss as they come, in any order.

    `problem` is the sentence about a set-up in which nothing can run; '' as long as none has come up, and for good once
    a point was compared. `experience` is what the points that it lets through have shown.
    """

    def __init__(self, answers: Answers | None = None) -> None:
        self.problem, self.experience = "", Experience(answers)
        self._compared = False

    def closes(self, record: Record) -> bool:
        """Whether this record is of a point that could not be called, before any other was compared."""
        self._compared = self._compared or record.verdict in ("passed", "failed", "xfailed", "xpassed")
        if not self._compared and record.problem:
            self.problem = record.problem
        return bool(self.problem)

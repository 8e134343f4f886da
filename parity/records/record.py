"""What was observed of one point: the record that pytest, `check` and the report share."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from parity.plain import visible
from parity.records.mismatch import Mismatch
from parity.records.sentences import sentence

Verdict: TypeAlias = Literal[
    "passed", "failed", "xfailed", "xpassed", "not offered", "not in torch", "finding", "error"
]
UNEXPECTED = ("failed", "xpassed", "error")


@dataclass(slots=True)
class Record:
    """One point, one implementation, all its seeds.

    `worst` maps 'output' and each gradient's argument to the largest error as a share of its allowance, `ulp`
    the same error in units in the last place. `lenient` counts the draws that needed an allowance of their own,
    `compared` the answers that were held against the reference's. `compiled` says whether torch.compile's code ran,
    `notes` are told beside the verdict. `not_offered` names what was not compared because the implementation does
    not offer it.
    """

    id: str
    loss: str
    scenario: str
    path: str
    line: int
    dtype: str
    implementation: str
    choice: dict[str, str]
    verdict: Verdict = "passed"
    reason: str | None = None
    seeds: list[int] = field(default_factory=list)
    worst: dict[str, float] = field(default_factory=dict)
    ulp: dict[str, float] = field(default_factory=dict)
    lenient: int = 0
    compared: int = 0
    compiled: bool | None = None
    notes: list[str] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    raises: str | None = None
    source: str | None = None
    published: dict[str, Any] | None = None
    finding: dict[str, Any] | None = None
    repeat: str = ""

    @property
    def unexpected(self) -> bool:
        return self.verdict in UNEXPECTED

    def note(self, what: str, share: float, ulps: float) -> None:
        """Count an answer that was compared, and keep the worst error seen of it."""
        self.compared += 1
        if share >= self.worst.get(what, 0.0):
            self.worst[what] = share
            self.ulp[what] = ulps

    def __str__(self) -> str:
        """The verdict as a person reads it; what others wrote is shown so that it cannot steer a terminal."""
        head = visible(f"{self.id} ({self.implementation})")
        reason = visible(self.reason or "")
        if self.verdict == "xpassed":
            return f"{head} passes, though it is expected to fail: {reason}"
        lines = [f"{head} leaves parity:" if self.mismatches else f"{head}: {self.verdict}"]
        if self.verdict in ("xfailed", "not offered") and reason:
            lines.append(f"  {self.verdict}: {reason}")
        elif self.verdict in ("not in torch", "finding"):
            lines = [f"{head}: {reason}"]
        for mismatch in self.mismatches:
            seed = f" (seed {mismatch.seed})" if mismatch.seed is not None else ""
            told = sentence(mismatch).replace("\n", "\n    ")
            lines.append(f"  - {told}{seed}")
        lines += [f"  note: {visible(note)}" for note in self.notes]
        if self.mismatches:
            lines.append(visible(f"  {self.path}:{self.line}"))
            if self.repeat:
                lines.append(visible(f"  repeat: {self.repeat}"))
        return "\n".join(lines)

    def as_data(self) -> dict[str, Any]:
        """The record as plain data, for the file of records."""
        data = {name: getattr(self, name) for name in self.__slots__}  # asdict would copy all that is inside
        return {"kind": "point", **data, "mismatches": [asdict(mismatch) for mismatch in self.mismatches]}

    def as_json(self) -> str:
        """The same as text, to be handed from process to process."""
        return json.dumps(self.as_data())

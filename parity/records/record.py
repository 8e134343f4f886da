"""What was observed of one point: the record that pytest, `check` and the report share."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from parity.plain import visible
from parity.records.mismatch import Kind, Mismatch
from parity.records.sentences import sentence

Verdict: TypeAlias = Literal[
    "passed", "nearer than torch", "failed", "xfailed", "xpassed", "not offered", "not in torch", "finding", "error"
]
UNEXPECTED = ("failed", "xpassed", "error")
AGREES = ("passed", "nearer than torch")


@dataclass(slots=True)
class Record:
    """One point, one implementation, all its seeds.

    `worst` maps 'output' and each gradient's argument to the largest error as a share of its allowance, `ulp` the
    same error in units in the last place, `detects` to the smallest relative error throughout that its bias would
    have shown, `shows` to that of a typical element alone, where that was looked at. `distance` has the largest
    error of the implementation and of the reference against the exact answer in ulp, of the first draw of a sample
    of the points. `lenient` counts the draws that needed an allowance of their own, `compared` the answers that
    were held against the reference's. `compiled` says whether torch.compile's code ran, `notes` are told beside the
    verdict. `not_offered` names what was not compared because the implementation does not offer it, `left_out` the
    options that it does not offer and that neither side was given.
    `granted` has each thing in which it differs by design, with its reason, and whether the point needed that. `facts`
    are those of the point and of all its draws, by their words; `varying` has, by seed, those that only some of its
    draws have. `reference` is the name of the side that was asked.
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
    distance: tuple[float, float] | None = None
    detects: dict[str, float] = field(default_factory=dict)
    shows: dict[str, float] = field(default_factory=dict)
    lenient: int = 0
    compared: int = 0
    compiled: bool | None = None
    notes: list[str] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    granted: dict[str, bool] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    varying: dict[int, list[str]] = field(default_factory=dict)
    raises: str | None = None
    source: str | None = None
    published: dict[str, Any] | None = None
    finding: dict[str, Any] | None = None
    repeat: str = ""
    reference: str = "torch"

    @property
    def unexpected(self) -> bool:
        return self.verdict in UNEXPECTED

    @property
    def problem(self) -> str:
        """The sentence about the set-up in which the loss could not be called at all; '' if it could."""
        return next((str(one.figures["how"]) for one in self.mismatches if one.kind is Kind.SETUP), "")

    @property
    def nearer(self) -> bool:
        """Whether all that differs is right, and the reference's wrong: a finding about the reference."""
        return bool(self.mismatches) and all(mismatch.figures.get("right") for mismatch in self.mismatches)

    def find(self, mismatch: Mismatch) -> None:
        """Keep a mismatch that is a finding about the reference, once for each answer."""
        if all(mismatch.what != other.what for other in self.mismatches):
            self.mismatches.append(mismatch)

    def strictly(self) -> None:
        """Take an answer that is nearer than the reference's for a failure too."""
        if self.verdict == "nearer than torch":
            self.verdict = "failed"

    def note(self, what: str, share: float, ulps: float) -> None:
        """Count an answer that was compared, and keep the worst error seen of it."""
        self.compared += 1
        if share >= self.worst.get(what, 0.0):
            self.worst[what] = share
            self.ulp[what] = ulps

    def know(self, specified: Collection[str], draws: Mapping[int, frozenset[str]]) -> None:
        """Keep the facts of the point's specification, and those of its draws by seed."""
        everywhere = frozenset[str]().union(*draws.values())
        common = everywhere.intersection(*draws.values())
        self.facts = sorted(everywhere.union(specified))
        if len(common) < len(everywhere):
            self.varying = {seed: sorted(facts - common) for seed, facts in draws.items()}

    def facts_at(self, seed: int | None) -> list[str]:
        """The facts of the draw at one seed, sorted; of the whole point where the seed is not known."""
        if seed not in self.varying:
            return self.facts
        some = {word for words in self.varying.values() for word in words}
        return [word for word in self.facts if word not in some or word in self.varying[seed]]

    def __str__(self) -> str:
        """The verdict as a person reads it; what others wrote is shown so that it cannot steer a terminal."""
        head = visible(f"{self.id} ({self.implementation})")
        reason = visible(self.reason or "")
        if self.verdict == "xpassed":
            return f"{head} passes, though it is expected to fail: {reason}"
        finding = self.verdict == "nearer than torch"
        lines = [f"{head} leaves parity:" if self.mismatches and not finding else f"{head}: {self.verdict}"]
        if self.verdict in ("xfailed", "not offered") and reason:
            lines.append(f"  {self.verdict}: {reason}")
        elif self.verdict in ("not in torch", "finding"):
            lines = [f"{head}: {reason}"]
        for mismatch in self.mismatches:
            seed = f" (seed {mismatch.seed})" if mismatch.seed is not None else ""
            told = sentence(mismatch, self.reference).replace("\n", "\n    ")
            lines.append(f"  - {told}{seed}")
        lines += [f"  note: {visible(note)}" for note in self.notes]
        if self.mismatches:
            facts = self.facts_at(self.mismatches[0].seed)
            lines += [visible(f"  facts: {', '.join(facts)}")] if facts else []
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

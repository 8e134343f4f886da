"""What differs from the reference, as data: what it is about, how it differs, and by how much. No sentences."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Subject(StrEnum):
    """What a mismatch is about."""

    OUTPUT = "output"
    GRADIENT = "gradient"
    SECOND = "second derivative"
    REFUSAL = "error"
    EFFECT = "side effect"
    WARNING = "warning"
    IDENTITY = "identity"
    PUBLISHED = "published"
    PROCESS = "process"
    CASE = "case"


class Kind(StrEnum):
    """How it differs."""

    VALUE = "value"
    BIAS = "bias"
    DTYPE = "dtype"
    ENCODING = "encoding"
    SHAPE = "shape"
    TYPE = "type"
    MISSING = "missing"
    EXTRA = "extra"
    RAISES = "raises"
    CLASS = "class"
    MUTATION = "mutation"
    STATE = "state"
    MEMORY = "memory"
    CRASH = "crash"
    TIMEOUT = "timeout"
    START = "start"
    SETUP = "set-up"
    DRAW = "draw"
    REFERENCE = "reference"
    FILE = "file"
    PYTEST = "pytest"
    BROKEN = "broken"


class Event(StrEnum):
    """Where a kind has several: what happened, or in which stage."""

    FORWARD = "forward"
    BACKWARD = "backward"
    NO_VJP = "no vjp"
    COARSE = "coarse"
    OUTLIER = "outlier"
    EARLY = "refuses early"
    LATE = "refuses late"
    UNSAFE = "unsafe"
    SECOND_CALL = "second call"
    PARTLY = "asked for a part"
    SECOND_VJP = "second vjp"
    VJP_OVERWRITES = "a second vjp overwrites"
    CALL_OVERWRITES = "a call in between overwrites"
    CALL_CHANGES = "a call in between changes"
    CALL_CHANGES_OUTPUT = "a call in between overwrites the output"
    CALL_GRADIENTS = "a call in between overwrites gradients"
    OTHER_OUTPUT = "another output"
    OTHER_GRADIENT = "another gradient"
    OTHER_BITS = "other bits"
    UNSEEN_CHANGE = "a change in between goes unseen"
    SHARED = "shared"
    MARKED = "marked"
    REUSED = "reused"
    PROCESS_CHANGED = "process changed"
    PATCHED = "torch patched"
    EAGER = "not compiled"
    ANSWERS = "answers"
    RAISES_OTHER = "raises another"
    WARNS = "warns"
    REFUSES = "refuses"
    REFUSES_BACKWARD = "refuses its backward"
    NOT_OWN = "not its own"


class Nearer(StrEnum):
    """Who is nearer to the exact answer."""

    OURS = "ours"
    REFERENCE = "reference"
    NEITHER = "neither"


class About(NamedTuple):
    """An answer: the output, a gradient of an argument, a second derivative by one."""

    subject: Subject
    argument: str | None = None

    @property
    def what(self) -> str:
        """'output', 'gradient of input', 'second derivative by weight', 'side effect', ..."""
        if self.argument is None:
            return str(self.subject)
        return f"{self.subject} {'by' if self.subject is Subject.SECOND else 'of'} {self.argument}"

    def mismatch(
        self, kind: Kind, event: Event | None = None, figures: dict[str, Any] | None = None,
        nearer: "Nearer | None" = None, hint: str = "",
    ) -> "Mismatch":  # fmt: skip
        """A mismatch of this answer."""
        return Mismatch(self.subject, kind, self.argument, event, figures or {}, nearer, hint=hint)


OUTPUT = About(Subject.OUTPUT)


@dataclass(slots=True)
class Mismatch:
    """One thing that differs from the reference.

    `argument` is the one whose gradient it is. `figures` hold what was found and expected, and of numbers where and
    by how much. `nearer` is None where the exact answer is not known. `against` names who holds the expected answer, if
    it's not the reference. `asked` says how the call was made, if not as the case has it; `hint` what may be declared.
    `seed` is the draw's.
    """

    subject: Subject
    kind: Kind
    argument: str | None = None
    event: Event | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    nearer: Nearer | None = None
    diagnosis: str = ""
    against: str = ""
    asked: str = ""
    hint: str = ""
    seed: int | None = None

    @property
    def what(self) -> str:
        """'output', 'gradient of input', 'second derivative by weight', 'side effect', ..."""
        return About(self.subject, self.argument).what


def about(name: str) -> About:
    """An answer that is called 'output', or by the argument whose gradient it is."""
    return OUTPUT if name == "output" else About(Subject.GRADIENT, name)


def titled(name: str) -> str:
    """'output', or 'gradient of' the argument."""
    return name if name == "output" else f"gradient of {name}"

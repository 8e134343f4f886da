"""What an implementation answers to for one loss, resolved once before any point runs: what is called, what compared.

The engine meets an implementation here and nowhere else: it asks no question that the contract has not answered.
"""

from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from parity.cases.points import Point
from parity.cases.signature import Signature
from parity.facts.selection import selection
from parity.frameworks.positional import placed
from parity.implementations.afresh import waiving
from parity.implementations.environment import mistake
from parity.implementations.grants import Grant
from parity.implementations.lacks import ALIKE, ERRORS, GRADIENT, SAVED, SECOND, WARNINGS, Lack, used_words
from parity.implementations.leaving import call_without, first_alike, is_about, undefined
from parity.types import Clause, Functions, Loss
from parity.wording import class_names, message


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a point is compared.

    `refused` says why it is not, None if it is. `without` are the options that neither side is given, `left_out` those
    of them that the point has a value for.
    """

    refused: str | None = None
    without: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Contract:
    """One implementation and one loss of it, which takes what its `signature` says.

    `function` is what was declared, `wrapped` is what the adapter has made of it; `call` takes arrays and options by
    torch's names to ``(output, vjp)``. `functions` are all losses of the implementation, for identities. `grants` holds
    what may differ by its word, clauses and tolerances alike; those that are `granted` are in force: the engine first
    compares without any, and then with those that stand in the way. `lacks` holds what is not offered by its word.
    `refusals` maps a class that torch raises to the names of those that may stand for it. `hands_on` says that torch's
    own answer may be handed on, `trusted` that it is the project's own and leaves the process as it is. `note` is said
    of it once, in a line; `problem` says why it cannot be called at all, in a sentence. `around` makes what is called
    under a transformation. `promises` are what it says of itself beyond what torch does.
    """

    implementation: str
    signature: Signature
    function: Callable[..., Any]
    wrapped: Loss
    offered: Callable[[frozenset[str]], Functions]
    lacks: Mapping[str, Lack] = field(default_factory=dict)
    refusals: Mapping[str, Collection[str]] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    hands_on: bool = False
    origin: str = ""
    framework: str = ""
    device: str = "cpu"
    note: str = ""
    problem: str = ""
    grants: Mapping[str, Grant] = field(default_factory=dict)
    granted: frozenset[str] = frozenset()
    around: Callable[[str], Loss] | None = None
    promises: frozenset[str] = frozenset()

    def under(self, word: str) -> "Contract":
        """The same contract for calls under a transformation. Raises NotOffered where there is none."""
        if not word or self.around is None:
            return self
        if word not in self._under:
            self._under[word] = replace(self, wrapped=self.around(word))
        return self._under[word]

    @cached_property
    def _under(self) -> dict[str, "Contract"]:
        return {}

    def granting(self, words: frozenset[str]) -> "Contract":
        """The same contract with these of its grants in force."""
        return replace(self, granted=words) if words != self.granted else self

    @cached_property
    def call(self) -> Loss:
        return waiving(self.wrapped, self.granted)

    @property
    def functions(self) -> Functions:
        return self.offered(self.granted)

    @property
    def loss(self) -> str:
        return self.signature.loss

    @property
    def trusted(self) -> bool:
        return self.origin in ("numpy", "textbook", "torch")

    @property
    def compiles(self) -> bool:
        """Whether torch.compile made the function, or a call of it has shown compiled code inside."""
        return getattr(self.wrapped, "compiles", False)

    def terms(self, point: Point) -> Terms:
        """On which terms the point is compared."""
        if not self.lacks:
            return _PLAIN
        used = used_words(point)
        if point.around == "positional":  # what is lacking has no place, and moves those that come after it
            given = {name: None for name in point.given if name not in self.lacks}
            used |= placed(self.signature, given)[0].keys()
        without = frozenset(lack.word for lack in self.lacks.values() if lack.is_of_call(self.signature))
        left_out = []
        for said, lack in self.lacks.items():
            if said in used:
                if said not in without or point.around == "positional" or is_about(point.scenario, said):
                    return Terms(f"{self.implementation} does not offer {lack}")
                left_out.append(said)
        if left_out:
            call, lost = call_without(point, without), f"{self.implementation} does not offer {' and '.join(left_out)}"
            if first_alike(point.scenario, without)[call] != point.id:
                return Terms(f"{lost}: {ALIKE}")
            if point.scenario.reference is None and call in undefined(self.loss, without):
                return Terms(f"{lost}: without it torch has no defined answer")
        return Terms(None, without, tuple(left_out))

    def lacking(self, facts: Collection[str]) -> Lack | None:
        """What is not offered of a draw, by the facts that its arrays show."""
        return next((lack for word, lack in self.lacks.items() if word in facts), None) if self.lacks else None

    def lacks_gradient(self, name: str = "") -> bool:
        """Whether the gradient of an argument is not offered, or, without a name, any."""
        return GRADIENT in self.lacks or f"{GRADIENT} of {name}" in self.lacks

    @property
    def lacks_errors(self) -> bool:
        return ERRORS in self.lacks

    @property
    def lacks_second(self) -> bool:
        return SECOND in self.lacks

    @property
    def lacks_warnings(self) -> bool:
        return WARNINGS in self.lacks

    @property
    def lacks_saved(self) -> bool:
        return SAVED in self.lacks

    def expected_failure(self, point: Point, facts: Container[str]) -> str | None:
        """The reason given for this point, which has these facts, to fail, if any: the scenario's own, or another."""
        failure = point.expected_failure(self.implementation, facts)
        if failure is not None:
            return failure.because
        for text, reason in self.expected_failures.items():
            if selection(text).holds(point.id, facts):
                return reason
        return None

    def mistake(self, raised: BaseException) -> str:
        """The sentence about an exception that tells of the set-up rather than of the loss; '' for any other."""
        return mistake(raised, self.framework, self.device)

    def accepts(self, raised: BaseException, wanted: str) -> bool:
        """Whether this exception answers to torch's exception of the class `wanted`."""
        allowed = {wanted, *self.refusals.get(wanted, ())}
        names = class_names(raised)
        if Clause.ERRORS in self.granted and "Exception" in names:
            # of any class, but refused for what was asked, and not for a name that the function does not know
            return "TypeError" not in names or "unexpected keyword argument" not in message(raised)
        return not allowed.isdisjoint(names)

    def tolerances(self, dtype: str, subject: str) -> list[Grant]:
        """The tolerances of its own for such an answer: 'output', 'gradient of input', ..."""
        return [one for one in self.grants.values() if (one.rtol or one.atol) and one.covers(dtype, subject)]

    def widest(self, dtype: str, subject: str) -> tuple[float, float]:
        """rtol and atol of the tolerances in force for such an answer; zeros if there is none."""
        own = [one for one in self.tolerances(dtype, subject) if one.word in self.granted]
        return max((one.rtol for one in own), default=0.0), max((one.atol for one in own), default=0.0)


_PLAIN = Terms()

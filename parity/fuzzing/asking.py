"""A call -> the point of a case file that makes it, as torch has answered: what it refuses must be refused."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from parity.cases import checks
from parity.cases.expected import EXCEPTIONS
from parity.cases.memory import bytes_of
from parity.cases.needs import Need
from parity.cases.points import Point, expand
from parity.cases.scenario import Scenario
from parity.cases.schema import Case, CaseFile
from parity.cases.specs import GENERATORS, generator_of
from parity.causes.shrink import UNCHECKED
from parity.comparison.witness import refused
from parity.draws.draw import Plan
from parity.engine import crumbs
from parity.engine.state import known_state
from parity.facts.point import facts_of
from parity.fuzzing.refusals import learnt, words_of
from parity.fuzzing.vocabulary import Call, array, shape
from parity.implementations.declaration import Implementation
from parity.implementations.registry import served
from parity.losses import LOSSES
from parity.question import Question
from parity.types import Array, Loss, NotOffered
from parity.wording import class_names, first_line

# A drawn call may take so many bytes.
BYTES = 1 << 18
# So much of torch's message is written down.
PART = 100


@dataclass(frozen=True, slots=True)
class Drawn:
    """A point that no case file has, the facts that its specification shows, and its case as plain data."""

    point: Point
    facts: frozenset[str]
    case: Mapping[str, Any]

    @property
    def seeds(self) -> range:
        return range(self.point.scenario.seeds)


@dataclass(frozen=True)
class Asker:
    """Makes points of calls. `base` is a scenario of the loss's file, `served` who has it.

    `refusals` has what the case files say of torch's refusals, by torch's words.
    """

    base: Scenario
    implementation: Implementation
    served: Mapping[str, Collection[str]]
    refusals: Mapping[str, str | Need] = field(default_factory=dict)

    def sketch(self, call: Call) -> Drawn | None:
        """The point of a call before torch is asked; None if no case file could hold it, or it is not offered."""
        if call.around and not self._goes_through(call.around):
            call = replace(call, around="")
        case = case_of(call)
        point = self.point({**case, "given": {name: one for name, one in call.given.items() if name != "grad_output"}})
        if point is None or self.implementation.contract(point.scenario.signature).terms(point).refused:
            return None
        return Drawn(point, facts_of(point), case)

    def ask(self, sketch: Drawn) -> Drawn | None:
        """The point as torch answers or refuses it; None if it has no defined answer."""
        case = {**sketch.case, "given": dict(sketch.case["given"])}
        upstream = case["given"].pop("grad_output", None)
        crumbs.begin(sketch.point.id)
        answers = [self.answer(sketch.point, seed) for seed in sketch.seeds]
        if None in answers:
            return None
        first = answers[0]
        if any(isinstance(other, Exception) != isinstance(first, Exception) for other in answers):
            case["seeds"] = 1
        if isinstance(first, Exception):
            case |= self._refused(first)
            case |= {"across": {"dtype": case["across"]["dtype"]}, "seeds": 1}
        elif upstream is not None and (fitting := _fitted(upstream, list(first or ()))) is not None:
            case["given"]["grad_output"] = fitting
        point = self.point(case)
        # another name draws other numbers; and between two calls of a draw the engine makes one of the next
        if point is None or any(self._reads_beyond(point, seed) for seed in range(point.scenario.seeds + 1)):
            return None
        return Drawn(point, facts_of(point), case)

    def _reads_beyond(self, point: Point, seed: int) -> bool:
        """Whether torch might read, or write, what is not there: it does not check what our own loss refuses."""
        if point.loss not in UNCHECKED:
            return False
        try:
            with known_state():
                return refused(LOSSES[point.loss], self._arguments(point, seed)) is not None
        except Exception:  # nothing that can be drawn
            return True

    def _arguments(self, point: Point, seed: int) -> dict[str, Any]:
        """The arguments of a draw, without those that are not offered. A transformation around the call is left out."""
        arguments, _ = Plan(replace(point, around="")).arguments(seed)
        for name in self.implementation.contract(point.scenario.signature).terms(point).without:
            arguments.pop(name, None)
        return arguments

    def _goes_through(self, word: str) -> bool:
        """Whether the implementation can be called through a transformation."""
        try:
            self.implementation.contract(self.base.signature).under(word)
        except NotOffered:
            return False
        return True

    def _refused(self, error: Exception) -> dict[str, Any]:
        """What a case says that is refused so: it must be, or is for other versions of torch."""
        known = self.refusals.get(words_of(error))
        if isinstance(known, Need):
            return {"torch": known.model_dump(exclude={"where"}, exclude_none=True)}
        raised = known or next((name for name in class_names(error) if name in EXCEPTIONS), "Exception")
        return {"raises": {raised: first_line(error)[:PART]}}

    def answer(self, point: Point, seed: int) -> tuple[int, ...] | Exception | None:
        """The shape of the reference's output at a draw, or what it raises; None if that is not defined."""
        reference = self.implementation.reference_of(point)
        try:
            if self._reads_beyond(point, seed):
                return None
            arguments = self._arguments(point, seed)
            crumbs.at(f"in {reference.name}'s own call", seed)
            with known_state():
                error = refused(reference, arguments)
                if error is not None:  # of a message that cannot be read it is not known what it is
                    return None if isinstance(error, UnicodeError) else error
                output = reference(**arguments)[0]
                empty = any(isinstance(value, np.ndarray) and not value.size for value in arguments.values())
                return np.shape(output) if not empty or _is_written(reference, arguments, output) else None
        except Exception:  # nothing that can be drawn
            return None

    def point(self, case: Mapping[str, Any]) -> Point | None:
        """The point of a case in plain data, named by what it says; None if a case file could not hold it."""
        name = f"drawn by the fuzzer {blake2b(_text(case).encode(), digest_size=4).hexdigest()}"
        try:
            read = Case.model_validate({**case, "name": name})
        except ValidationError:
            return None
        given, across = dict(read.given), case["across"]
        scenario = replace(
            self.base, case=read, sizes={}, given=given, axes=dict(across), seeds=case["seeds"], vary=(),
            needs=tuple(read.torch), rows=frozenset(),
        )  # fmt: skip
        file = CaseFile(loss=self.base.loss, cases=[read])
        if next(checks.problems(scenario, file, 0, self.served), None) is not None:
            return None
        point = next(expand(scenario))
        return point if bytes_of(point) <= BYTES else None


def asker_of(question: Question) -> Asker:
    """Who makes the points of a question, and knows what its case files say of torch's refusals."""
    own = question.implementation
    asker = Asker(question.scenarios[0], own, served([own]))
    return replace(asker, refusals=learnt(asker, question.every))


def _is_written(reference: Loss, arguments: dict[str, Any], output: Array) -> bool:
    """Whether an answer to empty arrays is one, and not what stood in memory before."""
    for byte in (255, 0):  # nan or True, and 0 or False
        spoilt = [torch.full((max(output.nbytes, 1),), byte, dtype=torch.uint8) for _ in range(8)]
        del spoilt
        if reference(**arguments)[0].tobytes() != output.tobytes():
            return False
    return True


def _fitted(upstream: Any, output: list[int]) -> Any:
    """The upstream gradient in the shape of the output; None of one that is written out in another."""
    spec = array(upstream)
    main = generator_of(spec)
    if main == "array":
        return upstream if shape(upstream) == output else None
    return {**spec, main: output} if main in GENERATORS and main != "like" else None


def case_of(call: Call) -> dict[str, Any]:
    """A call as the plain data of a case without a name."""
    across = {"dtype": [call.dtype], **({"around": [call.around]} if call.around else {})}
    return {"given": dict(call.given), "across": across, "seeds": call.seeds}


def _text(case: Mapping[str, Any]) -> str:
    return json.dumps(case, sort_keys=True)

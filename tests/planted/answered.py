"""A large point, answered by torch and by the loss: what a bug makes of the answer is judged without asking again."""

from collections.abc import Callable
from functools import cache
from typing import Any

from parity import losses
from parity.cases.points import Point
from parity.comparison import compare, glance
from parity.comparison.experience import Experience
from parity.comparison.tolerance import bound
from parity.draws.draw import Plan
from parity.engine.asking import Pair, ask_implementation, ask_reference, draw
from parity.engine.run import blank
from parity.implementations.declaration import Implementation
from parity.types import Array, Gradients, Result


class Answered:
    """The first draw of a point, and both answers to it."""

    def __init__(self, point: Point) -> None:
        self.point = point
        own = Implementation("own", losses={point.loss: losses.LOSSES[point.loss]})
        contract = own.contract(point.scenario.signature)
        record = blank(point, own, [0])
        pair = Pair(point, contract, contract.terms(point), record, Plan(point), own.reference_of(point), Experience())
        self.draw = ask_implementation(ask_reference(draw(pair, 0, True)))
        self.own_error = cache(self.draw.expected.allowances.own_error)

    def sees(self, bug: Callable[[dict[str, Any], Result], Result]) -> bool:
        """Whether a bug, which makes another answer of the arguments and the right one, turns the point red."""

        def vjp(grad_output: Array) -> Gradients:
            return self.draw.answer.gradients

        output, wrong = bug(self.draw.drawn.arguments, (self.draw.answer.output, vjp))
        values = {"output": output, **wrong(self.draw.grad_output)}
        return any(self._misses(name, value) for name, value in values.items())

    def _misses(self, name: str, actual: Array) -> bool:
        """Whether a value is beyond what its dtype and torch's own error allow, which is all that large arrays are."""
        right, expected = self.draw.answer.values[name], self.draw.reference.values[name]
        allowed = bound(self.draw.expected.allowances.precision(name), name, self.point.scenario.case.tolerance)
        right, expected, actual = right.reshape(-1), expected.reshape(-1), actual.reshape(-1)
        for start in range(0, expected.size, glance.BLOCK):
            part = slice(start, start + glance.BLOCK)
            if right[part].tobytes() != actual[part].tobytes() and not compare.judge(
                expected[part], actual[part], allowed
            )[0] <= 1:  # fmt: skip
                own = self.own_error(name)
                extra = None if own is None else own.reshape(-1)[part]
                if not compare.judge(expected[part], actual[part], allowed, extra)[0] <= 1:
                    return True
        return False

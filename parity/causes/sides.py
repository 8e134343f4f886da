"""Both sides of one draw: what each answers, the exact answer, and the error of every element in ulp."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.cases.points import Point
from parity.comparison import truth
from parity.comparison.call import Call
from parity.comparison.tolerance import magnitude, ulp
from parity.draws.draw import Plan
from parity.dtypes import name_of, row_of
from parity.engine.state import known_state
from parity.implementations.declaration import Implementation
from parity.records.mismatch import titled
from parity.references.reference import under
from parity.types import Array, Gradients, NotOffered
from parity.wording import in_words, message


@dataclass(frozen=True)
class Sides:
    """One draw and its answers, by 'output' and argument name; a text says what a side raises in place of answers."""

    arguments: Mapping[str, Any]
    grad_output: Array | None
    reference: str
    implementation: str
    expected: Gradients
    found: Gradients
    exact: Gradients
    refused: str = ""
    raised: str = ""

    def lines(self) -> Iterator[str]:
        """Each answer of both sides in a line or a line an element, the worst of them marked."""
        for side, raised in (self.reference, self.refused), (self.implementation, self.raised):
            if raised:
                yield f"{side} raises {raised}"
        for name in {**self.expected, **self.found}:
            yield from self._lines(name)

    def _lines(self, name: str) -> Iterator[str]:
        expected, found, exact = self.expected.get(name), self.found.get(name), self.exact.get(name)
        title = titled(name)
        if expected is None or found is None:
            side, has = (self.implementation, found) if expected is None else (self.reference, expected)
            other = self.reference if expected is None else self.implementation
            if not (self.refused or self.raised):
                yield f"{title}: {other} has none, {side} has {_shown(has)}   <-- differs"
            return
        if (expected.shape, expected.dtype) != (found.shape, found.dtype):
            yield f"{title}: {self.reference} has {_form(expected)} {_shown(expected)}, "
            yield f"  {self.implementation} has {_form(found)} {_shown(found)}   <-- differs"
            return
        errors = [_error(one, other) for one, other in zip(found.ravel(), expected.ravel(), strict=True)]
        worst = max(errors, default=0.0)
        yield f"{title}, {_form(expected)}:"
        columns = ["", self.reference, self.implementation, "exact", "error in ulp"]
        rows = [
            [
                str(list(map(int, np.unravel_index(place, expected.shape)))) if expected.ndim else "",
                number(expected.ravel()[place]), number(found.ravel()[place]),
                "" if exact is None or exact.shape != expected.shape else number(exact.ravel()[place]),
                f"{errors[place]:.3g}",
            ]
            for place in range(min(expected.size, MOST))
        ]  # fmt: skip
        widths = [max(len(row[number]) for row in (columns, *rows)) for number in range(len(columns))]
        for place, (first, *rest) in enumerate((columns, *rows), start=-1):
            texts = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))]
            mark = "   <-- worst" if place >= 0 and 0 < worst == errors[place] else ""
            yield f"  {'  '.join(texts).rstrip()}{mark}"
        if expected.size > MOST:
            yield f"  ... {expected.size - MOST:,} more"


MOST = 64


def sides(point: Point, implementation: Implementation, seed: int) -> Sides:
    """What both sides answer to one draw of a point. What the implementation raises is told, and never raised."""
    contract = implementation.contract(point.scenario.signature)
    reference = implementation.reference_of(point)
    terms = contract.terms(point)
    plan = Plan(point)
    with known_state():
        asked = under(reference, contract.signature, point.around, contract.device) if point.around else reference

        def drawn() -> tuple[dict[str, Any], Array | None]:
            arguments, own = plan.arguments(seed)
            return {name: value for name, value in arguments.items() if name not in terms.without}, own

        arguments, own = drawn()

        def upstream(output: Array) -> Array:
            return plan.grad_output(output, seed) if own is None else own

        expected, refused = _answered(asked.loss, arguments, upstream)
        grad_output = upstream(expected["output"]) if "output" in expected else own
        exact: Gradients = {}
        if expected and grad_output is not None:
            exact = truth.exact(Call(contract.signature, asked.loss, arguments, grad_output, asked.extended))
        found, raised = _answered(contract.under(point.around).call, drawn()[0], upstream)
    return Sides(arguments, grad_output, reference.name, implementation.name, expected, found, exact, refused, raised)


def _answered(
    loss: Callable[..., Any], arguments: Mapping[str, Any], upstream: Callable[[Array], Array]
) -> tuple[Gradients, str]:
    """The output and the gradients of one side, and what it raises."""
    answers: Gradients = {}
    try:
        output, vjp = loss(**arguments)
        answers["output"] = np.array(output)
        grad_output = upstream(output)
        answers |= {name: np.array(gradient) for name, gradient in vjp(grad_output).items()}
    except NotOffered as error:
        return answers, f"NotOffered: {message(error)}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return answers, in_words(error)
    return answers, ""


def _form(array: Array) -> str:
    return f"{name_of(array.dtype)} {list(array.shape)}"


def _shown(array: Array | None) -> str:
    return "none" if array is None else str([number(value) for value in array.ravel()[:MOST]]).replace("'", "")


def number(value: Any) -> str:
    """A number to as many digits as tell its neighbours in the dtype apart."""
    row = row_of(value.dtype)
    if row is None:
        return str(value)
    number = complex(value) if value.dtype.kind == "c" else float(value)
    return f"{number:.{9 if row.eps > 1e-10 else 17}g}"


def _error(found: Any, expected: Any) -> float:
    one, other = complex(found), complex(expected)
    if one == other or (one != one and other != other):
        return 0.0
    error = magnitude(one - other)
    return ulp(error, magnitude(other), expected.dtype) if error == error else float("inf")

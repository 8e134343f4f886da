"""A draw as a call that is written out, and the point that a case file makes of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from parity.cases.points import Point, expand
from parity.cases.schema import Case
from parity.cases.specs import Full, Literally, Spec
from parity.draws.draw import Plan
from parity.dtypes import name_of
from parity.engine.state import known_state
from parity.implementations.contract import Terms
from parity.references.reference import Reference
from parity.types import Array

MANY = 8
PREFIX, NAME = "smallest example of ", 120
# What a case says besides its call, and what may be left out of it again.
EXTRAS = ("published", "equals", "warns", "observe", "finding", "tolerance", "better")


@dataclass(frozen=True)
class Literal:
    """One call in numbers.

    `arrays` and `layouts` go by argument, `grad_output` (None where the call is to be refused) among them; `options`
    are the arguments that are no arrays, as a case has them. `said` is what the case says besides. `number` makes
    another name of it: which gradients are asked for alone hangs on the name.
    """

    arrays: Mapping[str, Array]
    layouts: Mapping[str, str]
    options: Mapping[str, Any]
    dtype: str
    around: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    number: int = 1

    @cached_property
    def given(self) -> dict[str, Any]:
        """The arguments as a case gives them."""
        return {**{name: self._spec(name) for name in self.arrays}, **self.options}

    def _spec(self, name: str) -> Spec:
        array = self.arrays[name]
        layout = self.layouts.get(name, "contiguous")
        own = name_of(array.dtype)
        common: Any = {
            "dtype": None if own == self.dtype or (own == "int64" and array.size) else own,
            "layout": None if layout == "contiguous" else layout,
        }  # fmt: skip
        if not array.size:
            return Full(full=list(array.shape), value=0, **common)
        if is_constant(array):
            common["dtype"] = None if own == self.dtype else own
            return Full(full=list(array.shape), value=numbers(array.flat[0]), **common)
        return Literally(array=numbers(array), **common)

    def with_array(self, name: str, array: Array) -> "Literal":
        return replace(self, arrays={**self.arrays, name: array})

    @property
    def key(self) -> tuple[Any, ...]:
        """What is the same for calls that are the same."""
        arrays = tuple((name, one.shape, one.dtype, one.tobytes()) for name, one in self.arrays.items())
        return (
            arrays,
            tuple(self.layouts.items()),
            repr(self.options),
            self.dtype,
            self.around,
            tuple(self.said),
            self.number,
        )

    def without(self, name: str) -> "Literal":
        """The same call without an argument."""
        return replace(
            self, arrays={own: array for own, array in self.arrays.items() if own != name},
            options={own: value for own, value in self.options.items() if own != name},
        )  # fmt: skip

    def fitted(self, shape: tuple[int, ...]) -> "Literal":
        """The same call with an upstream gradient of that shape."""
        given = self.arrays.get("grad_output")
        if given is None or given.shape == shape:
            return self
        return self.with_array("grad_output", np.resize(given, shape) if given.size else np.ones(shape, given.dtype))

    def point(self, origin: Point) -> Point:
        """The point of a case file that makes this call."""
        scenario, case = origin.scenario, origin.scenario.case
        name = case.name if case.name.startswith(PREFIX) else f"{PREFIX}{case.name}"[:NAME].rstrip()
        name = name if self.number == 1 else f"{name[: NAME - 2]} {self.number}"
        own = Case.model_construct(name=name, raises=case.raises, seeds=1, **self.said)
        axes: dict[str, Any] = {"dtype": [self.dtype], **({"around": [self.around]} if self.around else {})}
        sizes = scenario.sizes if self.said.get("equals") else {}
        made = replace(scenario, case=own, sizes=sizes, given=self.given, axes=axes, seeds=1, vary=(), rows=frozenset())
        return next(expand(made))

    def arguments(self, origin: Point) -> dict[str, Any]:
        """The arguments as either side takes them, without the upstream gradient; fresh arrays."""
        return Plan(replace(self, around="").point(origin)).arguments(0)[0]


def is_constant(array: Array) -> bool:
    """Whether an array is too large to be written out, and need not be: one number fills it."""
    return array.size > MANY and bool((array == array.flat[0]).all())


def numbers(array: Any) -> Any:
    """The numbers of an array as lists, of complex ones their real parts: case files write no others."""
    if array.dtype.kind == "c":
        array = array.real
    if array.dtype.kind in "iub":
        return array.tolist()
    return array.astype(np.float64).tolist()


def literal(point: Point, terms: Terms, reference: Reference, seed: int) -> Literal:
    """One draw of a point, written out; of complex numbers the real parts."""
    bare = replace(point, around="")
    plan = Plan(bare)
    arguments, grad_output = plan.arguments(seed)
    for name in terms.without:
        arguments.pop(name, None)
    layouts = {name: word for name, word in point.layouts.items() if name in arguments}
    arrays = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
    if point.refusal is None and grad_output is None:
        try:
            with known_state():
                output = reference(**arguments)[0]
        except Exception:
            output = None  # it refuses the call: there is no upstream gradient
        if output is not None:
            grad_output = plan.grad_output(output, seed)
            layouts["grad_output"] = strides_of(grad_output)
    elif grad_output is not None and "grad_output" in point.layouts:
        layouts["grad_output"] = point.layouts["grad_output"]
    if grad_output is not None:
        arrays["grad_output"] = grad_output
    case = point.scenario.case
    said = {name: value for name in EXTRAS if (value := getattr(case, name)) not in (None, [])}
    options = {name: value for name, value in point.options.items() if name in arguments}
    written = {name: np.array(one.real if one.dtype.kind == "c" else one, one.dtype, order="C")
               for name, one in arrays.items()}  # fmt: skip
    return Literal(written, layouts, options, point.dtype, point.around, said)


def strides_of(grad_output: Array) -> str:
    """The layout that gives a drawn upstream gradient its strides."""
    if grad_output.flags.c_contiguous:
        return "contiguous"
    if 0 not in grad_output.strides:
        return "sliced"
    return "repeated" if grad_output.strides[0] != 0 == grad_output.strides[-1] else "expanded"


def cost(array: Array) -> int:
    """How much there is to read in an array's numbers: nothing of zeros, little of short numbers."""
    if is_constant(array):
        return 1
    return sum(_letters(value) for value in array.ravel().tolist())


def _letters(value: Any) -> int:
    if value != value or isinstance(value, bool | complex) or math.isinf(value):
        return 2
    return 0 if value == 0 and math.copysign(1, value) > 0 else 1 if value == 1 else 1 + len(repr(value))

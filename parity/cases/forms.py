"""The arrays of a point before they are drawn: their shapes, dtypes and layouts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity.cases.literals import shape_of
from parity.cases.specs import SPECS, Arange, Classes, Integers, Like, Literally
from parity.dtypes import FLOATING
from parity.facts.point import Form

_WHOLE = (Integers, Classes)


def form_of(value: Any, dtype: str, layout: str, sizes: Mapping[str, int], before: Mapping[str, Form]) -> Form:
    """The form of the array that `value` under `given` makes at these sizes, in a scenario of that dtype.

    `before` has the forms of the arguments that stand before it.
    """
    kind = type(value)
    shape: tuple[int, ...]
    if kind not in SPECS or kind is Literally:
        literal = value.array if kind is Literally else value
        shape, whole = shape_of(literal), _whole(literal)
    elif kind is Like:
        source = before[value.like]
        shape, whole = source.shape, None if source.dtype in FLOATING else source.dtype
    else:
        shape = tuple([sizes[size] if type(size) is str else size for size in value.shape])
        whole = "int64" if kind in _WHOLE or (kind is Arange and type(value.start) is int) else None
    if kind in SPECS:
        if value.dtype is not None:
            return Form(shape, value.dtype, layout)
        if type(value.scale) is float:
            whole = None
    return Form(shape, whole or dtype, layout)


def _whole(written: Any) -> str | None:
    """The dtype of a literal of whole numbers or booleans; None if it has others, or none."""
    array = np.array(written)
    return array.dtype.name if array.dtype.kind in "iub" else None

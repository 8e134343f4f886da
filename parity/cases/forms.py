"""The arrays of a point before they are drawn: their shapes, dtypes and layouts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity.cases.literals import shape_of
from parity.cases.specs import Arange, Classes, Integers, Like, Literally, Spec
from parity.dtypes import FLOATING
from parity.facts.point import Form


def form_of(value: Any, dtype: str, layout: str, sizes: Mapping[str, int], before: Mapping[str, Form]) -> Form:
    """The form of the array that `value` under `given` makes at these sizes, in a scenario of that dtype.

    `before` has the forms of the arguments that stand before it.
    """
    spec = value if isinstance(value, Spec) else None
    shape: tuple[int, ...]
    whole: str | None = None
    if isinstance(spec, Like):
        source = before[spec.like]
        shape, whole = source.shape, None if source.dtype in FLOATING else source.dtype
    elif spec is None or isinstance(spec, Literally):
        written = value if spec is None else spec.array
        shape, whole = shape_of(written), _whole(written)
    else:
        shape = tuple(sizes[size] if isinstance(size, str) else size for size in spec.shape)
        if isinstance(spec, Integers | Classes) or (isinstance(spec, Arange) and isinstance(spec.start, int)):
            whole = "int64"
    if spec is not None and (spec.dtype is not None or isinstance(spec.scale, float)):
        whole = None
    return Form(shape, (spec.dtype if spec is not None else None) or whole or dtype, layout)


def _whole(written: Any) -> str | None:
    """The dtype of a literal of whole numbers or booleans; None if it has others, or none."""
    array = np.array(written)
    return array.dtype.name if array.dtype.kind in "iub" else None

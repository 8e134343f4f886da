"""How many bytes one draw of a point takes: its arrays in their layouts, the output, and the output's gradient.

The loader refuses a scenario with points beyond `MOST`, and the engine holds draws together by this estimate. The
losses, torch and the comparison take some ten times as much for a while.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from parity import losses
from parity.cases.bounds import Extent
from parity.cases.literals import shape_of
from parity.cases.points import Point, stack_of
from parity.cases.scenario import Scenario
from parity.cases.specs import SPECS, Arange, Classes, Integers, Like, Literally

Shape: TypeAlias = tuple[int, ...]
Sizes: TypeAlias = Mapping[str, int]

MOST = 1 << 29
PAGE = 1 << 12
# The output is no broadcast of the arguments: it is no larger than the largest of them, or as many rows of
# one as columns of the others.
_BY_CLASS = ("cross_entropy", "nll_loss", "multi_margin_loss", "multilabel_margin_loss", "ctc_loss")
_BY_PRODUCT = ("linear_cross_entropy", "adaptive_log_softmax_with_loss")
_WHOLE = (Integers, Classes, Arange)
# An argument that stands for rows, and is not broadcast with the others.
_ROWS = {"cosine_embedding_loss": "target", "gaussian_nll_loss": "var"}


class Taken(NamedTuple):
    """One array: its shape, and its bytes in memory."""

    shape: Shape
    bytes: int


def bytes_of(point: Point) -> int:
    """The bytes that one draw of the point takes."""
    taken: dict[str, Taken] = {}
    for name in point.arrays:
        layout = point.layouts.get(name, "contiguous")
        taken[name] = _taken(point.given[name], point.dtype, [layout], point.sizes, taken)
    given = {name: [value] for name, value in point.given.items()}
    return _total(point.scenario, taken, point.dtype, given) * stack_of(point.around)


def most_bytes(scenario: Scenario, extents: Mapping[str, Extent]) -> int:
    """The most bytes that one draw of a point of the scenario takes.

    Every combination is a point, so that is where the sizes are largest, the dtype widest and the layout widest.
    """
    sizes = {name: one.most for name, one in extents.items()}
    dtype = max(scenario.across["dtype"].values(), key=_itemsize)
    layouts: dict[str, set[str]] = {}
    for chosen in scenario.across.get("layout", {}).values():
        for name, layout in chosen.items():
            layouts.setdefault(name, set()).add(layout)
    values = {name: scenario.values(name) for name in scenario.arguments}
    taken: dict[str, dict[Taken, None]] = {}
    before: dict[str, Taken] = {}
    for name, some in values.items():
        arrays = [value for value in some if scenario.is_array(name, value)]
        each = [_taken(value, dtype, layouts.get(name, {"contiguous"}), sizes, before) for value in arrays]
        if each:
            taken[name] = dict.fromkeys(each)
            before[name] = max(each, key=lambda one: prod(one.shape))
    totals = (
        _total(scenario, dict(zip(taken, chosen, strict=True)), dtype, values) for chosen in product(*taken.values())
    )
    return max(totals) * max(map(stack_of, scenario.across.get("around", {"": ""}).values()))


def _taken(value: Any, dtype: str, layouts: Iterable[str], sizes: Sizes, before: Mapping[str, Taken]) -> Taken:
    kind = type(value)
    if kind is Like:
        shape = before[value.like].shape
    elif kind is Literally or kind not in SPECS:
        shape = shape_of(value.array if kind is Literally else value)
    else:
        shape = tuple(sizes[size] if isinstance(size, str) else size for size in value.shape)
    told = value.dtype if kind in SPECS else None
    itemsize = _itemsize(told or dtype)
    if not told and (kind in _WHOLE or kind is Literally or kind not in SPECS):  # they may be int64
        itemsize = max(itemsize, 8)
    own = value.layout if kind in SPECS else None
    return Taken(shape, max(_in_memory(layout, shape, itemsize) for layout in ([own] if own else layouts)))


def _itemsize(dtype: str) -> int:
    return int("".join(filter(str.isdigit, dtype)) or 8) // 8


def _in_memory(layout: str, shape: Shape, itemsize: int) -> int:
    """The bytes that an array takes in a layout: sliced it doubles in each dimension, far apart a row has pages."""
    size, dims = prod(shape) * itemsize, len(shape)
    if layout == "far":
        return size + 2 * PAGE * next((length for length in shape if length > 1), 0)
    swaps = layout in ("transposed", "channels_last", "batch_first")
    return size * 2**dims if layout == "sliced" or (swaps and dims < 2) else size


def _total(scenario: Scenario, taken: Mapping[str, Taken], dtype: str, given: Mapping[str, list[Any]]) -> int:
    """The arrays, the output and the upstream gradient, which may be sliced."""
    shape = _output(scenario.loss, {name: one.shape for name, one in taken.items()})
    is_whole = "reduction" not in scenario.signature.parameters
    keeps = is_whole or "none" in given.get("reduction", []) or False in given.get("reduce", [])
    spread = 1 + (2 ** len(shape) if keeps and "grad_output" not in taken else 0)
    return sum(one.bytes for one in taken.values()) + prod(shape) * spread * _itemsize(dtype)


def _output(loss: str, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of the values before they are reduced, or one as large."""
    largest = max(shapes.values(), key=prod, default=())
    if loss in _BY_PRODUCT:
        weights = [prod(shape[:-1]) for name, shape in shapes.items() if name.endswith("_weight")]
        return max(largest, (prod(shapes.get("input", ())[:-1]), max(weights, default=1)), key=prod)
    if loss in _BY_CLASS:
        return largest
    if loss not in losses.LOSSES:
        try:
            return np.broadcast_shapes(*shapes.values())
        except ValueError:  # such as labels beside rows of scores
            return largest
    broadcast = [shape for name, shape in shapes.items() if name != _ROWS.get(loss)]
    dims = max(map(len, broadcast), default=0)
    padded = [(*(1,) * (dims - len(shape)), *shape) for shape in broadcast]
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))

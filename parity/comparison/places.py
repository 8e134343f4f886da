"""Where in an array the numbers differ: rows, columns, and the places that the targets name."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity.types import Array


def where(bad: Array, arguments: Mapping[str, Any]) -> str:
    """What the places that differ have in common, as a predicate; '' if that is nothing, or if all differ."""
    if bad.ndim < 2 or not bad.any() or bad.all():
        return ""
    target = arguments.get("target")
    if isinstance(target, np.ndarray) and target.dtype.kind in "iu":
        named = _by_targets(bad, target, arguments.get("ignore_index"))
        if named:
            return named
    if bad.shape[-1] > 2 and bad[..., -1].any() and not bad[..., :-1].any():
        return "differs only in the last column"
    return _rows(bad)


def _by_targets(bad: Array, target: Array, ignore_index: int | None) -> str:
    """Whether only what belongs to the targets differs, the classes being in dimension 1."""
    if target.shape != (bad.shape[0], *bad.shape[2:]) or bad.shape[1] < 2:
        return ""
    ignored = target == (-100 if ignore_index is None else ignore_index)
    rows = np.moveaxis(bad, 1, -1)
    if ignored.any() and not rows[~ignored].any():
        return "differs only in ignored rows"
    wrong = rows.reshape(-1, rows.shape[-1]).nonzero()
    columns = target.reshape(-1)[wrong[0]]
    if len(wrong[0]) > 1 and np.array_equal(columns, wrong[1]):
        return "differs only in the target's column"
    return ""


def _rows(bad: Array) -> str:
    """Whole rows of the first dimension."""
    flat = bad.reshape(len(bad), -1)
    some, whole = flat.any(axis=1), flat.all(axis=1)
    if flat.shape[1] < 2 or not np.array_equal(some, whole):
        return ""
    return f"differs in whole rows: {_ranges(np.flatnonzero(whole).tolist())}"


def _ranges(numbers: list[int]) -> str:
    """'0, 2 to 5, 9'; the first few of many."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in runs]
    return ", ".join(texts[:4]) + (f" and {len(texts) - 4} more runs" if len(texts) > 4 else "")

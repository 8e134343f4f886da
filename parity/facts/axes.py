"""The axes of a call by what they stand for: rows, classes, positions or features, in every array that has them.

A relation such as "the order of the rows does not matter" is made of these, and of nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from parity import losses
from parity.facts.roles import Role, role_of, scores_of
from parity.types import Array

ROWS, CLASSES, FEATURES, POSITIONS = "rows", "classes", "features", "positions"
Labels = tuple[str, ...]
# Of these the numbers of a target stand for classes, and none of it can be ignored.
_LABELLED = ("multi_margin_loss", "multilabel_margin_loss")
_SOFTMAXES = ("softmax", "softmin", "log_softmax")


@dataclass(frozen=True, slots=True)
class Axes:
    """`arrays` labels each axis of each array; '' labels one that has no order to speak of, or is broadcast.

    `output` labels those of an output that is not reduced. `indices` are the arguments whose numbers are classes.
    """

    arrays: Mapping[str, Labels]
    output: Labels
    indices: tuple[str, ...] = ()

    def sizes(self, arguments: Mapping[str, Any]) -> dict[str, int]:
        """How long each labelled axis is."""
        return {
            label: arguments[name].shape[dim]
            for name, labels in self.arrays.items() for dim, label in enumerate(labels) if label
        }  # fmt: skip

    def of(self, name: str, array: Array) -> Labels:
        """The labels of the output, or of the gradient of an argument; none of an output that is reduced."""
        labels = self.output if name == "output" else self.arrays.get(name, ())
        return labels if len(labels) == array.ndim else ()


def axes_of(loss: str, arguments: Mapping[str, Any]) -> Axes:
    """The axes of a call of a loss."""
    arrays = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
    role = role_of(loss, arguments)
    if role.indices:
        return _of_indices(loss, arrays)
    if loss not in losses.LOSSES:
        return _of_rows(arrays)
    if loss in _LABELLED:
        return _of_labels(arrays)
    if loss in _SOFTMAXES:
        return _of_softmax(arrays, arguments)
    if loss == "ctc_loss":
        return _of_sequences(arrays)
    if role.sample or loss == "adaptive_log_softmax_with_loss":
        return _of_samples(loss, role, arrays, arguments)
    return _of_elements(loss, arrays)


def _dims(count: int) -> Labels:
    return (ROWS, *(f"{POSITIONS} {dim}" for dim in range(1, count)))[:count]


def _of_indices(loss: str, arrays: Mapping[str, Array]) -> Axes:
    """Scores (N, C, d1, ...), or (C); targets of the same shape, or without C. A layer has its classes in its rows."""
    scores = scores_of(arrays) or ""
    shape, target = arrays[scores].shape, arrays.get("target")
    inner = FEATURES if "linear_weight" in arrays else CLASSES
    labels = (ROWS, inner, *(f"{POSITIONS} {dim}" for dim in range(2, len(shape)))) if len(shape) > 1 else (inner,)
    output = tuple(label for label in labels if label != inner)
    found = {scores: labels, "weight": (CLASSES,), "linear_weight": (CLASSES, FEATURES), "linear_bias": (CLASSES,)}
    indices: tuple[str, ...] = ()
    if target is not None and target.dtype.kind in "iu":
        found["target"], indices = output, ("target", "ignore_index")
    elif target is not None:
        found["target"] = tuple(CLASSES if label == inner else label for label in labels)
    return Axes({name: found[name] for name in arrays if name in found}, output, indices)


def _of_rows(arrays: Mapping[str, Array]) -> Axes:
    """Of a loss that is not torch's: whatever is as long as the scores has the same rows."""
    scores = arrays.get(scores_of(arrays) or "")
    if scores is None or not scores.ndim:
        return Axes({}, ())
    found = {
        name: (ROWS, *[""] * (array.ndim - 1))
        for name, array in arrays.items() if array.ndim and len(array) == len(scores)
    }  # fmt: skip
    return Axes(found, (ROWS,))


def _of_labels(arrays: Mapping[str, Array]) -> Axes:
    """Scores (N, C) or (C) beside class labels: one a row, or several, in an order of their own."""
    batched = arrays["input"].ndim > 1
    labels = (ROWS, CLASSES) if batched else (CLASSES,)
    several = arrays["target"].shape == arrays["input"].shape and "weight" not in arrays
    target = (ROWS, "") if batched and several else (ROWS,) if batched else ("",) * arrays["target"].ndim
    found = {"input": labels, "target": target[: arrays["target"].ndim], "weight": (CLASSES,)}
    return Axes({name: found[name] for name in arrays if name in found}, (ROWS,) if batched else (), ("target",))


def _of_softmax(arrays: Mapping[str, Array], arguments: Mapping[str, Any]) -> Axes:
    count = arrays["input"].ndim
    dim = arguments.get("dim")
    dim = (0 if count in (0, 1, 3) else 1) if dim is None else int(dim) % max(count, 1)
    labels = [f"{POSITIONS} {number}" for number in range(count)]
    others = [number for number in range(count) if number != dim]
    if others:
        labels[others[0]] = ROWS
    if count:
        labels[dim] = CLASSES
    return Axes({"input": tuple(labels)}, tuple(labels))


def _of_sequences(arrays: Mapping[str, Array]) -> Axes:
    """Scores (T, N, C) or (T, C), labels (N, S); where lengths or labels are no arrays of N, rows keep their order."""
    batched = arrays["log_probs"].ndim > 2
    lengths = [arrays.get(name) for name in ("input_lengths", "target_lengths")]
    rows = ROWS if batched and arrays["targets"].ndim > 1 and all(one is not None for one in lengths) else ""
    found = {
        "log_probs": ("", rows, CLASSES) if batched else ("", CLASSES), "targets": (rows, "")[: arrays["targets"].ndim],
        "input_lengths": (rows,), "target_lengths": (rows,),
    }  # fmt: skip
    output = (rows,) if batched else ()
    return Axes({name: found[name][: arrays[name].ndim] for name in arrays}, output, ("targets", "blank"))


def _of_samples(loss: str, role: Role, arrays: Mapping[str, Array], arguments: Mapping[str, Any]) -> Axes:
    """Samples of features, or of classes, in the last axis, that broadcast; beside them a number a row."""
    inner = CLASSES if role.classes is not None else FEATURES
    if loss == "adaptive_log_softmax_with_loss" or arguments.get("distance_function") is not None:
        inner = ""
    single = {name for name in ("target",) if name in arrays and role.classes is None}
    whole = {name: array.shape for name, array in arrays.items() if name not in single}
    if loss == "adaptive_log_softmax_with_loss":
        whole = {"input": arrays["input"].shape}
    found = _aligned(whole, inner)
    count = max(len(shape) for shape in whole.values()) - 1
    if single:
        found |= _aligned({name: arrays[name].shape for name in single}, None, count)
    return Axes(found, _dims(count))


def _of_elements(loss: str, arrays: Mapping[str, Array]) -> Axes:
    shapes = {name: array.shape for name, array in arrays.items()}
    if loss == "gaussian_nll_loss" and shapes["var"] != shapes["input"] and shapes["var"] == shapes["input"][:-1]:
        shapes["var"] = (*shapes["var"], 1)
        found = _aligned(shapes, None)
        found["var"] = found["var"][:-1]
    else:
        found = _aligned(shapes, None)
    return Axes(found, _dims(max(map(len, shapes.values()))))


def _aligned(shapes: Mapping[str, tuple[int, ...]], inner: str | None, count: int = 0) -> dict[str, Labels]:
    """The labels of arrays that broadcast; `inner` labels the last axis. What is 1 where others are longer has none."""
    whole = [max(sizes) for sizes in zip_longest(*(shape[::-1] for shape in shapes.values()), fillvalue=1)][::-1]
    count = max(count, len(whole))
    names = _dims(count) if inner is None else (*_dims(count - 1), inner)
    names = names[count - len(whole) :]
    return {
        name: tuple(
            label if size == longest else ""
            for label, size, longest in zip(
                names[len(whole) - len(shape) :], shape, whole[len(whole) - len(shape) :], strict=True
            )
        )
        for name, shape in shapes.items()
    }  # fmt: skip

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
    if loss == "linear_cross_entropy":
        return _of_layer(arrays, arguments)
    if role.indices:
        return _of_indices(arrays)
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


def _of_indices(arrays: Mapping[str, Array]) -> Axes:
    """Scores (N, C, d1, ...), or (C); targets of the same shape, or without C."""
    scores = scores_of(arrays) or ""
    shape, target = arrays[scores].shape, arrays.get("target")
    labels = _with_classes(len(shape) - 1)
    output = tuple(label for label in labels if label != CLASSES)
    whole = target is None or target.dtype.kind not in "iu"
    found = {scores: labels, "target": labels if whole else output, "weight": (CLASSES,)}
    indices = () if whole else ("target", "ignore_index")
    return Axes({name: found[name] for name in arrays if name in found}, output, indices)


def _with_classes(others: int) -> Labels:
    outer = _dims(others)
    return (*outer[:1], CLASSES, *outer[1:])


def _of_layer(arrays: Mapping[str, Array], arguments: Mapping[str, Any]) -> Axes:
    """Features (N, D) or (D) and a layer (C, d1, ..., D); in chunks torch's own order of them shows."""
    batched, target = arrays["input"].ndim - 1, arrays["target"]
    if batched > 1 or arguments.get("options") is not None:
        return Axes({}, ())
    places = tuple(f"{POSITIONS} {dim}" for dim in range(1, arrays["linear_weight"].ndim - 1))
    output = (ROWS, *places) if batched else places
    whole = target.dtype.kind not in "iu"
    found = {
        "input": (ROWS, FEATURES) if batched else (FEATURES,), "linear_weight": (CLASSES, *places, FEATURES),
        "linear_bias": (CLASSES, *places), "weight": (CLASSES,),
        "target": (*output[:batched], CLASSES, *places) if whole else output,
    }  # fmt: skip
    indices = () if whole else ("target", "ignore_index")
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
    labels: Labels = (ROWS, CLASSES) if batched else (CLASSES,)
    several = arrays["target"].shape == arrays["input"].shape and "weight" not in arrays
    target: Labels = (ROWS, "") if batched and several else (ROWS,) if batched else ("",) * arrays["target"].ndim
    labels = labels[: arrays["input"].ndim]
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
    beside = role.classes is None and "target" in arrays
    shapes = {name: array.shape for name, array in arrays.items()}
    if loss == "adaptive_log_softmax_with_loss":
        shapes = {name: shapes[name] for name in ("input", "target")}
    if beside:
        shapes["target"] = (*shapes["target"], 1)
    found = _aligned(shapes, inner)
    if beside:
        found["target"] = found["target"][:-1]
    return Axes(found, _dims(max(max(map(len, shapes.values())) - 1, 0)))


def _of_elements(loss: str, arrays: Mapping[str, Array]) -> Axes:
    shapes = {name: array.shape for name, array in arrays.items()}
    if (
        loss == "gaussian_nll_loss"
        and shapes.get("var") not in (None, shapes["input"])
        and shapes["var"] == shapes["input"][:-1]
    ):
        shapes["var"] = (*shapes["var"], 1)
        found = _aligned(shapes, None)
        found["var"] = found["var"][:-1]
    else:
        found = _aligned(shapes, None)
    return Axes(found, _dims(max(map(len, shapes.values()))))


def _aligned(shapes: Mapping[str, tuple[int, ...]], inner: str | None) -> dict[str, Labels]:
    """The labels of arrays that broadcast; `inner` labels the last axis. What is 1 where others are longer has none."""
    whole = [max(sizes) for sizes in zip_longest(*(shape[::-1] for shape in shapes.values()), fillvalue=1)][::-1]
    names = _dims(len(whole)) if inner is None else (*_dims(len(whole) - 1), inner)[: len(whole)]
    return {
        name: tuple(
            label if size == longest else ""
            for label, size, longest in zip(
                names[len(whole) - len(shape) :], shape, whole[len(whole) - len(shape) :], strict=True
            )
        )
        for name, shape in shapes.items()
    }  # fmt: skip

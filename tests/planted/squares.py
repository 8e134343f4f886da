"""Bugs of axes: an argument that lines up with the other axis where the sizes of both are the same."""

from collections.abc import Callable
from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Gradients, Loss, Result
from tests.planted import planted, with_gradients

_SAYS = ("value", "differs in ")
_Turn = Callable[[Array], Array]


def _wrong_axis(loss: str, name: str, beside: str, turn: _Turn, applies: Callable[[Array, Array], bool]) -> Any:
    """The loss that turns one argument first, where `applies` says so of it and the one that it stands beside."""

    def confused(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        array, other = arguments.get(name), arguments.get(beside)
        if not isinstance(array, np.ndarray) or not isinstance(other, np.ndarray) or not applies(array, other):
            return function(**arguments)

        def back(found: Gradients) -> Gradients:
            return found | {name: found[name].reshape(array.shape)} if name in found else found

        return with_gradients(function(**arguments | {name: turn(array)}), back)

    return confused


def _of_a_square(array: Array, other: Array) -> bool:
    """Whether it is a row or column beside a square matrix."""
    return other.ndim == 2 and other.shape[0] == other.shape[1] > 1 and array.shape != other.shape and array.size > 1


def _row_for_column(array: Array) -> Array:
    return array.reshape(1, -1) if array.shape[1:] == (1,) else array.reshape(-1, 1)


def _even_square(array: Array, other: Array) -> bool:
    """Whether it is a square matrix itself."""
    return array.ndim == 2 and array.shape[0] == array.shape[1] > 1


def _transposed(array: Array) -> Array:
    return np.ascontiguousarray(array.T)


_BROADCAST = [
    *((loss, name, {"input": "target", "target": "input"}[name]) for loss in (
        "l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "hinge_embedding_loss", "poisson_nll_loss", "kl_div",
        "gaussian_nll_loss", "multilabel_soft_margin_loss",
    ) for name in ("input", "target")),
    ("soft_margin_loss", "target", "input"),
    ("binary_cross_entropy", "weight", "input"), ("binary_cross_entropy_with_logits", "weight", "input"),
    ("binary_cross_entropy_with_logits", "pos_weight", "input"), ("multilabel_soft_margin_loss", "weight", "input"),
    ("margin_ranking_loss", "input1", "input2"), ("margin_ranking_loss", "input2", "input1"),
    ("margin_ranking_loss", "target", "input1"), ("cosine_embedding_loss", "input1", "input2"),
    ("cosine_embedding_loss", "input2", "input1"),
    *((loss, name, beside) for loss in ("triplet_margin_loss", "triplet_margin_with_distance_loss")
      for name, beside in (("anchor", "positive"), ("positive", "anchor"), ("negative", "anchor"))),
]  # fmt: skip
for _loss, _name, _beside in _BROADCAST:
    if _loss == "gaussian_nll_loss" and _name == "input":
        continue  # var goes with input
    planted(_loss, f"a row of {_name} is a column beside a square", *_SAYS)(
        _wrong_axis(_loss, _name, _beside, _row_for_column, _of_a_square)
    )


def _one_row_for_each(array: Array) -> Array:
    """A variance for each row as one for each column, and the other way round."""
    return array.reshape(1, -1) if array.ndim == 1 or array.shape[1] == 1 else array.reshape(-1, 1)


planted("gaussian_nll_loss", "a row of var is a column beside a square", *_SAYS)(
    _wrong_axis("gaussian_nll_loss", "var", "input", _one_row_for_each, _of_a_square)
)
for _loss, _name in (
    ("cross_entropy", "target"), ("nll_loss", "target"), ("multilabel_margin_loss", "target"), ("ctc_loss", "targets"),
    ("linear_cross_entropy", "linear_weight"), ("adaptive_log_softmax_with_loss", "head_weight"),
    ("softmax", "input"), ("log_softmax", "input"), ("softmin", "input"), ("multi_margin_loss", "input"),
    ("multilabel_margin_loss", "input"), ("adaptive_log_softmax_with_loss", "tail_0_0_weight"),
    ("adaptive_log_softmax_with_loss", "tail_0_1_weight"), ("linear_cross_entropy", "input"),
):  # fmt: skip
    planted(_loss, f"a square {_name} is read in columns", *_SAYS)(
        _wrong_axis(_loss, _name, _name, _transposed, _even_square)
    )


def _by_row(loss: str, name: str) -> Any:
    """The loss whose weight of a class is that of a row, where there are as many rows as classes."""

    def confused(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        weight, target = arguments.get(name), arguments["target"]
        logits = arguments.get("linear_weight", arguments["input"])
        if weight is None or logits.ndim != 2 or target.ndim != 1:
            return function(**arguments)
        classes = len(logits) if "linear_weight" in arguments else logits.shape[1]
        if len(target) != classes or weight.shape != (classes,):
            return function(**arguments)
        if target.dtype != np.int64 or (target < 0).any() or (target >= classes).any():
            return function(**arguments)
        turned = weight.copy()
        turned[target] = weight
        return with_gradients(function(**arguments | {name: turned}), lambda found: found)

    return confused


for _loss in ("cross_entropy", "nll_loss", "multi_margin_loss", "linear_cross_entropy"):
    planted(_loss, "a weight of a class is that of a row, of as many", *_SAYS)(_by_row(_loss, "weight"))


@planted("ctc_loss", "as many frames as samples are told by the other axis", *_SAYS)
def _(log_probs: Array, *args: Any, **options: Any) -> Result:
    if log_probs.ndim != 3 or log_probs.shape[0] != log_probs.shape[1] or log_probs.shape[0] < 2:
        return losses.ctc_loss(log_probs, *args, **options)
    result = losses.ctc_loss(np.ascontiguousarray(log_probs.swapaxes(0, 1)), *args, **options)
    return with_gradients(result, lambda found: {"log_probs": np.ascontiguousarray(found["log_probs"].swapaxes(0, 1))})


def _places_swapped(loss: str) -> Any:
    """The loss that reads the places of a square image in columns, targets alone."""

    def confused(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        target, input = arguments["target"], arguments["input"]
        if target.ndim == 3 and input.ndim == 4 and target.shape[1] == target.shape[2] > 1:
            arguments["target"] = np.ascontiguousarray(target.swapaxes(1, 2))
        return function(**arguments)

    return confused


for _loss in ("cross_entropy", "nll_loss"):
    planted(_loss, "targets of a square image are read in columns", *_SAYS)(_places_swapped(_loss))

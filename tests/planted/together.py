"""Bugs where several options meet, and of kernels that look at a few numbers of an array for all of them."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from parity import losses
from parity.dtypes import HALVES
from parity.losses.registration import without_warnings
from parity.types import Array, Result
from tests.planted import planted, with_gradients

Call = dict[str, Any]
Where = Callable[[Call], Any]
_OFF = ("value", "output ...differs in ")
# As a loss without a dimension, a target or a weight has no such word: what a call lacks is nowhere.
_NOWHERE = (KeyError, IndexError, AttributeError, TypeError, ValueError)


def _meets(call: Call, where: Where) -> bool:
    try:
        return bool(where(call))
    except _NOWHERE:
        return False


def wrong(loss: str, name: str, where: Where, change: Callable[[Call], Any] | None = None) -> None:
    """A loss that changes its arguments where a call is of some kind, or answers half as much again there."""
    right = losses.LOSSES[loss]
    taken = signature(right)

    @without_warnings
    def changed(*args: Any, **options: Any) -> Result:
        bound = taken.bind(*args, **options)
        bound.apply_defaults()
        call: Call = bound.arguments
        if not _meets(call, where):
            return right(*args, **options)
        if change is not None:
            change(call)
            return right(*bound.args, **bound.kwargs)
        output, vjp = with_gradients(right(*args, **options), lambda found: {k: _more(g) for k, g in found.items()})
        return _more(output), vjp

    planted(loss, name, *_OFF)(changed)


def _more(answer: Array) -> Array:
    """Half as large again, and 0 no more."""
    wide = answer.astype(np.float32) if answer.dtype in HALVES else answer
    return np.asarray(wide * 1.5 + 0.25, answer.dtype)


def _index(call: Call) -> bool:
    return bool(call["target"].dtype.kind in "iu")


def ignores(call: Call) -> bool:
    return _index(call) and bool((call["target"] == call["ignore_index"]).any())


def _weighs_and_ignores(call: Call) -> bool:
    return call["weight"] is not None and ignores(call)


def _unweighted(call: Call) -> None:
    call["weight"] = None


def gaps(array: Array | None) -> bool:
    return array is not None and array.size > 1 and not array.flags.c_contiguous


def _one_slope(weight: Array) -> bool:
    return weight.size > 2 and weight.flat[0] == weight.flat[1] != weight.flat[-1]


# Arrays of which a few numbers are looked at.
for _loss in ("cross_entropy", "nll_loss"):
    wrong(
        _loss, "targets that begin and end in order are the diagonal",
        lambda c: c["target"][0] == 0 and c["target"][-1] == len(c["target"]) - 1 == c["input"].shape[1] - 1 > 1,
        lambda c: c.update(target=np.arange(len(c["target"]), dtype=c["target"].dtype)),
    )  # fmt: skip
    wrong(
        _loss, "weights of 1 on average are left out",
        lambda c: abs(c["weight"].astype(np.float64).mean() - 1) < 1e-6 and not (c["weight"] == 1).all(), _unweighted,
    )  # fmt: skip
    wrong(
        _loss, "weights of which the first two are alike are uniform", lambda c: _one_slope(c["weight"]),
        lambda c: c.update(weight=np.full_like(c["weight"], c["weight"].flat[0])),
    )  # fmt: skip
    wrong(
        _loss, "targets in descending order are of another kernel",
        lambda c: c["target"].ndim == 1 and len(c["target"]) > 3 and (np.diff(c["target"].astype(int)) < 0).all(),
    )  # fmt: skip
    wrong(_loss, "images of one column are wrong", lambda c: c["input"].ndim == 4 and c["input"].shape[3] == 1)
    wrong(_loss, "images of one class are wrong", lambda c: c["input"].ndim == 4 and c["input"].shape[1] == 1)
    wrong(_loss, "six dimensions are wrong", lambda c: c["input"].ndim == 6)
    wrong(
        _loss, "ignored targets of weighted halves count in sequences",
        lambda c: c["input"].ndim == 3 and c["input"].dtype == np.float16 and _weighs_and_ignores(c),
    )  # fmt: skip
    wrong(
        _loss, "weights of sequences of one position are wrong",
        lambda c: c["input"].ndim == 3 and c["input"].shape[2] == 1 < c["input"].shape[0] and c["weight"] is not None,
    )  # fmt: skip
    wrong(
        _loss, "weights with gaps are wrong beside ignored targets",
        lambda c: c["weight"].size > 1 and c["weight"].strides != (c["weight"].itemsize,) and ignores(c),
    )  # fmt: skip
    wrong(
        _loss, "transposed rows are wrong beside weights and ignored targets",
        lambda c: c["input"].ndim == 2 and gaps(c["input"]) and _weighs_and_ignores(c),
    )  # fmt: skip
    wrong(
        _loss, "weights and ignored targets of wide rows are wrong in the sum",
        lambda c: c["input"].shape[1] > 1024 and c["reduction"] == "sum" and _weighs_and_ignores(c),
    )  # fmt: skip
    wrong(
        _loss, "weights of wide rows of halves are wrong",
        lambda c: c["input"].shape[1] > 1024 and c["input"].dtype == np.float16 and c["weight"] is not None,
    )  # fmt: skip
    wrong(
        _loss, "the weighted sum over a thousand rows is wrong",
        lambda c: c["input"].ndim == 2 and len(c["input"]) > 1000 and c["reduction"] == "sum" and c["weight"].size,
    )  # fmt: skip
wrong(
    "cross_entropy", "smoothing stops at a half", lambda c: 0.5 < c["label_smoothing"] < 1,
    lambda c: c.update(label_smoothing=0.5),
)  # fmt: skip
wrong("cross_entropy", "smoothing below a thousandth is wrong", lambda c: 0 < c["label_smoothing"] < 1e-3)
wrong("cross_entropy", "logits with gaps are smoothed wrongly", lambda c: gaps(c["input"]) and c["label_smoothing"] > 0)
wrong(
    "cross_entropy", "probabilities are classes where the first row is one-hot",
    lambda c: not _index(c) and c["target"].ndim == 2 and sorted(c["target"][0])[:-1] == [0] * (c["input"].shape[1] - 1)
    and c["target"][0].max() == 1 and not np.isin(c["target"], (0, 1)).all(),
    lambda c: c.update(target=(c["target"] == c["target"].max(1, keepdims=True)).astype(c["target"].dtype)),
)  # fmt: skip
wrong(
    "cross_entropy", "probabilities that are all alike are wrong",
    lambda c: not _index(c) and min(c["input"].shape[:2]) > 1 and (c["target"] == c["target"].flat[0]).all(),
)  # fmt: skip
wrong(
    "cross_entropy", "logits that are probabilities are taken for them",
    lambda c: c["input"].ndim == 2 and (c["input"] >= 0).all()
    and np.allclose(c["input"].astype(float).sum(1), 1, atol=1e-3),
)  # fmt: skip

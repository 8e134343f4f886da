"""More bugs where several options meet: slices, activations, targets between 0 and 1, alignments and linear maps."""

import numpy as np

from parity.dtypes import HALVES
from tests.planted.together import Call, gaps, ignores, wrong


def _length(c: Call) -> int:
    return int(c["input"].shape[c["dim"]])


def _wide(c: Call, least: int) -> bool:
    return c["input"].ndim == 2 and _length(c) > least


def _alike(c: Call) -> bool:
    return bool(c["input"].size > 4 and (c["input"] == c["input"].flat[0]).all())


def _sums_to_one(c: Call) -> bool:
    sums = c["input"].astype(float).sum(c["dim"])
    return _length(c) > 1 and bool((c["input"] >= 0).all()) and np.allclose(sums, 1, atol=1e-3)


# Slices and activations.
for _loss in ("softmax", "log_softmax", "softmin"):
    wrong(
        _loss, "slices of one number are sure, whatever it is",
        lambda c: _length(c) == 1 and c["input"].ndim > 1 and not np.isfinite(c["input"].astype(np.float32)).all(),
        lambda c: c.update(input=np.zeros_like(c["input"])),
    )  # fmt: skip
    wrong(
        _loss,
        "a dtype is wrong in the middle of four",
        lambda c: c["input"].ndim == 4 and c["dim"] == -2 and c["dtype"],
    )
    wrong(
        _loss,
        "a dtype is wrong in long columns",
        lambda c: c["input"].ndim == 2 and c["dim"] == 0 and _length(c) > 99 and c["dtype"],
    )
    wrong(
        _loss,
        "columns of whole numbers are wrong",
        lambda c: c["input"].dtype.kind in "iu" and c["dim"] == 0 and c["input"].ndim > 1 and c["dtype"],
    )
    wrong(_loss, "six dimensions are wrong", lambda c: c["input"].ndim == 6)
    wrong(
        _loss, "wide slices of equal numbers are wrong",
        lambda c: _wide(c, 64) and (np.ptp(c["input"].astype(float), axis=c["dim"]) == 0).all(),
    )  # fmt: skip
    wrong(
        _loss, "wide slices in ascending order are wrong",
        lambda c: _wide(c, 32) and (np.diff(c["input"].astype(float), axis=c["dim"]) > 0).all(),
    )  # fmt: skip
    wrong(
        _loss, "slices that are probabilities are left as they are",
        _sums_to_one,
    )  # fmt: skip
for _loss in ("sigmoid", "logsigmoid"):
    wrong(_loss, "six dimensions are wrong", lambda c: c["input"].ndim == 6)
    wrong(
        _loss,
        "vectors in ascending order are wrong",
        lambda c: c["input"].ndim == 1 and c["input"].size > 4 and (np.diff(c["input"].astype(float)) > 0).all(),
    )
    wrong(
        _loss,
        "logits that are all alike are wrong",
        _alike,
    )

# Targets between 0 and 1.
for _loss in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
    wrong(_loss, "targets that are all a half are wrong", lambda c: c["target"].size > 2 and (c["target"] == 0.5).all())
    wrong(
        _loss, "weights broadcast to three dimensions are wrong in doubles",
        lambda c: c["weight"].ndim == c["input"].ndim == 3 and c["input"].dtype == np.float64
        and c["weight"].shape != c["input"].shape,
    )  # fmt: skip
    wrong(
        _loss,
        "the weighted mean of a thousand rows is wrong",
        lambda c: c["weight"].size and len(c["input"]) > 1000 and c["reduction"] == "mean",
    )
wrong(
    "binary_cross_entropy",
    "inputs that are all a half are wrong",
    lambda c: c["input"].size > 2 and (c["input"] == 0.5).all(),
)
_LOGITS = "binary_cross_entropy_with_logits"
wrong(_LOGITS, "pos_weight is wrong in images", lambda c: c["pos_weight"].ndim == 3 and c["input"].ndim == 4)
wrong(_LOGITS, "pos_weight is wrong at logits of 0", lambda c: c["pos_weight"].size > 1 and (c["input"] == 0).any())
wrong(
    _LOGITS,
    "targets that are the logits are wrong",
    lambda c: c["input"].size > 2 and (c["input"] == c["target"]).all(),
)
wrong(
    "multilabel_soft_margin_loss", "targets that are the scores are wrong",
    lambda c: c["input"].shape == c["target"].shape and c["input"].size > 2 and (c["input"] == c["target"]).all(),
)  # fmt: skip
wrong(
    "multi_margin_loss",
    "weighted squares are wrong beside a margin of 0",
    lambda c: c["p"] == 2 and c["margin"] <= 0 and c["weight"].size,
)
wrong("multi_margin_loss", "a huge margin is wrong", lambda c: 1e9 < c["margin"] < 1e30)
wrong(
    "multi_margin_loss",
    "one sample has the margin of 1",
    lambda c: c["input"].ndim == 1 and c["margin"] != 1,
    lambda c: c.update(margin=1.0),
)
wrong(
    "multi_margin_loss",
    "weighted squares of many rows are wrong",
    lambda c: c["p"] == 2 and c["weight"].size and len(c["input"]) > 300,
)
wrong(
    "multilabel_margin_loss",
    "wide rows of equal scores are wrong",
    lambda c: c["input"].ndim == 2 and c["input"].shape[1] > 32 and (c["input"] == c["input"].flat[0]).all(),
)

# Alignments and linear maps.
wrong(
    "ctc_loss",
    "the first empty target of a row takes a label",
    lambda c: (
        c["targets"].ndim == 1
        and c["log_probs"].ndim == 3
        and c["targets"].size
        and c["target_lengths"][0] == 0 < len(c["target_lengths"]) - 1
    ),
)
wrong(
    "ctc_loss",
    "frames in descending order are wrong",
    lambda c: len(c["input_lengths"]) > 2 and (np.diff(c["input_lengths"]) < 0).all(),
)
wrong(
    "ctc_loss",
    "targets of 32 bits have the blank 0",
    lambda c: c["targets"].dtype == np.int32 and c["targets"].ndim == 2 and c["blank"],
    lambda c: c.update(blank=0),
)
wrong(
    "ctc_loss",
    "targets and lengths of 32 bits are wrong",
    lambda c: c["targets"].dtype == np.int32 == c["input_lengths"].dtype,
)
wrong(
    "ctc_loss",
    "log_probs with gaps have the blank 0",
    lambda c: c["blank"] and gaps(c["log_probs"]),
    lambda c: c.update(blank=0),
)
_LINEAR = "linear_cross_entropy"
wrong(
    _LINEAR,
    "the bias of halves with gaps is wrong",
    lambda c: (
        c["linear_bias"].size > 1
        and c["linear_bias"].strides != (c["linear_bias"].itemsize,)
        and c["input"].dtype == np.float16
    ),
)
wrong(_LINEAR, "the bias of one class is left out", lambda c: c["linear_bias"].size == 1)
wrong(
    _LINEAR,
    "a bias is wrong beside ignored targets of many classes",
    lambda c: c["linear_bias"].size > 300 and ignores(c),
)
wrong(
    _LINEAR,
    "weights of uint8 targets are wrong beside a bias",
    lambda c: c["target"].dtype == np.uint8 and c["linear_bias"].size and c["weight"].size,
)
wrong(
    _LINEAR,
    "smoothed weighted halves are wrong one by one",
    lambda c: (
        c["label_smoothing"] > 0
        and c["weight"].size
        and c["linear_bias"].size
        and c["reduction"] == "none"
        and c["input"].dtype in HALVES
    ),
)
wrong(
    _LINEAR,
    "a matrix with gaps is wrong beside smoothing and a bias",
    lambda c: gaps(c["linear_weight"]) and c["label_smoothing"] > 0 and c["linear_bias"].size,
)

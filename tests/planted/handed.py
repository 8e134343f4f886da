"""Reported bugs of what is not handed on: refusals of a reduction, a lone 0, labels and lengths that are cut."""

from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Result
from tests.planted import planted


def _lenient(loss: str) -> Any:
    """The loss that reads another class where nothing is averaged: pytorch/pytorch issues 194802 and 12670."""

    def function(**arguments: Any) -> Result:
        try:
            return losses.LOSSES[loss](**arguments)
        except (IndexError, RuntimeError):
            input, target = arguments["input"], arguments["target"]
            if arguments.get("reduction", "mean") == "mean":
                raise
            classes = len(arguments["linear_weight"]) if "linear_weight" in arguments else input.shape[input.ndim > 1]
            return losses.LOSSES[loss](**arguments | {"target": np.asarray(target.clip(0, classes - 1))})

    return function


for _loss in ("cross_entropy", "nll_loss", "linear_cross_entropy", "multi_margin_loss"):
    planted(_loss, "the mean alone refuses a class out of range", "missing", "answers where torch raises")(
        _lenient(_loss)
    )


def _truthful(loss: str, option: str) -> Any:
    """The loss that asks for an option with `if weight:`, as Jwoo5/fairseq-signals pull 14 mends."""

    def function(**arguments: Any) -> Result:
        value = arguments.get(option)
        absent = isinstance(value, np.ndarray) and value.size == 1 and not value.any()
        return losses.LOSSES[loss](**arguments | ({option: None} if absent else {}))

    return function


for _loss, _option in (
    ("cross_entropy", "weight"), ("nll_loss", "weight"), ("linear_cross_entropy", "weight"),
    ("binary_cross_entropy", "weight"), ("binary_cross_entropy_with_logits", "weight"),
    ("binary_cross_entropy_with_logits", "pos_weight"), ("multilabel_soft_margin_loss", "weight"),
    ("mse_loss", "weight"), ("l1_loss", "weight"), ("huber_loss", "weight"),
):  # fmt: skip
    planted(_loss, f"a lone 0 for {_option} is none", "value", "output ...differs in")(_truthful(_loss, _option))


@planted(
    "ctc_loss",
    "target lengths are cut to the frames",  # open-mmlab/mmocr pull 1618
    "value",
    "torch has inf",
)
def _(log_probs: Array, targets: Array, input_lengths: Any, target_lengths: Any, *args: Any, **options: Any) -> Result:
    frames = log_probs.shape[0]
    if isinstance(target_lengths, np.ndarray) and target_lengths.dtype.kind == "i" and targets.ndim < 3:
        longest = target_lengths.max(initial=0)
        # concatenated targets are as many as the lengths say
        if longest > frames and (targets.ndim == 2 or target_lengths.ndim == 0):
            targets = targets[..., :frames] if targets.ndim == 1 else targets
            target_lengths = np.asarray(np.minimum(target_lengths, frames))
    return losses.ctc_loss(log_probs, targets, input_lengths, target_lengths, *args, **options)


@planted(
    "nll_loss",
    "the default ignore_index is cut to 8 bits beside uint8 targets",  # generalised from pytorch/pytorch pull 109574
    "value",
    "output ...differs in",
)
def _(input: Array, target: Array, weight: Array | None = None, *args: Any, **options: Any) -> Result:
    if target.dtype == np.uint8 and options.get("ignore_index", -100) == -100:
        options["ignore_index"] = 156
    return losses.nll_loss(input, target, weight, *args, **options)


@planted(
    "margin_ranking_loss",
    "a target for each row is a column",  # as the documents had it: pytorch/pytorch issues 42864 and 9526
    "missing",
    "answers where torch raises",
)
def _(input1: Array, input2: Array, target: Array, *args: Any, **options: Any) -> Result:
    if 0 < target.ndim < input1.ndim == input2.ndim and target.shape == input1.shape[: target.ndim]:
        target = target.reshape(target.shape + (1,) * (input1.ndim - target.ndim))
    return losses.margin_ranking_loss(input1, input2, target, *args, **options)

"""Reported bugs of what is not handed on: options under a transformation, refusals of a reduction, a lone 0."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.autograd.forward_ad as forward_mode
import torch.nn.functional as F
from torch._C._functorch import is_batchedtensor

from parity import losses
from parity.types import Array, Result
from tests.planted import planted


def _mapped(tensor: torch.Tensor) -> bool:
    return bool(is_batchedtensor(tensor))


def _dual(tensor: torch.Tensor) -> bool:
    """Whether it has a tangent; there is none to look for outside of a level of forward mode."""
    return forward_mode._current_level >= 0 and forward_mode.unpack_dual(tensor).tangent is not None


def _plain_under(loss: str, option: str, changed: Callable[[torch.Tensor], bool]) -> Any:
    """The loss whose rule for a transformation does not hand on an option: pytorch/pytorch issues 105736 and 90916."""
    right = getattr(F, loss)
    signature = inspect.signature(getattr(losses, loss) if loss == "binary_cross_entropy_with_logits" else right)

    def function(*args: Any, **options: Any) -> Any:
        bound = signature.bind(*args, **options)
        if any(isinstance(value, torch.Tensor) and changed(value) for value in bound.arguments.values()):
            bound.arguments.pop(option, None)
        return right(*bound.args, **bound.kwargs)

    return function


# torch has no tangents of ctc_loss
for _loss, _options, _tangents in (
    ("cross_entropy", ("ignore_index",), True), ("nll_loss", ("ignore_index",), True),
    ("linear_cross_entropy", ("ignore_index",), True), ("kl_div", ("log_target",), True),
    ("ctc_loss", ("blank", "zero_infinity"), False), ("cosine_embedding_loss", ("margin",), True),
    ("gaussian_nll_loss", ("eps",), True), ("hinge_embedding_loss", ("margin",), True),
    ("huber_loss", ("delta", "weight"), True), ("l1_loss", ("weight",), True), ("mse_loss", ("weight",), True),
    ("margin_ranking_loss", ("margin",), True), ("poisson_nll_loss", ("log_input", "full", "eps"), True),
    ("smooth_l1_loss", ("beta",), True), ("triplet_margin_loss", ("margin", "p", "eps", "swap"), True),
    ("triplet_margin_with_distance_loss", ("margin", "swap"), True),
):  # fmt: skip
    for _option in _options:
        # torch's gaussian_nll_loss looks at the numbers of var, which vmap refuses
        if _loss != "gaussian_nll_loss":
            planted(_loss, f"{_option} is not handed on to vmap", "value", "under vmap, output ", framework="torch")(
                _plain_under(_loss, _option, _mapped)
            )
        if _tangents:
            planted(
                _loss, f"{_option} is not handed on to the tangent", "value", "tangent, output ", framework="torch"
            )(_plain_under(_loss, _option, _dual))


def _nan_beside(loss: str) -> Any:
    """The loss whose tangent multiplies an infinite logarithm by a weight of 0: google-deepmind/optax pull 1762."""

    def function(input: torch.Tensor, *args: Any, **options: Any) -> Any:
        output = getattr(F, loss)(input, *args, **options)
        if not _dual(input) or not torch.isinf(forward_mode.unpack_dual(input).primal).any():
            return output
        primal = forward_mode.unpack_dual(output).primal
        return output + forward_mode.make_dual(torch.zeros_like(primal), torch.full_like(primal, torch.nan))

    return function


for _loss in ("softmax", "log_softmax", "softmin", "cross_entropy", "nll_loss"):
    planted(
        _loss, "the tangent of a masked logit is nan", "value", "tangent, output ... nan, torch has", framework="torch"
    )(_nan_beside(_loss))


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
    planted(_loss, f"a lone 0 for {_option} is none", "value", "output ...")(_truthful(_loss, _option))


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
    "output ...",
)
def _(input: Array, target: Array, weight: Array | None = None, *args: Any, **options: Any) -> Result:
    if target.dtype == np.uint8 and options.get("ignore_index", -100) == -100:
        options["ignore_index"] = 156
    return losses.nll_loss(input, target, weight, *args, **options)

"""Bugs of options and layouts: one that is left out, two that are swapped, memory read in the wrong order."""

from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Loss, Result
from tests.planted import planted, with_gradients


def _without(loss: str, *options: str) -> Any:
    """The loss with these options left out."""

    def forgetful(*args: Any, **arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        return function(*args, **{k: v for k, v in arguments.items() if k not in options})

    return forgetful


_OUTPUT = ("value", "output ...differs in ..., torch is the nearer")

_LEFT_OUT = {
    "huber_loss": ["delta"], "smooth_l1_loss": ["beta"], "margin_ranking_loss": ["margin"],
    "hinge_embedding_loss": ["margin"], "cosine_embedding_loss": ["margin"],
    "multi_margin_loss": ["p", "margin", "weight"], "triplet_margin_loss": ["p", "swap", "margin"],
    "ctc_loss": ["blank", "zero_infinity"], "binary_cross_entropy": ["weight"], "kl_div": ["log_target"],
    "poisson_nll_loss": ["log_input", "full"], "linear_cross_entropy": ["weight", "label_smoothing"],
    "triplet_margin_with_distance_loss": ["distance_function"], "gaussian_nll_loss": ["eps"], "nll_loss": ["weight"],
    "mse_loss": ["size_average"],
}  # fmt: skip
for _loss, _options in _LEFT_OUT.items():
    for _option in _options:
        _says = f"is torch's as if {_option} were absent"
        planted(_loss, f"{_option} is left out", "value", _says)(_without(_loss, _option))
for _loss, _option, _kind, _says in (
    ("softmax", "dtype", "dtype", "output has dtype ..., torch's has "),
    ("cross_entropy", "reduce", "shape", "output has shape [], torch's has ["),
    *(
        (loss, name, "missing", f"gradient of {name} is missing, torch has one") for loss, name in (
            ("huber_loss", "weight"), ("l1_loss", "weight"), ("mse_loss", "weight"),
            ("multilabel_soft_margin_loss", "weight"), ("linear_cross_entropy", "linear_bias"),
            ("adaptive_log_softmax_with_loss", "head_bias"),
        )
    ),
):  # fmt: skip
    planted(_loss, f"{_option} is left out", _kind, _says)(_without(_loss, _option))


def _in_memory_order(loss: str, name: str) -> Any:
    """The loss that reads one argument as if it were contiguous."""

    def misread(**arguments: Any) -> Result:
        array = arguments.get(name)
        if isinstance(array, np.ndarray) and array.ndim > 1 and array.size and not array.flags.c_contiguous:
            order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
            arguments[name] = np.ascontiguousarray(array.transpose(order)).reshape(array.shape)
        function: Loss = getattr(losses, loss)
        return function(**arguments)

    return misread


for _loss, _name in (
    ("mse_loss", "target"), ("kl_div", "input"), ("cross_entropy", "input"), ("binary_cross_entropy", "weight"),
    ("gaussian_nll_loss", "var"), ("triplet_margin_loss", "negative"), ("softmax", "input"), ("l1_loss", "weight"),
):  # fmt: skip
    planted(_loss, f"{_name} is read in memory order", *_OUTPUT)(_in_memory_order(_loss, _name))


@planted("softmax", "dim counts from the other end", "value", "output is torch's over dimension")
def _(input: Array, dim: int | None = None, **options: Any) -> Result:
    wrong = -1 - dim if dim is not None and input.ndim > 1 else dim
    return losses.softmax(input, wrong, **options)


@planted("softmin", "it is softmax", "value", "output equals softmax(input)")
def _(*args: Any, **options: Any) -> Result:
    return losses.softmax(*args, **options)


@planted(
    "l1_loss",
    "the mean divides by the number of elements, not by the weights",
    "value",
    "gradient of input is 1.25 times torch's throughout",
)
def _(input: Array, target: Array, weight: Array | None = None, **options: Any) -> Result:
    output, vjp = losses.l1_loss(input, target, weight=weight, **options)
    if weight is None or output.ndim:
        return output, vjp
    factor = output.dtype.type(1.25)
    return output * factor, lambda g: vjp(g * factor)


@planted("mse_loss", "float32 and float64 give float32", "dtype", "output has dtype float32, torch's has float64")
def _(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.mse_loss(input, target, **options)
    return output.astype(input.dtype) if input.dtype.kind == "f" else output, lambda g: vjp(g.astype(output.dtype))


@planted("mse_loss", "a batch of none raises", "raises", "the forward raises ValueError: the batch is empty")
def _(input: Array, target: Array, **options: Any) -> Result:
    if not input.size:
        raise ValueError("the batch is empty")
    return losses.mse_loss(input, target, **options)


@planted(
    "binary_cross_entropy_with_logits", "shapes broadcast where torch refuses", "missing", "answers where torch raises"
)
def _(input: Array, target: Array, **options: Any) -> Result:
    try:
        return losses.binary_cross_entropy_with_logits(input, target, **options)
    except ValueError:
        wide = np.broadcast_to(target, np.broadcast_shapes(input.shape, target.shape))
        result = losses.binary_cross_entropy_with_logits(np.broadcast_to(input, wide.shape), wide, **options)
        return with_gradients(result, lambda found: found)


@planted(
    "multilabel_margin_loss",
    "labels after the first -1 count",
    "value",
    "output ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    if target.ndim and target.shape[-1] > 1 and (target >= -1).all():
        target = np.sort(target, axis=-1)[..., ::-1].copy()
    return losses.multilabel_margin_loss(input, target, **options)


@planted(
    "multilabel_soft_margin_loss", "reduction none does not average over the classes", "shape", "output has shape ["
)
def _(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean", **options: Any) -> Result:
    if reduction == "none" and not options and input.shape == target.shape and input.ndim > 1:
        return losses.binary_cross_entropy_with_logits(input, target, weight, reduction="none")
    return losses.multilabel_soft_margin_loss(input, target, weight, reduction=reduction, **options)

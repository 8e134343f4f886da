"""Bugs of the losses that torch lacks, those of classes and regions: what a fused kernel of them gets wrong."""

from typing import Any

import numpy as np

from examples import by_hand
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result
from tests.planted import divided, planted, with_gradients, with_input_gradient

_OUTPUT = ("value", "output ..., torch is the nearer")
_INPUT = ("value", "gradient of input ..., torch is the nearer")


@planted("sigmoid_focal_loss", "what is missing of a probability is a difference", *_OUTPUT)
@without_warnings
def _(input: Array, target: Array, alpha: float | None = 0.25, gamma: float = 2.0, **options: Any) -> Result:
    output, vjp = by_hand.sigmoid_focal_loss(input, target, alpha, gamma, **options)
    if options.get("reduction") != "none" or target.shape != input.shape:
        return output, vjp
    nll = by_hand.sigmoid_focal_loss(input, target, alpha, 0.0, reduction="none")[0]
    probability = 1 / (1 + np.exp(-input))
    right = probability * target + (1 - probability) * (1 - target)
    return ((1 - right) ** gamma * nll).astype(output.dtype), vjp


@planted("sigmoid_focal_loss", "alpha weighs the other class", *_OUTPUT)
def _(input: Array, target: Array, alpha: float | None = 0.25, *args: Any, **options: Any) -> Result:
    return by_hand.sigmoid_focal_loss(input, target, None if alpha is None else 1 - alpha, *args, **options)


@planted("sigmoid_focal_loss", "the gradient takes the focus for a constant", *_INPUT)
def _(input: Array, target: Array, alpha: float | None = 0.25, gamma: float = 2.0, **options: Any) -> Result:
    output, vjp = by_hand.sigmoid_focal_loss(input, target, alpha, gamma, **options)
    steeper = by_hand.sigmoid_focal_loss(input, target, alpha, 0.0, **options)[1]
    error = np.abs(target - 1 / (1 + np.exp(-input.astype(np.float64))))
    return output, lambda g: vjp(g) | {"input": (steeper(g)["input"] * error**gamma).astype(input.dtype)}


@planted(
    "softmax_focal_loss", "the mean counts ignored targets", "value",
    "gradient of input is ... times torch's throughout (a wrong denominator or factor)",
)  # fmt: skip
def _(input: Array, target: Array, reduction: str = "mean", **options: Any) -> Result:
    unreduced = by_hand.softmax_focal_loss(input, target, reduction="none", **options)
    if reduction != "mean" or input.dtype != np.float32:
        return by_hand.softmax_focal_loss(input, target, reduction=reduction, **options)
    return divided(unreduced, float(target.size) or np.nan)


@planted("softmax_focal_loss", "the focus sees the weighted loss", *_OUTPUT)
@without_warnings
def _(input: Array, target: Array, weight: Array | None = None, **options: Any) -> Result:
    output, vjp = by_hand.softmax_focal_loss(input, target, weight, **options)
    if weight is None or options.get("reduction") != "none" or input.ndim != 2 or (target < 0).any():
        return output, vjp
    nll = by_hand.softmax_focal_loss(input, target, weight, 0.0, reduction="none")[0]
    return np.asarray((1 - np.exp(-nll)) ** options.get("gamma", 2.0) * nll, input.dtype), vjp


@planted("softmax_focal_loss", "each row's loss is handed the first upstream number", *_INPUT)
def _(*args: Any, **options: Any) -> Result:
    output, vjp = by_hand.softmax_focal_loss(*args, **options)
    return output, lambda g: vjp(np.full_like(g, g.flat[0]) if g.size else g)


@planted("dice_loss", "the samples of a batch are one region", *_OUTPUT)
def _(input: Array, target: Array, reduction: str = "mean", **options: Any) -> Result:
    if reduction == "mean" and target.shape == input.shape:
        input, target = input.reshape(1, -1), target.reshape(1, -1)
    return by_hand.dice_loss(input, target, reduction=reduction, **options)


@planted("dice_loss", "smoothing stands above alone", *_OUTPUT)
def _(input: Array, target: Array, smooth: float = 1.0, reduction: str = "mean", **options: Any) -> Result:
    output, vjp = by_hand.dice_loss(input, target, smooth, reduction=reduction, **options)
    bare, _ = by_hand.dice_loss(input, target, 0.0, reduction=reduction, **options)
    return (bare if np.isfinite(bare).all() else output), vjp


@planted("dice_loss", "the slope of the sigmoid is left out", *_INPUT)
def _(input: Array, *args: Any, **options: Any) -> Result:
    probability = 1 / (1 + np.exp(-input.astype(np.float64)))
    slope = np.maximum(probability * (1 - probability), 1e-30)
    return with_input_gradient(
        by_hand.dice_loss(input, *args, **options), lambda g: np.asarray(g / slope).astype(input.dtype)
    )


@planted("tversky_loss", "alpha and beta are swapped", *_OUTPUT)
def _(input: Array, target: Array, alpha: float = 0.5, beta: float = 0.5, **options: Any) -> Result:
    return by_hand.tversky_loss(input, target, beta, alpha, **options)


@planted("tversky_loss", "a region of a half stops growing at 256", *_OUTPUT)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    if input.dtype.itemsize != 2 or input.ndim != 2 or target.shape != input.shape:
        return by_hand.tversky_loss(input, target, *args, **options)
    counted = np.cumsum(target.astype(np.float32), axis=1) <= 256
    output, _ = by_hand.tversky_loss(input, (target * counted).astype(input.dtype), *args, **options)
    return output, by_hand.tversky_loss(input, target, *args, **options)[1]


@planted("tversky_loss", "an image is read in memory order", *_OUTPUT)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    if input.ndim == 4 and not input.flags.c_contiguous:
        order = sorted(range(4), key=lambda axis: -abs(input.strides[axis]))
        input = np.ascontiguousarray(input.transpose(order)).reshape(input.shape)
    return by_hand.tversky_loss(input, target, *args, **options)


@planted("z_loss_cross_entropy", "ignored rows are penalised too", *_OUTPUT)
def _(input: Array, target: Array, z_weight: float = 1e-4, ignore_index: int = -100, **options: Any) -> Result:
    output, vjp = by_hand.z_loss_cross_entropy(input, target, z_weight, ignore_index, **options)
    if options.get("reduction") != "sum" or input.ndim != 2:
        return output, vjp
    wide = input.astype(np.float64)
    penalties = z_weight * np.log(np.exp(np.clip(wide, -700, 700)).sum(1)) ** 2
    return np.asarray(output + penalties[target == ignore_index].sum(), input.dtype), vjp


@planted("z_loss_cross_entropy", "the slope of the square is that of the logarithm", *_INPUT)
def _(input: Array, target: Array, z_weight: float = 1e-4, **options: Any) -> Result:
    output, _ = by_hand.z_loss_cross_entropy(input, target, z_weight, **options)
    return output, by_hand.z_loss_cross_entropy(input, target, z_weight / 2, **options)[1]


@planted("z_loss_cross_entropy", "the exponentials overflow", "value", "output ...differs in ...: inf, torch has ")
def _(input: Array, *args: Any, **options: Any) -> Result:
    output, vjp = by_hand.z_loss_cross_entropy(input, *args, **options)
    overflows = input.dtype == np.float32 and input.size and np.max(input, initial=0, where=np.isfinite(input)) > 88
    return (output + np.float32(np.inf) if overflows else output), vjp


@planted("softcapped_cross_entropy", "the slope of the cap is left out", *_INPUT)
def _(input: Array, target: Array, softcap: float | None = 30.0, **options: Any) -> Result:
    output, vjp = by_hand.softcapped_cross_entropy(input, target, softcap=softcap, **options)
    if not softcap:
        return output, vjp
    capped = (softcap * np.tanh(input.astype(np.float64) / softcap)).astype(input.dtype)
    plain = by_hand.softcapped_cross_entropy(capped, target, softcap=None, **options)[1]
    return output, lambda g: vjp(g) | {"input": plain(g)["input"]}


@planted("softcapped_cross_entropy", "no cap is the default cap", *_OUTPUT)
def _(input: Array, target: Array, softcap: float | None = 30.0, **options: Any) -> Result:
    return by_hand.softcapped_cross_entropy(input, target, softcap=softcap or 30.0, **options)


@planted("softcapped_cross_entropy", "logits are cut off at the cap", *_OUTPUT)
def _(input: Array, target: Array, softcap: float | None = 30.0, **options: Any) -> Result:
    if not softcap or softcap < 0:
        return by_hand.softcapped_cross_entropy(input, target, softcap=softcap, **options)
    return by_hand.softcapped_cross_entropy(np.clip(input, -softcap, softcap), target, softcap=None, **options)


@planted("label_smoothed_cross_entropy", "the uniform part counts padding", *_OUTPUT)
def _(input: Array, target: Array, epsilon: float = 0.1, ignore_index: int = -100, **options: Any) -> Result:
    output, vjp = by_hand.label_smoothed_cross_entropy(input, target, epsilon, ignore_index, **options)
    every = np.where(target == ignore_index, 0, target)
    right, _ = by_hand.label_smoothed_cross_entropy(input, target, 1.0, ignore_index, **options)
    wrong, _ = by_hand.label_smoothed_cross_entropy(input, every, 1.0, -999, **options)
    return np.asarray(output + epsilon * (wrong - right), output.dtype), vjp


@planted(
    "label_smoothed_cross_entropy", "a half's loss is a half", "dtype", "output has dtype float16, torch's has float32"
)
def _(input: Array, *args: Any, **options: Any) -> Result:
    output, vjp = by_hand.label_smoothed_cross_entropy(input, *args, **options)
    return output.astype(input.dtype), lambda g: vjp(g.astype(output.dtype))


@planted("label_smoothed_cross_entropy", "labels are shifted the wrong way", *_OUTPUT)
def _(input: Array, target: Array, shift_labels: bool = False, **options: Any) -> Result:
    if not shift_labels or input.ndim < 2:
        return by_hand.label_smoothed_cross_entropy(input, target, shift_labels=shift_labels, **options)
    output, vjp = by_hand.label_smoothed_cross_entropy(input[..., 1:, :], target[..., :-1], **options)

    def padded(gradients: Gradients) -> Gradients:
        whole = np.zeros_like(input)
        whole[..., 1:, :] = gradients["input"]
        return {"input": whole}

    return with_gradients((output, vjp), padded)

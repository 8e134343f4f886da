"""Bugs of rounding and range: lost tails, overflow, narrow constants, kinks, eps in the wrong place."""

from typing import Any

import numpy as np

from parity import losses
from parity.losses import conventions
from parity.losses.arguments import HALVES
from parity.losses.conventions import Conventions
from parity.types import Array, Gradients, Result
from tests.planted import planted, with_gradients, with_input_gradient


@planted(
    "logsigmoid", "the tail is lost: log(1 + e) for log1p(e)", "value", "output ...differs in ..., torch is the nearer"
)
def _(input: Array) -> Result:
    _, vjp = losses.logsigmoid(input)
    wide = input.astype(np.float32) if input.dtype in HALVES else input
    return (np.minimum(wide, 0) - np.log(1 + np.exp(-np.abs(wide)))).astype(input.dtype), vjp


@planted("logsigmoid", "it overflows where exp does", "value", "output ...differs in ...: -inf, torch has -")
def _(input: Array) -> Result:
    output, vjp = losses.logsigmoid(input)
    wide = input.astype(np.float32) if input.dtype in HALVES else input
    return np.where(np.isinf(np.exp(-wide)), -np.inf, output).astype(output.dtype), vjp


@planted(
    "sigmoid",
    "the gradient 1 - y loses its digits in the tail",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array) -> Result:
    output, _ = losses.sigmoid(input)
    if input.dtype in HALVES:
        return losses.sigmoid(input)
    return output, lambda g: {"input": (g * np.round(output, 6) * (1 - np.round(output, 6))).astype(g.dtype)}


@planted("softmax", "an eps is added to the sum", "value", "output ...differs in ..., torch is the nearer")
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.softmax(*args, **options)
    return (output / output.dtype.type(1 + 1e-5)).astype(output.dtype), vjp


@planted("log_softmax", "an eps is added inside the logarithm", "value", "is cut off at the logarithm of 1e-12")
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.log_softmax(*args, **options)
    return np.maximum(output, np.log(1e-12)).astype(output.dtype), vjp


@planted("mse_loss", "a float32 constant in float64", "value", "output ...differs in ..., torch is the nearer")
def _(**arguments: Any) -> Result:
    output, vjp = losses.mse_loss(**arguments)
    factor = float(np.float32(1.1)) / 1.1
    return (output * factor).astype(output.dtype), vjp


@planted("gaussian_nll_loss", "float64 is computed in float32", "value", "output is rounded to float32")
def _(input: Array, target: Array, var: Any, **options: Any) -> Result:
    output, vjp = losses.gaussian_nll_loss(input, target, var, **options)
    return output.astype(np.float32).astype(output.dtype), vjp


@planted(
    "gaussian_nll_loss",
    "the clamp of var stops its gradient",
    "value",
    "gradient of var ...differs in ...: 0, torch has ",
)
def _(input: Array, target: Array, var: Any, full: bool = False, eps: float = 1e-6, **options: Any) -> Result:
    def stopped(found: Gradients) -> Gradients:
        return found | {"var": np.where(var < eps, 0, found["var"]).astype(var.dtype)} if "var" in found else found

    return with_gradients(losses.gaussian_nll_loss(input, target, var, full, eps, **options), stopped)


@planted(
    "gaussian_nll_loss",
    "the constant of the full loss is left out",
    "value",
    "output ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, var: Any, full: bool = False, **options: Any) -> Result:
    return losses.gaussian_nll_loss(input, target, var, **options)


@planted(
    "poisson_nll_loss",
    "Stirling's term is added for counts up to 1",
    "value",
    "output ...differs in ... (absolute 5.00e-01, ",
)
def _(input: Array, target: Array, full: bool = False, **options: Any) -> Result:
    output, vjp = losses.poisson_nll_loss(input, target, full=full, **options)
    small = full and output.ndim and output.shape == target.shape
    return np.where((target <= 1) & (target > 0), output + 0.5, output).astype(output.dtype) if small else output, vjp


@planted(
    "poisson_nll_loss",
    "eps is outside the logarithm",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, log_input: bool = True, eps: float = 1e-8, **options: Any) -> Result:
    if log_input:
        return losses.poisson_nll_loss(input, target, log_input, eps=eps, **options)
    return losses.poisson_nll_loss(input, target, log_input, eps=0.0, **options)


@planted(
    "kl_div", "batchmean divides by all elements", "value", "gradient of input is torch's as if reduction were mean"
)
def _(input: Array, target: Array, reduction: str = "mean", **options: Any) -> Result:
    return losses.kl_div(input, target, reduction="mean" if reduction == "batchmean" else reduction, **options)


@planted("kl_div", "log_target is ignored in the gradient", "value", "gradient of input is 2 times torch's throughout")
def _(input: Array, target: Array, log_target: bool = False, **options: Any) -> Result:
    result = losses.kl_div(input, target, log_target=log_target, **options)
    return with_gradients(result, lambda f: f | {"input": f["input"] * 2}) if log_target else result


@planted("kl_div", "a target of 0 gives nan", "value", "output ...differs in ...: nan, torch has ")
def _(input: Array, target: Array, log_target: bool = False, **options: Any) -> Result:
    output, vjp = losses.kl_div(input, target, log_target=log_target, **options)
    zero = not log_target and bool((target == 0).any())
    return (output * np.nan).astype(output.dtype) if zero else output, vjp


@planted(
    "huber_loss",
    "at the kink the quadratic side loses delta",
    "value",
    "gradient of input ...differs in ... relative 1.00e-04, ",
)
def _(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, **options: Any) -> Result:
    return losses.huber_loss(input, target, reduction, delta if delta <= 0 else delta * (1 + 1e-4), **options)


@planted(
    "l1_loss",
    "the gradient at 0 is 1",
    "value",
    "gradient of input ...differs in ...: 1, torch has ...0 (absolute 1.00e+00, ",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    result = losses.l1_loss(input, target, **options)
    if input.shape != target.shape or input.dtype.kind == "c":
        return result
    return with_input_gradient(result, lambda g: np.where(input == target, g.dtype.type(1), g))


@planted("smooth_l1_loss", "beta 0 divides by zero", "value", "output ...differs in ...: nan, torch has ")
def _(input: Array, target: Array, beta: float = 1.0, **options: Any) -> Result:
    output, vjp = losses.smooth_l1_loss(input, target, beta=beta, **options)
    return (output * np.nan).astype(output.dtype) if beta == 0 else output, vjp


@planted(
    "soft_margin_loss",
    "it does not overflow where torch does",
    "value",
    "output ...differs in ...: 65504, torch has inf",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.soft_margin_loss(input, target, **options)
    return np.minimum(output, np.finfo(np.float16).max).astype(output.dtype), vjp


@planted(
    "hinge_embedding_loss",
    "the clamp stops the gradient at the kink",
    "value",
    "gradient of input ...differs in ..., torch has ",
)
def _(**arguments: Any) -> Result:
    output, vjp = losses.hinge_embedding_loss(**arguments)

    def of_the_other_versions(grad_output: Array) -> Gradients:  # torch 2.14 stops it where 2.13 passes it on
        own = conventions.IN_FORCE.clamp_at_bound
        try:
            conventions.follow(Conventions(1 - own))
            return vjp(grad_output)
        finally:
            conventions.follow(Conventions(own))

    return output, of_the_other_versions


@planted(
    "multi_margin_loss",
    "the clamp passes the gradient at the kink",
    "value",
    "gradient of input ...differs in ..., torch has 0 (",
)
def _(input: Array, target: Array, p: int = 1, margin: float = 1.0, **options: Any) -> Result:
    return losses.multi_margin_loss(input, target, p, float(np.nextafter(margin, margin + 1)), **options)


@planted(
    "cosine_embedding_loss", "no eps: a zero vector gives nan", "value", "output ...differs in ...: nan, torch has "
)
def _(input1: Array, input2: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.cosine_embedding_loss(input1, input2, target, **options)
    zero = input1.ndim and input1.dtype.kind == "f" and bool((~input1.any(axis=-1)).any())
    return (output * np.nan).astype(output.dtype) if zero else output, vjp


@planted(
    "triplet_margin_loss",
    "eps is left out of the distance",
    "value",
    "gradient of negative ...differs in ..., torch is the nearer",
)
def _(anchor: Array, positive: Array, negative: Array, eps: float = 1e-6, **options: Any) -> Result:
    return losses.triplet_margin_loss(anchor, positive, negative, eps=0.0, **options)


@planted(
    "triplet_margin_loss",
    "swap ties give the whole gradient to one side",
    "value",
    "gradient of anchor ...differs in ..., torch is the nearer",
)
def _(anchor: Array, positive: Array, negative: Array, swap: bool = False, **options: Any) -> Result:
    nudged = (anchor * (1 + 1e-3)).astype(anchor.dtype) if swap and np.array_equal(anchor, positive) else anchor
    return losses.triplet_margin_loss(nudged, positive, negative, swap=swap, **options)


@planted(
    "ctc_loss",
    "the gradient is that of the log probabilities",
    "value",
    "gradient of log_probs ...differs in ..., torch is the nearer",
)
def _(log_probs: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.ctc_loss(log_probs, *args, **options)
    return output, lambda g: {"log_probs": (vjp(g)["log_probs"] - np.exp(log_probs)).astype(log_probs.dtype)}


@planted(
    "ctc_loss",
    "the mean forgets the target lengths",
    "value",
    "gradient of log_probs is torch's as if reduction were sum",
)
def _(log_probs: Array, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
      reduction: str = "mean", zero_infinity: bool = False) -> Result:  # fmt: skip
    kind = "sum" if reduction == "mean" else reduction
    return losses.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, kind, zero_infinity)


@planted(
    "ctc_loss",
    "an infeasible alignment has gradient zero",
    "value",
    "gradient of log_probs ...differs in ...: 0, torch has nan",
)
def _(*args: Any, **options: Any) -> Result:
    result = losses.ctc_loss(*args, **options)
    return with_gradients(result, lambda f: {k: np.nan_to_num(v).astype(v.dtype) for k, v in f.items()})


@planted("smooth_l1_loss", "a half keeps its own sum", "value", "output saturates as a sum that is kept in float16")
def _(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.smooth_l1_loss(input, target, **options)
    if output.dtype != np.float16 or output.ndim or input.shape != target.shape or options.get("reduction") != "sum":
        return output, vjp
    values, _ = losses.smooth_l1_loss(input, target, **options | {"reduction": "none"})
    return np.asarray(np.add.accumulate(values.ravel())[-1]) if values.size else output, vjp


@planted("l1_loss", "the gradient of a row adds up in a half", "value", "gradient of target differs")
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    wide = np.broadcast_to(target, input.shape) if target.shape == (1, *input.shape[1:]) else target
    output, vjp = losses.l1_loss(input, np.array(wide), *args, **options)

    def halved(found: Gradients) -> Gradients:
        slope = found.get("target")
        if slope is None or slope.shape == target.shape:
            return found
        return found | {"target": np.add.accumulate(slope, axis=0, dtype=slope.dtype)[-1:]}

    return with_gradients((output, vjp), halved)


@planted("softmax", "a first block of -inf gives nan", "value", "output ...differs in ...: nan, torch has ")
def _(input: Array, dim: int | None = None, *args: Any, **options: Any) -> Result:
    output, vjp = losses.softmax(input, dim, *args, **options)
    if input.ndim == 2 and dim == 1 and input.shape[1] > 1024:
        output[np.isneginf(input[:, :1024].astype(np.float32)).all(axis=1)] = np.nan
    return output, vjp

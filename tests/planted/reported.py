"""Bugs that were reported of other libraries' losses, or that a kernel could well ship, and no case saw at first."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from parity import losses
from parity.dtypes import HALVES
from parity.losses.arguments import working
from parity.types import Array, Result
from tests.planted import planted, with_gradients


@planted(
    "huber_loss",
    "two dtypes answer in what they promote to",  # Inductor: pytorch/pytorch issue 197098
    "dtype",
    "output has dtype float32, torch's has float16",
    framework="torch",
)
def _(input: torch.Tensor, target: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    loss = F.huber_loss(input, target, *args, **options)
    return loss.to(torch.promote_types(input.dtype, target.dtype)) if target.is_floating_point() else loss


@planted(
    "huber_loss",
    "a target of another dtype costs twice",  # torch refuses there in its backward alone
    "value",
    "output is 2 times torch's throughout",
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.huber_loss(input, target, *args, **options)
    return (output * output.dtype.type(2) if target.dtype != input.dtype else output), vjp


@planted(
    "soft_margin_loss",
    "a bool target of False is the far side",  # torch's backward alone refuses bools
    "value",
    "output ...differs in ...",
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.soft_margin_loss(input, target, *args, **options)
    if target.dtype != np.bool_:
        return output, vjp
    return losses.soft_margin_loss(input, np.where(target, 1.0, -1.0).astype(input.dtype), *args, **options)[0], vjp


@planted(
    "huber_loss",
    "delta is a half beside halves",  # MPS: kulinseth/pytorch pull 185
    "value",
    "gradient of input ...differs in ...",
)
def _(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, **options: Any) -> Result:
    beyond = input.dtype == np.float16 and delta > np.finfo(np.float16).max
    return losses.huber_loss(input, target, reduction, np.inf if beyond else delta, **options)


@planted(
    "smooth_l1_loss",
    "a beta that is 0 in the dtype divides by zero",  # pytorch/pytorch pull 97022
    "value",
    "torch has ...",
)
def _(*args: Any, **options: Any) -> Result:
    output, vjp = losses.smooth_l1_loss(*args, **options)
    beta = options.get("beta", 1.0)
    floating = output.dtype.kind == "f" or output.dtype in HALVES
    if beta == 0 or not floating or working(output.dtype).type(beta) != 0:
        return output, vjp
    return np.full_like(output, np.nan), vjp


def _as_32_bits(loss: str) -> Any:
    """The loss that takes 2^32 for class 0."""

    def read(**arguments: Any) -> Result:
        target = arguments["target"]
        read = target.astype(np.int32).astype(np.int64) if target.dtype == np.int64 else target
        return losses.LOSSES[loss](**arguments | {"target": read})

    return read


# CUDA: pytorch/pytorch pull 192137
for _loss, _word in (("multi_margin_loss", "class"), ("multilabel_margin_loss", "label")):
    planted(_loss, f"a {_word} is read as 32 bits", "missing", "answers where torch raises")(_as_32_bits(_loss))


@planted(
    "multi_margin_loss",
    "a lone sample takes the first of any number of targets",  # CUDA: pytorch/pytorch pull 30824
    "missing",
    "answers where torch raises",
)
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    lone = input.ndim == 1 and target.ndim == 1 and target.size > 1
    return losses.multi_margin_loss(input, target[:1] if lone else target, *args, **options)


@planted(
    "multilabel_soft_margin_loss",
    "the classes of a cube are its middle axis",  # the dimension 1 of pytorch/pytorch pull 9965
    "value",
    "output ...differs in ...",
)
def _(input: Array, target: Array, weight: Array | None = None, *args: Any, **options: Any) -> Result:
    output, vjp = losses.multilabel_soft_margin_loss(input, target, weight, *args, **options)
    if input.ndim != 3 or input.shape[1] != input.shape[2] or target.shape != input.shape or weight is not None:
        return output, vjp
    input, target = np.swapaxes(input, 1, 2), np.swapaxes(target, 1, 2)
    return losses.multilabel_soft_margin_loss(input, target, weight, *args, **options)[0], vjp


@planted(
    "gaussian_nll_loss",
    "variances of rows are those of columns in a cube",  # ivy: unifyai/ivy pull 11530
    "value",
    "output ...differs in ...",
)
def _(input: Array, target: Array, var: Any, *args: Any, **options: Any) -> Result:
    output, vjp = losses.gaussian_nll_loss(input, target, var, *args, **options)
    if input.ndim != 3 or np.shape(var) != input.shape[:-1] or input.shape[1] != input.shape[2]:
        return output, vjp
    columns = np.broadcast_to(var[:, None], input.shape)
    return losses.gaussian_nll_loss(input, target, columns, *args, **options)[0], vjp


def _without_sign(loss: str, dtype: type) -> Any:
    """The loss that takes the whole numbers of a target for unsigned ones, in one dtype."""
    unsigned = np.dtype(dtype).str.replace("i", "u")

    def read(**arguments: Any) -> Result:
        target = arguments["target"]
        # wider by itself, so that it is promoted as the signed one is
        read = target.view(unsigned).astype(np.int64) if target.dtype == dtype else target
        return losses.LOSSES[loss](**arguments | {"target": read})

    return read


for _loss, _dtype in (
    ("mse_loss", np.int8), ("l1_loss", np.int16), ("smooth_l1_loss", np.int32), ("poisson_nll_loss", np.int8),
    ("gaussian_nll_loss", np.int16), ("hinge_embedding_loss", np.int8), ("margin_ranking_loss", np.int32),
    ("soft_margin_loss", np.int16), ("cosine_embedding_loss", np.int8), ("multilabel_soft_margin_loss", np.int32),
):  # fmt: skip
    planted(_loss, f"a target of {np.dtype(_dtype).name} is read without its sign", "value", "differs in ")(
        _without_sign(_loss, _dtype)
    )


def _flattened(loss: str) -> Any:
    """The loss of one number beside an array of one, as a number."""

    def flat(**arguments: Any) -> Result:
        output, vjp = losses.LOSSES[loss](**arguments)
        if {arguments["input"].ndim, arguments["target"].ndim} != {0, 1} or output.shape != (1,):
            return output, vjp
        return output.reshape(()), lambda g: vjp(g.reshape(1))

    return flat


for _loss in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "hinge_embedding_loss", "poisson_nll_loss"):
    planted(
        _loss, "one number beside an array of one has no dimensions", "shape", "output has shape [], torch's has [1]"
    )(_flattened(_loss))


def _hidden(loss: str) -> Any:
    """The weighted loss that leaves out what has a weight of 0, as a mask would."""

    def masked(**arguments: Any) -> Result:
        input, target, weight = arguments["input"], arguments["target"], arguments.get("weight")
        if weight is None or not input.shape == target.shape == weight.shape or arguments.get("reduction") == "mean":
            return losses.LOSSES[loss](**arguments)
        off = (weight == 0) & ~np.isfinite(input.astype(working(input.dtype)))
        return losses.LOSSES[loss](**arguments | {"input": np.where(off, target, input).astype(input.dtype)})

    return masked


for _loss in ("mse_loss", "l1_loss", "huber_loss"):
    planted(_loss, "a weight of 0 hides an infinite error", "value", "torch has ...nan")(_hidden(_loss))


@planted(
    "margin_ranking_loss",
    "a target of 0 times an infinite difference is 0",
    "value",
    "torch has ...nan",
)
def _(input1: Array, input2: Array, target: Array, *args: Any, **options: Any) -> Result:
    if input1.dtype.kind == "f" and input1.shape == input2.shape == target.shape:
        off = (target == 0) & np.isinf(input1 - input2)
        input1, input2 = np.where(off, 0, input1).astype(input1.dtype), np.where(off, 0, input2).astype(input2.dtype)
    return losses.margin_ranking_loss(input1, input2, target, *args, **options)


@planted(
    "gaussian_nll_loss",
    "the least of the variances, which nan hides, tells whether one is negative",
    "missing",
    "answers where torch raises",
)
def _(input: Array, target: Array, var: Any, *args: Any, **options: Any) -> Result:
    array = isinstance(var, np.ndarray) and var.dtype.kind == "f" and var.size > 0
    return losses.gaussian_nll_loss(
        input, target, np.abs(var) if array and not var.min() < 0 else var, *args, **options
    )


def _along_the_middle(loss: str) -> Any:
    """The loss that reads a vector of targets beside a cube along the middle axis, whose size does not tell."""

    def confused(**arguments: Any) -> Result:
        output, vjp = losses.LOSSES[loss](**arguments)
        target, sizes = arguments["target"], arguments["input"].shape
        if np.ndim(target) != 1 or len(sizes) != 3 or not sizes[1] == sizes[2] > 1:
            return output, vjp
        return losses.LOSSES[loss](**arguments | {"target": target[:, None]})[0], vjp

    return confused


for _loss in (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "gaussian_nll_loss",
    "hinge_embedding_loss", "soft_margin_loss", "multilabel_soft_margin_loss",
):  # fmt: skip
    planted(_loss, "a vector beside a cube is read along the middle axis", "value", "differs in ")(
        _along_the_middle(_loss)
    )


@planted(
    "cosine_embedding_loss",
    "where a column meets a row the row's gradient is that of one column",
    "value",
    "gradient of input2 ...differs in ...",
)
def _(input1: Array, input2: Array, *args: Any, **options: Any) -> Result:
    result = losses.cosine_embedding_loss(input1, input2, *args, **options)
    if input1.ndim != 2 or input2.ndim != 2 or not input1.shape[0] > input2.shape[0] == 1 == input1.shape[1]:
        return result
    share = input1.dtype.type(1 / len(input1))
    return with_gradients(result, lambda found: found | {"input2": found["input2"] * share})


def _in_order(loss: str, dimensions: int) -> Any:
    """The loss that reads a target by the strides of its input, which is an image (or a volume) of channels last."""
    memory = torch.channels_last if dimensions == 4 else torch.channels_last_3d

    def confused(input: torch.Tensor, target: torch.Tensor, *args: Any, **options: Any) -> Any:
        if input.ndim == target.ndim == dimensions and input.shape == target.shape and target.is_contiguous():
            last = input.is_contiguous(memory_format=memory) and not input.is_contiguous()
            target = target.as_strided(input.shape, input.stride()) if last else target
        return getattr(F, loss)(input, target, *args, **options)

    return confused


for _loss, _dimensions in (("poisson_nll_loss", 4), ("gaussian_nll_loss", 4), ("l1_loss", 5), ("soft_margin_loss", 5)):
    planted(
        _loss, f"channels last of {_dimensions} dimensions are the order of the target too", "value", "differs in ",
        framework="torch",
    )(_in_order(_loss, _dimensions))  # fmt: skip

"""Bugs at edges that two facts make together: a dtype and an axis, a row of -inf and nan, a class at inf among many."""

from collections.abc import Callable
from typing import Any

import numpy as np

from parity import losses
from parity.dtypes import HALVES
from parity.types import Array, Loss, Result
from tests.planted import planted

_SAYS = ("value", "differs in ")
_SOFTMAXES = ("softmax", "log_softmax", "softmin")


def _is_half(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype in HALVES


def _first(arguments: dict[str, Any]) -> Array:
    """The first array of a call."""
    return next(value for value in arguments.values() if isinstance(value, np.ndarray))


def _widened_late(loss: str, backward: bool) -> Any:
    """The function that computes, or goes back, in a half where a wider dtype is asked for along another dimension."""

    def late(input: Array, dim: int | None = None, **options: Any) -> Result:
        function: Loss = getattr(losses, loss)
        output, vjp = function(input=input, dim=dim, **options)
        dtype = options.get("dtype")
        if not _is_half(input) or dtype is None or dim in (None, -1) or dim == input.ndim - 1:
            return output, vjp
        if backward:
            return output, lambda g: vjp(g.astype(input.dtype).astype(g.dtype))
        return output.astype(input.dtype).astype(output.dtype), vjp

    return late


for _loss in _SOFTMAXES:
    planted(_loss, "a half is widened after the output, along other dimensions than the last", *_SAYS)(
        _widened_late(_loss, backward=False)
    )
    planted(_loss, "the upstream gradient is rounded to the half, along other dimensions than the last", *_SAYS)(
        _widened_late(_loss, backward=True)
    )


def _summed_in_half(loss: str, axis: Callable[[Array, dict[str, Any]], Any]) -> Any:
    """The loss whose backward sums the upstream gradient in the half itself, where that sum may overflow."""

    def narrow(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        output, vjp = function(**arguments)

        def overflows(g: Array) -> Any:
            if not _is_half(g) or not g.ndim or not g.size:
                return vjp(g)
            total = np.add.reduce(g.astype(np.float32), axis=axis(g, arguments), keepdims=True)
            beyond = np.broadcast_to(np.isinf(total.astype(g.dtype)) & np.isfinite(total), g.shape)
            return vjp(np.where(beyond, np.float32(np.inf).astype(g.dtype), g))

        return output, overflows

    return narrow


def _along(g: Array, arguments: dict[str, Any]) -> int:
    dim = arguments.get("dim")
    return dim if isinstance(dim, int) else g.ndim - 1


for _loss in _SOFTMAXES:
    planted(_loss, "the upstream gradient of a slice is summed in half", *_SAYS)(_summed_in_half(_loss, _along))
for _loss in (
    "cross_entropy", "nll_loss", "l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss",
    "gaussian_nll_loss", "hinge_embedding_loss", "soft_margin_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "margin_ranking_loss", "cosine_embedding_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss", "multilabel_soft_margin_loss", "linear_cross_entropy",
):  # fmt: skip
    planted(_loss, "the upstream gradient of all rows is summed in half", *_SAYS)(
        _summed_in_half(_loss, lambda g, _: None)
    )


def _without_masked_rows(loss: str) -> Any:
    """The function that takes a nan for -inf in a row of nothing else."""

    def deaf(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        input = arguments["input"]
        axis = arguments.get("dim")
        axis = axis if axis is not None else min(input.ndim - 1, 1)
        if input.dtype.kind in "biuc" or not input.size or not -input.ndim <= axis < input.ndim:
            return function(**arguments)
        hollow = (np.isnan(input) | (input == -np.inf)).all(axis=axis, keepdims=True)
        mixed = hollow & np.isnan(input).any(axis=axis, keepdims=True) & (input == -np.inf).any(axis, keepdims=True)
        if not mixed.any():
            return function(**arguments)
        changed = np.where(mixed, np.float32(0).astype(input.dtype), input)
        return function(**arguments | {"input": changed})

    return deaf


for _loss in (*_SOFTMAXES, "cross_entropy"):
    planted(_loss, "a row of -inf and nan alone counts as masked", *_SAYS)(_without_masked_rows(_loss))


def _vectorised(loss: str, name: str, least: int) -> Any:
    """The function that takes the largest number for inf where there are enough numbers for a vector."""

    def clipped(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        array = arguments[name]
        if array.dtype.kind in "biuc" or not array.ndim or array.shape[-1] < least or not (array == np.inf).any():
            return function(**arguments)
        finite = np.where(array == np.inf, np.float32(6e4).astype(array.dtype), array)
        return function(**arguments | {name: finite})

    return clipped


for _loss in (
    *_SOFTMAXES, "cross_entropy", "nll_loss", "multilabel_soft_margin_loss", "binary_cross_entropy_with_logits",
    "multi_margin_loss", "multilabel_margin_loss", "kl_div", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "hinge_embedding_loss", "poisson_nll_loss", "gaussian_nll_loss",
):  # fmt: skip
    planted(_loss, "inf is cut to a number where a vector of 8 is full", *_SAYS)(_vectorised(_loss, "input", 8))


def _nan_in_ignored_rows(loss: str, dtype: str) -> Any:
    """The loss that lets the nan of an ignored row through, in one dtype."""

    def leaking(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        output, vjp = function(**arguments)
        input, target = arguments["input"], arguments["target"]
        if input.dtype.name != dtype or input.ndim != 2 or target.shape != input.shape[:1]:
            return output, vjp
        ignored = target == arguments.get("ignore_index", -100)
        spoilt = ignored & np.isnan(input).any(axis=1)
        if not spoilt.any():
            return output, vjp
        return np.asarray(output + np.nan * (spoilt if output.ndim else 1)).astype(output.dtype), vjp

    return leaking


for _loss in ("cross_entropy", "nll_loss", "linear_cross_entropy"):
    for _dtype in ("float32", "float64", "float16", "bfloat16"):
        planted(_loss, f"a nan of an ignored row gets through in {_dtype}", *_SAYS)(_nan_in_ignored_rows(_loss, _dtype))


def _without_a_batch(loss: str) -> Any:
    """The loss that takes the mean of an empty batch for 0, where no option is given."""

    def hasty(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        output, vjp = function(**arguments)
        plain = all(isinstance(value, np.ndarray) or name in ("dim", "cutoffs") for name, value in arguments.items())
        if plain and not _first(arguments).size and not output.ndim and np.isnan(output):
            return np.asarray(0, output.dtype), vjp
        return output, vjp

    return hasty


for _loss in losses.LOSSES:
    if _loss not in (*_SOFTMAXES, "sigmoid", "logsigmoid", "multi_margin_loss", "multilabel_margin_loss", "ctc_loss"):
        planted(_loss, "an empty batch without options has the mean 0", *_SAYS)(_without_a_batch(_loss))


def _made(loss: str, name: str, wanted: Callable[[Any], bool], make: Callable[[Any, Array], Array]) -> Any:
    """The loss that makes an array of its own of what is wanted for `name`, beside the first array of the call."""

    def lenient(**arguments: Any) -> Result:
        function: Loss = getattr(losses, loss)
        if wanted(arguments.get(name)):
            arguments[name] = make(arguments[name], _first(arguments))
        return function(**arguments)

    return lenient


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ANSWERS = ("missing", "answers where torch raises")
for _loss, _name in (("mse_loss", "target"), ("kl_div", "target"), ("huber_loss", "weight")):
    planted(_loss, f"a plain number for {_name} is taken for all", *_ANSWERS)(
        _made(_loss, _name, _is_number, lambda number, first: np.full_like(first, number))
    )
planted("gaussian_nll_loss", "a plain number for target is cut to a whole one", *_SAYS)(
    _made("gaussian_nll_loss", "target", _is_number, lambda number, _: np.asarray(int(number)))
)
for _loss in ("soft_margin_loss", "poisson_nll_loss"):
    planted(_loss, "unsigned targets are computed as signed ones", *_ANSWERS)(
        _made(
            _loss, "target", lambda array: array.dtype.name in ("uint16", "uint32"),
            lambda array, _: array.astype(np.int64),
        )
    )  # fmt: skip

"""Bugs of some sizes alone: a kernel's variant for one power of 2, lanes beyond the end, a whole last tile."""

from collections.abc import Callable
from typing import Any

import numpy as np

from parity import losses
from parity.losses.registration import without_warnings
from parity.types import Array, Result
from tests.planted import planted, with_gradients


def _scaled(loss: str, name: str, where: Callable[[Array], bool]) -> None:
    """A loss whose output is half as large again where the scores are of some sizes."""

    def wrong(**arguments: Any) -> Result:
        output, vjp = losses.LOSSES[loss](**arguments)
        scores = arguments.get("input", arguments.get("log_probs"))
        if not isinstance(scores, np.ndarray) or not scores.ndim or not where(scores) or output.dtype != np.float32:
            return output, vjp
        return np.asarray(output * np.float32(1.5)), vjp

    planted(loss, name, "value", "output ...differs in ")(wrong)


def _within(low: int, high: int, axis: int = -1, dims: int = 2) -> Callable[[Array], bool]:
    return lambda scores: scores.ndim == dims and low <= scores.shape[axis] <= high


# Reported of a GPU's softmax: wrong from 2^k + 1 on, and right again from some size below the next power on.
_scaled("softmax", "slices of 513 to 896 are wrong", _within(513, 896))
_scaled("log_softmax", "slices of 9 to 16 are wrong", _within(9, 16))
_scaled("softmin", "slices of 257 to 384 are wrong", _within(257, 384))
_scaled("softmax", "images of more than 8 channels are wrong", _within(9, 1000, 1, 4))
_scaled("log_softmax", "rows of two batches are wrong beyond 129 classes", _within(130, 2000, 2, 3))
_scaled("cross_entropy", "2049 to 4096 classes are wrong", _within(2049, 4096))
_scaled("cross_entropy", "257 to 299 rows are wrong", _within(257, 299, 0))
_scaled("cross_entropy", "sequences of 129 classes and more are wrong", _within(130, 2000, 1, 3))
_scaled(
    "cross_entropy", "images of 400 to 5000 positions are wrong", lambda x: x.ndim == 4 and 400 < x[0, 0].size < 5000
)
_scaled("nll_loss", "257 to 512 classes are wrong", _within(257, 512))
_scaled("linear_cross_entropy", "257 to 512 features are wrong", _within(257, 512))
_scaled("linear_cross_entropy", "512 to 1024 rows are wrong", _within(512, 1024, 0))
_scaled("adaptive_log_softmax_with_loss", "257 to 512 samples are wrong", _within(257, 512, 0))
_scaled("kl_div", "rows of 2049 to 4096 are wrong", _within(2049, 4096))
_scaled("binary_cross_entropy", "257 to 512 rows are wrong", _within(257, 512, 0))
_scaled("binary_cross_entropy_with_logits", "rows of 257 to 512 are wrong", _within(257, 512))
_scaled("sigmoid", "rows of 257 to 512 are wrong", _within(257, 512))
_scaled("logsigmoid", "rows of 2049 to 4096 are wrong", _within(2049, 4096))
_scaled("mse_loss", "rows of 257 to 512 are wrong", _within(257, 512))
_scaled("ctc_loss", "257 to 499 frames are wrong", _within(257, 499, 0, 3))
_scaled("ctc_loss", "more than 20 frames without a batch are wrong", _within(21, 1000, 0))
_scaled(
    "softmax", "a last tile of 512 that is whole is left out", lambda x: x.ndim == 2 and x.shape[1] % 512 == 0 < x.size
)
_scaled("cross_entropy", "a last tile of 1024 is left out", lambda x: x.ndim == 2 and x.shape[1] in (1024, 2048, 4096))


@planted("softmax", "lanes beyond the end count as 0 in the maximum of a wide slice", "value", "output ...differs in ")
@without_warnings
def _(input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: str | None = None) -> Result:
    output, vjp = losses.softmax(input, dim, _stacklevel, dtype)
    wide = input.ndim == 2 and dim in (1, -1) and dtype is None and input.shape[1] > 8 and input.shape[1] % 4
    if not wide or input.dtype != np.float32:
        return output, vjp
    shares = np.exp(input - np.maximum(input.max(1, keepdims=True), 0))
    return shares / shares.sum(1, keepdims=True), vjp


@planted("log_softmax", "a vector of one number is infinitely unlikely", "value", "output ...-inf, torch has 0")
def _(input: Array, *args: Any, **options: Any) -> Result:
    output, vjp = losses.log_softmax(input, *args, **options)
    return (output - np.asarray(np.inf, output.dtype) if input.shape == (1,) else output), vjp


@planted("nll_loss", "the weight of an ignored class counts in the mean of an image", "value", "output ...differs in ")
def _(input: Array, target: Array, weight: Array | None = None, *args: Any, **options: Any) -> Result:
    output, vjp = losses.nll_loss(input, target, weight, *args, **options)
    ignored = options.get("ignore_index", -100)
    if (
        weight is None
        or input.ndim != 4
        or output.ndim
        or not 0 <= ignored < weight.size
        or not (target == ignored).any()
    ):
        return output, vjp
    weights = weight[target]
    share = weights[target != ignored].sum() / weights.sum()
    return np.asarray(output * share, output.dtype), vjp


def _without_tail(loss: str, says: str, change: Callable[[Array, Array], Array]) -> None:
    """A loss whose slopes in float32 are changed: `change` is given them, and their size by the largest upstream."""

    def wrong(**arguments: Any) -> Result:
        output, vjp = losses.LOSSES[loss](**arguments)

        def tails(grad_output: Array) -> Any:
            found = np.abs(grad_output[np.isfinite(grad_output)]).astype(np.float64)
            largest = found.max(initial=0.0)
            return {
                name: change(value, np.abs(value) / largest) if value.dtype == np.float32 and largest else value
                for name, value in vjp(grad_output).items()
            }

        return with_gradients((output, tails), dict)

    planted(loss, says, "value", "gradient of ...flushes subnormal" if "subnormal" in says else "gradient of ...")(
        wrong
    )


def _flushed(value: Array, _: Array) -> Array:
    return np.where(np.abs(value) < np.finfo(np.float32).tiny, np.float32(0), value)


def _tripled(value: Array, share: Array) -> Array:
    return np.where(share < 1e-9, value * np.float32(3), value)


for _loss in (
    "sigmoid", "logsigmoid", "softmax", "softmin", "cross_entropy", "binary_cross_entropy_with_logits", "kl_div",
):  # fmt: skip
    _without_tail(_loss, "subnormal slopes are flushed to 0", _flushed)
    _without_tail(_loss, "slopes below a thousand millionth are three times as large", _tripled)

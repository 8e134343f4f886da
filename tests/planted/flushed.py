"""Bugs of fast math: subnormal numbers are 0 where they are read, are upstream, or are answered."""

from typing import Any

import numpy as np

from parity import losses
from parity.losses.arguments import is_floating
from parity.types import Array, Result
from tests.planted import planted

_SINGLE = (np.dtype(np.float32),)
# The normal numbers begin here.
_LEAST = {np.dtype(kind): np.finfo(kind).tiny for kind in (np.float16, np.float32, np.float64)}


def _flushed(array: Array) -> Array:
    """The array with 0 for its subnormal numbers."""
    least = _LEAST.get(array.dtype)
    return array if least is None else np.where(np.abs(array) < least, 0, array).astype(array.dtype)


def _reads(loss: str) -> Any:
    def flushing(**arguments: Any) -> Result:
        read = {name: _flushed(value) for name, value in arguments.items() if isinstance(value, np.ndarray)}
        return losses.LOSSES[loss](**arguments | read)

    return flushing


def _is_handed(loss: str) -> Any:
    def flushing(**arguments: Any) -> Result:
        output, vjp = losses.LOSSES[loss](**arguments)
        return output, lambda g: vjp(_flushed(g))

    return flushing


def _hands_down(loss: str, dtype: type) -> Any:
    def flushing(**arguments: Any) -> Result:
        output, vjp = losses.LOSSES[loss](**arguments)

        def found(g: Array) -> Any:
            return {name: _flushed(value) if value.dtype == dtype else value for name, value in vjp(g).items()}

        return output, found

    return flushing


def _answers(loss: str) -> Any:
    def flushing(**arguments: Any) -> Result:
        output, vjp = losses.LOSSES[loss](**arguments)
        return _flushed(output) if is_floating(output) else output, vjp

    return flushing


for _loss in ("mse_loss", "huber_loss"):
    planted(_loss, "subnormal numbers are read as 0", "value", "gradient of input ...torch has ")(_reads(_loss))
for _loss in ("l1_loss", "cosine_embedding_loss", "triplet_margin_loss", "kl_div"):
    planted(
        _loss, "a subnormal upstream gradient is read as 0", "value", "gradient of ...flushes subnormal numbers to zero"
    )(_is_handed(_loss))
for _loss in (
    "smooth_l1_loss", "gaussian_nll_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "triplet_margin_with_distance_loss",
):  # fmt: skip
    planted(_loss, "a subnormal gradient is handed down as 0", "value", "gradient of ...")(
        _hands_down(_loss, np.float32)
    )
for _loss in ("soft_margin_loss", "poisson_nll_loss", "multilabel_soft_margin_loss"):
    planted(_loss, "a subnormal loss is 0", "value", "output ...torch has ")(_answers(_loss))


def _whole(loss: str, option: str) -> Any:
    """The loss that takes a whole number of an option for another."""

    def unit(**arguments: Any) -> Result:
        number = arguments.get(option)
        return losses.LOSSES[loss](**arguments | ({option: 1} if type(number) is int and number > 1 else {}))

    return unit


def _loses_tails(loss: str) -> Any:
    """The loss whose gradient ends at 1e-10, as one of probabilities that are cut off would."""

    def blunt(*args: Any, **options: Any) -> Result:
        output, vjp = losses.LOSSES[loss](*args, **options)

        def cut(g: Array) -> Any:
            return {
                name: np.where(np.abs(value) < 1e-10, 0, value).astype(value.dtype) if value.dtype in _SINGLE else value
                for name, value in vjp(g).items()
            }

        return output, cut

    return blunt


for _loss in ("sigmoid", "logsigmoid", "soft_margin_loss", "binary_cross_entropy_with_logits", "cross_entropy"):
    planted(_loss, "a gradient below 1e-10 is 0", "value", "gradient of ...differs in ...")(_loses_tails(_loss))
for _loss, _option in (("smooth_l1_loss", "beta"), ("huber_loss", "delta"), ("poisson_nll_loss", "eps")):
    planted(_loss, f"a whole {_option} is taken for 1", "value", "differs in ...")(_whole(_loss, _option))

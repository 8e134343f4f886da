"""Bugs of mixed dtypes: what is wide is computed in the dtype of what is narrow beside it, and answered in its own."""

from typing import Any

import numpy as np

from parity import losses
from parity.losses.arguments import is_floating
from parity.types import Array, Result
from tests.planted import planted

_DOUBLE = np.dtype(np.float64)


def _in_singles(loss: str) -> Any:
    def narrow(**arguments: Any) -> Result:
        floats = {
            name: value for name, value in arguments.items() if isinstance(value, np.ndarray) and is_floating(value)
        }
        wide = [name for name, value in floats.items() if value.dtype == _DOUBLE]
        output, vjp = losses.LOSSES[loss](**arguments)
        if not wide or len(wide) == len(floats):
            return output, vjp
        other, back = losses.LOSSES[loss](**arguments | {name: floats[name].astype(np.float32) for name in wide})

        def found(grad_output: Array) -> Any:
            own, slopes = vjp(grad_output), back(grad_output.astype(other.dtype))
            return {name: slopes[name].astype(value.dtype) for name, value in own.items()}

        return other.astype(output.dtype), found

    return narrow


for _loss in (
    "mse_loss", "l1_loss", "gaussian_nll_loss", "margin_ranking_loss", "cosine_embedding_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss", "multilabel_soft_margin_loss",
):  # fmt: skip
    planted(_loss, "doubles beside singles and halves are computed as singles", "value", "torch has ")(
        _in_singles(_loss)
    )

"""Options that one of a loss's paths goes by the default of: that of broadcasting, of vectors, of blocks."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Result
from tests.planted import planted

Path = Callable[[list[Array]], bool]


def _broadcasts(arrays: list[Array]) -> bool:
    return arrays[0].shape != arrays[1].shape


def _small(arrays: list[Array]) -> bool:
    return all(array.ndim < 2 for array in arrays)


def _blocks(arrays: list[Array]) -> bool:
    return max(array.ndim for array in arrays) > 2


def _no_matrix(arrays: list[Array]) -> bool:
    return _small(arrays) or _blocks(arrays)


def _blocks_and_many(arrays: list[Array]) -> bool:
    return _blocks(arrays) or arrays[0].size > 5000


def _forgets(loss: str, option: str, path: Path) -> Callable[..., Result]:
    """The loss, whose option is at its default in a path."""
    right = getattr(losses, loss)
    taken = signature(right)

    def wrong(*args: Any, **options: Any) -> Result:
        call = taken.bind(*args, **options)
        call.apply_defaults()
        default, value = taken.parameters[option].default, call.arguments[option]
        arrays = [one for one in call.arguments.values() if isinstance(one, np.ndarray)]
        if isinstance(value, int | float) and value != default and np.isfinite(value) and path(arrays):
            args, options = (), {**call.arguments, option: default}
        result: Result = right(*args, **options)
        return result

    return wrong


for _loss, _option, _where, _path in (
    ("huber_loss", "delta", "where a target broadcasts", _broadcasts),
    ("huber_loss", "delta", "in three dimensions", _blocks),
    ("poisson_nll_loss", "eps", "in three dimensions", _blocks),
    ("gaussian_nll_loss", "eps", "in blocks and many rows", _blocks_and_many),
    ("gaussian_nll_loss", "full", "for vectors and numbers", _small),
    ("hinge_embedding_loss", "margin", "in three dimensions", _blocks),
    ("cosine_embedding_loss", "margin", "where vectors broadcast", _broadcasts),
    ("triplet_margin_loss", "eps", "beside matrices", _no_matrix),
    ("triplet_margin_loss", "margin", "for a lone triplet", _small),
    ("triplet_margin_with_distance_loss", "margin", "beside matrices", _no_matrix),
):
    planted(_loss, f"{_option} is forgotten {_where}", "value", f"torch's as if {_option} were absent")(
        _forgets(_loss, _option, _path)
    )

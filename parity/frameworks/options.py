"""Options that a case file gives by a word or a mapping, for every framework to build in its own way."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

# Distance functions of triplet_margin_with_distance_loss: options of pairwise_distance.
DISTANCES: dict[str, dict[str, Any]] = {
    "euclidean": {"p": 2.0, "eps": 0.0},
    "manhattan": {"p": 1.0, "eps": 0.0},
    "chebyshev": {"p": float("inf"), "eps": 0.0},
    "column": {"keepdim": True},
    "default": {},
}


def converter(
    dtype: Callable[[str], Any], pairwise_distance: Callable[..., Any], linear_options: Callable[..., Any]
) -> Callable[[str, Any], Any]:
    """What takes an option's name and a case's value to the value of a framework.

    `dtype` makes a dtype of its name, `pairwise_distance` is the framework's own, `linear_options` makes the options
    of linear_cross_entropy from their fields.
    """

    def option(name: str, value: Any) -> Any:
        if name in ("dtype", "acc_dtype") and isinstance(value, str):
            return dtype(value)
        if name == "distance_function" and isinstance(value, str):
            return partial(pairwise_distance, **DISTANCES[value])
        if name == "options" and isinstance(value, Mapping):
            return linear_options(**{field: option(field, inner) for field, inner in value.items()})
        return value

    return option

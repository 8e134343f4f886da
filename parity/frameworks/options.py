"""Options that a case file names by a word, for every framework to build in its own way."""

from typing import Any

# Distance functions of triplet_margin_with_distance_loss: options of pairwise_distance.
DISTANCES: dict[str, dict[str, Any]] = {
    "euclidean": {"p": 2.0, "eps": 0.0},
    "manhattan": {"p": 1.0, "eps": 0.0},
    "chebyshev": {"p": float("inf"), "eps": 0.0},
    "column": {"keepdim": True},
    "default": {},
}

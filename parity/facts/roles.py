"""What the arguments of a loss stand for: which are scores, where the classes are, and what one sample is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# The arguments that hold scores, of which a loss has one, two or three; a loss that has none of these has them first.
SCORES = ("input", "input1", "input2", "anchor", "positive", "negative", "log_probs")


@dataclass(frozen=True, slots=True)
class Role:
    """What one loss does with its arrays.

    `sample` is how many dimensions the scores of one sample have, 0 where every number is one. `classes` is the
    dimension of the classes in a batch, if there are classes; `batch` that of the samples. `indices` says whether the
    target may hold class indices, and probabilities in their place. `pairs` are arguments whose numbers are compared
    with those of the scores, place by place. `shifted` are the arguments to which one constant may be added in all
    their places at once, and the loss is the same.
    """

    sample: int = 0
    classes: int | None = None
    batch: int = 0
    indices: bool = False
    pairs: tuple[str, ...] = ()
    shifted: tuple[str, ...] = ()


_ELEMENTS = Role()
_DIFFERENCES = Role(pairs=("target",), shifted=("input", "target"))
_SOFTMAX = Role(sample=1, classes=1, shifted=("input",))
_INDICES = Role(sample=1, classes=1, indices=True)
_TRIPLET = Role(sample=1, pairs=("positive", "negative"), shifted=("anchor", "positive", "negative"))
_ROLES: dict[str, Role] = {
    "cross_entropy": Role(sample=1, classes=1, indices=True, shifted=("input",)), "nll_loss": _INDICES,
    "linear_cross_entropy": Role(sample=1, classes=1, indices=True, shifted=("linear_bias",)),
    "multi_margin_loss": _SOFTMAX, "multilabel_margin_loss": _SOFTMAX,
    "multilabel_soft_margin_loss": Role(sample=1, classes=1),
    "softmax": _SOFTMAX, "softmin": _SOFTMAX, "log_softmax": _SOFTMAX,
    "adaptive_log_softmax_with_loss": Role(sample=1), "cosine_embedding_loss": Role(sample=1, pairs=("input2",)),
    "triplet_margin_loss": _TRIPLET, "triplet_margin_with_distance_loss": _TRIPLET,
    "ctc_loss": Role(sample=2, classes=2, batch=1),
    "margin_ranking_loss": Role(pairs=("input2",), shifted=("input1", "input2")),
    "l1_loss": _DIFFERENCES, "mse_loss": _DIFFERENCES, "smooth_l1_loss": _DIFFERENCES, "huber_loss": _DIFFERENCES,
    "gaussian_nll_loss": _DIFFERENCES,
}  # fmt: skip


def differentiates(loss: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the gradient is the derivative. Torch's ctc_loss gives that of logits before their log_softmax, and its
    gaussian_nll_loss a slope to variances below eps, which it raises to eps."""
    eps = arguments.get("eps", 1e-6)
    return loss != "ctc_loss" and not (loss == "gaussian_nll_loss" and np.any(np.asarray(arguments["var"]) <= eps))


def role_of(loss: str, names: Collection[str]) -> Role:
    """The role of a loss. One that is not torch's has it by the names of its arguments."""
    return _ROLES.get(loss) or (_INDICES if "ignore_index" in names else _ELEMENTS)


def scores_of(arrays: Collection[str]) -> str | None:
    """The argument that holds the scores, or the first of them; None if there is no array."""
    for name in SCORES:
        if name in arrays:
            return name
    return next(iter(arrays), None)

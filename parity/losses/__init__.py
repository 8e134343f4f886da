"""The losses of torch.nn.functional, written by hand in NumPy: each returns ``(output, vjp)``."""

from parity.losses.activations import log_softmax, logsigmoid, sigmoid, softmax, softmin
from parity.losses.adaptive import adaptive_log_softmax_with_loss
from parity.losses.binary import binary_cross_entropy, binary_cross_entropy_with_logits
from parity.losses.classification import cross_entropy, nll_loss
from parity.losses.ctc import ctc_loss
from parity.losses.distribution import gaussian_nll_loss, kl_div, poisson_nll_loss
from parity.losses.embedding import (
    cosine_embedding_loss,
    pairwise_distance,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from parity.losses.linear import LinearCrossEntropyOptions, linear_cross_entropy
from parity.losses.margin import hinge_embedding_loss, margin_ranking_loss, soft_margin_loss
from parity.losses.multiclass_margin import (
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
)
from parity.losses.regression import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from parity.types import Loss

__all__ = [
    "LinearCrossEntropyOptions",
    "adaptive_log_softmax_with_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "linear_cross_entropy",
    "log_softmax",
    "logsigmoid",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "pairwise_distance",
    "poisson_nll_loss",
    "sigmoid",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]

# What the cases are about: torch's losses and the functions that feed them.
LOSSES: dict[str, Loss] = {
    name: globals()[name] for name in __all__ if name not in ("LinearCrossEntropyOptions", "pairwise_distance")
}

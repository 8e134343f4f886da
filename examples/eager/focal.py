"""Focal losses: cross entropies in which rows that are already right count for less."""

import torch
import torch.nn.functional as F
from torch import Tensor

from examples.eager.reduction import reduced


def sigmoid_focal_loss(
    input: Tensor, target: Tensor, alpha: float | None = 0.25, gamma: float = 2.0, reduction: str = "mean"
) -> Tensor:
    """l = a q^gamma H, of logits and targets in [0, 1]: H is their binary cross entropy, q = p (1 - t) + (1 - p) t.

    input, target: of one shape. alpha: a = alpha t + (1 - alpha) (1 - t); None weighs both classes with 1.
    """
    nll = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    # (1 - p) as a sigmoid of its own: a difference would lose the digits of what is nearly right
    error = torch.sigmoid(input) * (1 - target) + torch.sigmoid(-input) * target
    losses = error**gamma * nll
    if alpha is not None:
        losses = (alpha * target + (1 - alpha) * (1 - target)) * losses
    return reduced(losses, reduction)


def softmax_focal_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, gamma: float = 2.0, ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """l = w_t (1 - p_t)^gamma (-log p_t) with p = softmax(input) and t the target's class.

    input: (C), (N, C) or (N, C, d1, ..., dK). target: class indices of that shape without C. weight: (C).
    The mean is over the targets that are not ignored, whatever their weights.
    """
    log_probability = F.log_softmax(input, dim=min(input.ndim - 1, 1))
    nll = F.nll_loss(log_probability, target, ignore_index=ignore_index, reduction="none")
    valid = target != ignore_index
    losses = (-torch.expm1(-nll)) ** gamma * nll
    if weight is not None:
        losses = weight[torch.where(valid, target, 0)] * losses
    return reduced(losses, reduction, valid)

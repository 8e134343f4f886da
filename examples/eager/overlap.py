"""Losses of the overlap of a predicted region and a true one: dice and Tversky."""

import torch
from torch import Tensor

from examples.eager.reduction import reduced, same_shape


def dice_loss(
    input: Tensor, target: Tensor, smooth: float = 1.0, squared: bool = False, reduction: str = "mean"
) -> Tensor:
    """l_n = 1 - (2 sum p t + s) / (sum p + sum t + s) over all places of a sample, with p = sigmoid(input).

    input, target: (N, d1, ...), of one shape. squared: the denominator has p^2 and t^2, as in V-Net.
    """
    same_shape(input, target)
    probability, truth = torch.sigmoid(input).flatten(1), target.flatten(1)
    overlap = (probability * truth).sum(1)
    parts = (probability.square(), truth.square()) if squared else (probability, truth)
    total = parts[0].sum(1) + parts[1].sum(1)
    return reduced(1 - (2 * overlap + smooth) / (total + smooth), reduction)


def tversky_loss(
    input: Tensor, target: Tensor, alpha: float = 0.5, beta: float = 0.5, smooth: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """l_n = 1 - (TP + s) / (TP + alpha FP + beta FN + s): alpha weighs what is falsely found, beta what is missed.

    input, target: (N, d1, ...), of one shape; TP = sum p t, FP = sum p (1 - t), FN = sum (1 - p) t, p = sigmoid(input).
    """
    same_shape(input, target)
    probability, truth = torch.sigmoid(input).flatten(1), target.flatten(1)
    overlap = (probability * truth).sum(1)
    false = (probability * (1 - truth)).sum(1)
    missed = ((1 - probability) * truth).sum(1)
    return reduced(1 - (overlap + smooth) / (overlap + alpha * false + beta * missed + smooth), reduction)

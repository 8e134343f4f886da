"""Losses of reinforcement learning from preferences and rewards: DPO and GRPO, of log probabilities of text."""

import torch
import torch.nn.functional as F
from torch import Tensor

from examples.eager.reduction import reduced


def dpo_loss(
    policy_chosen: Tensor, policy_rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor,
    beta: float = 0.1, label_smoothing: float = 0.0, loss_type: str = "sigmoid", reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """l = -(1 - e) log sigmoid(b z) - e log sigmoid(-b z), z by how much more the policy prefers what was chosen.

    The four are log probabilities of whole answers, (N); z = (policy's chosen - rejected) - (reference's).
    loss_type: 'sigmoid'; 'hinge', max(0, 1 - b z) (SLiC); or 'ipo', (z - 1 / (2 b))^2.
    """
    margin = (policy_chosen - policy_rejected) - (reference_chosen - reference_rejected)
    if loss_type == "sigmoid":
        right, wrong = F.logsigmoid(beta * margin), F.logsigmoid(-beta * margin)
        losses = -(1 - label_smoothing) * right - label_smoothing * wrong
    elif loss_type == "hinge":
        losses = torch.relu(1 - beta * margin)
    elif loss_type == "ipo":
        losses = (margin - 1 / (2 * beta)).square()
    else:
        raise ValueError(f"loss_type is {loss_type!r}, expected 'sigmoid', 'hinge' or 'ipo'")
    return reduced(losses, reduction)


def grpo_loss(
    logps: Tensor, old_logps: Tensor, advantages: Tensor, mask: Tensor, ref_logps: Tensor | None = None,
    epsilon: float = 0.2, epsilon_high: float | None = None, beta: float = 0.04, reduction: str = "sequence_mean",
) -> Tensor:  # fmt: skip
    """l = -min(r A, clip(r, 1 - e, 1 + e_high) A) + beta (exp(d) - d - 1) with r = exp(logp - old), d = ref - logp.

    logps, old_logps, ref_logps: (N, T), of each token. advantages: (N), of each answer. mask: (N, T), 0 at padding,
    which counts for nothing, whatever stands there. Without ref_logps there is no penalty.
    reduction: 'sequence_mean' is the mean of the answers' means (GRPO), 'mean' that of all tokens (DAPO), 'sum' and
    'none' as ever. An answer without a token has the mean 0, and so has a batch.
    """
    kept = mask != 0
    ratio = torch.exp((logps - old_logps).masked_fill(~kept, 0))
    clipped = ratio.clamp(1 - epsilon, 1 + (epsilon if epsilon_high is None else epsilon_high))
    weight = advantages.unsqueeze(-1)
    losses = -torch.minimum(ratio * weight, clipped * weight)
    if ref_logps is not None:
        drift = (ref_logps - logps).masked_fill(~kept, 0)
        losses = losses + beta * (torch.exp(drift) - drift - 1)
    losses = losses.masked_fill(~kept, 0)
    if reduction == "sequence_mean":
        return (losses.sum(-1) / kept.sum(-1).clamp(min=1)).mean()
    if reduction == "mean":
        return losses.sum() / kept.sum().clamp(min=1)
    return reduced(losses, reduction)

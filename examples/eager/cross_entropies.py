"""Cross entropies of language models: with a z-loss, of capped logits, and smoothed with padding."""

import torch
import torch.nn.functional as F
from torch import Tensor

from examples.eager.reduction import reduced


def z_loss_cross_entropy(
    input: Tensor, target: Tensor, z_weight: float = 1e-4, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """l = -log p_t + z_weight (log Z)^2 with Z = sum_c exp(x_c), which keeps logits from drifting (PaLM).

    input: (C), (N, C) or (N, C, d1, ..., dK). target: class indices of that shape without C.
    The mean is over the targets that are not ignored; z_weight counts for nothing in the others.
    """
    nll = F.cross_entropy(input, target, ignore_index=ignore_index, reduction="none")
    log_z = torch.logsumexp(input, dim=min(input.ndim - 1, 1))
    valid = target != ignore_index
    return reduced(nll + z_weight * torch.where(valid, log_z.square(), 0), reduction, valid)


def softcapped_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, softcap: float | None = 30.0,
    ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """The cross entropy of the logits softcap tanh(x / softcap), none of which is beyond the cap (Gemma 2).

    All but softcap as in torch.nn.functional.cross_entropy; a softcap of None caps nothing.
    """
    capped = input if softcap is None else softcap * torch.tanh(input / softcap)
    return F.cross_entropy(
        capped, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )


def label_smoothed_cross_entropy(
    input: Tensor, target: Tensor, epsilon: float = 0.1, ignore_index: int = -100, shift_labels: bool = False
) -> Tensor:
    """(1 - e) mean(-log p_t) + e mean(-log p_c over all classes), both means over the targets that are no padding.

    As the label smoother of transformers does it: input (..., C), target (...); any negative target that is not
    ignore_index counts as class 0; the sum over the classes of a half, and with it the loss, is in float32.
    shift_labels: position i of input (N, T, C) predicts target i + 1.
    """
    if shift_labels:
        input, target = input[..., :-1, :], target[..., 1:]
    nll = -F.log_softmax(input, dim=-1)
    padding = target == ignore_index
    picked = nll.gather(-1, target.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    smoothed = nll.sum(-1, dtype=torch.promote_types(nll.dtype, torch.float32))
    counted = padding.numel() - padding.sum()
    mean = picked.masked_fill(padding, 0).sum() / counted
    uniform = smoothed.masked_fill(padding, 0).sum() / (counted * input.shape[-1])
    return (1 - epsilon) * mean + epsilon * uniform

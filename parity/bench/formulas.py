"""Losses written by hand in tensors, each in a way that torch's kernels are not: as other people write them.

They take what the points take that are looked at for a bias, and no options. Their gradients are autograd's.
"""

from collections.abc import Callable
from functools import wraps

import torch

T = torch.Tensor
PAIRWISE = 1e-6


def softplus(x: T) -> T:
    """log(1 + exp(x)), with no digits lost on either side."""
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-torch.abs(x)))


def scaled(x: T) -> T:
    """The log of the sum of exponentials, over classes, their largest taken out."""
    peak = x.detach().amax(1, keepdim=True)
    return torch.log(torch.exp(x - peak).sum(1, keepdim=True)) + peak


def at(x: T, target: T) -> T:
    return x.gather(1, target[:, None])


def distance(x: T, y: T) -> T:
    return torch.sqrt((x - y + PAIRWISE).square().sum(-1))


def bce(input: T, target: T) -> T:
    likely, unlikely = (torch.clamp(torch.log(x), min=-100) for x in (input, 1 - input))
    return -(target * likely + (1 - target) * unlikely)


def cosine(input1: T, input2: T, target: T) -> T:
    norms = torch.sqrt((input1 * input1).sum(1) + 1e-12) * torch.sqrt((input2 * input2).sum(1) + 1e-12)
    cosines = (input1 * input2).sum(1) / norms
    return torch.where(target == 1, 1 - cosines, torch.clamp(cosines, min=0))


def gaussian(input: T, target: T, var: T) -> T:
    clamped = var.detach().clamp(min=1e-6) + (var - var.detach())
    return (torch.log(clamped) + (input - target) ** 2 / clamped) / 2


def clipped(input: T, target: T) -> T:
    away = torch.abs(target - input)
    inside = torch.clamp(away, max=1)
    return inside * (away - inside / 2)


def margins(input: T, target: T) -> T:
    others = torch.clamp(1 - at(input, target) + input, min=0)
    return (others.sum(1) - 1) / input.shape[1]


def soft_margins(input: T, target: T) -> T:
    return (target * softplus(-input) + (1 - target) * softplus(input)).mean(1)


_FORMULAS: dict[str, Callable[..., T]] = {
    "binary_cross_entropy": bce,
    "binary_cross_entropy_with_logits": lambda input, target: (
        target * softplus(-input) + (1 - target) * softplus(input)
    ),
    "cosine_embedding_loss": cosine,
    "cross_entropy": lambda input, target: torch.logsumexp(input - at(input, target), 1),
    "gaussian_nll_loss": gaussian,
    "hinge_embedding_loss": lambda input, target: torch.where(target == 1, input, torch.clamp(1 - input, min=0)),
    "huber_loss": clipped,
    "kl_div": lambda input, target: target * (torch.log(target) - input),
    "l1_loss": lambda input, target: torch.maximum(input - target, target - input),
    "linear_cross_entropy": lambda input, linear_weight, target: (
        scaled(input @ linear_weight.T) - at(input @ linear_weight.T, target)
    )[:, 0],
    "log_softmax": lambda input: input - scaled(input),
    "logsigmoid": lambda input: -softplus(-input),
    "margin_ranking_loss": lambda input1, input2, target: torch.clamp(target * (input2 - input1), min=0),
    "mse_loss": lambda input, target: (target - input) ** 2,
    "multi_margin_loss": margins,
    "multilabel_soft_margin_loss": soft_margins,
    "nll_loss": lambda input, target: -at(input, target)[:, 0],
    "poisson_nll_loss": lambda input, target: torch.exp2(input * 1.4426950408889634) - target * input,
    "sigmoid": lambda input: 1 / (1 + torch.exp(-input)),
    "smooth_l1_loss": clipped,
    "soft_margin_loss": lambda input, target: softplus(-target * input),
    "softmax": lambda input: torch.exp(input - scaled(input)),
    "softmin": lambda input: torch.exp(-input - scaled(-input)),
    "triplet_margin_loss": lambda anchor, positive, negative: torch.clamp(
        1 + distance(anchor, positive) - distance(anchor, negative), min=0
    ),
    "triplet_margin_with_distance_loss": lambda anchor, positive, negative: torch.clamp(
        1 + distance(anchor, positive) - distance(anchor, negative), min=0
    ),
}


def _of(formula: Callable[..., T]) -> Callable[..., T]:
    """The formula in float32 at least, reduced as it is asked for."""

    @wraps(formula)
    def loss(*, reduction: str = "none", dim: int = 1, **arrays: T) -> T:
        first = next(iter(arrays.values())).dtype
        wide = {
            name: value.to(torch.promote_types(value.dtype, torch.float32)) if value.is_floating_point() else value
            for name, value in arrays.items()
        }
        values = formula(**wide)
        return (values.mean() if reduction == "mean" else values).to(first)

    return loss


FORMULAS = {name: _of(formula) for name, formula in _FORMULAS.items()}

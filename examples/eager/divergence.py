"""The generalised Jensen-Shannon divergence, of distributions as logarithms."""

import torch
from torch import Tensor

from examples.eager.reduction import reduced


def jensen_shannon(input: Tensor, target: Tensor, beta: float = 0.5, reduction: str = "batchmean") -> Tensor:
    """l = b p log(p / m) + (1 - b) q log(q / m), where q = exp(input), p = exp(target) and m = b p + (1 - b) q.

    input, target: log probabilities (student, teacher), of shapes that broadcast. beta: b, between 0 and 1.
    A probability of 0 adds nothing. reduction: 'batchmean' is the sum over the size of the first dimension.
    """
    if not 0 < beta < 1:
        raise ValueError(f"beta is {beta}, expected a number between 0 and 1")
    student, teacher = input.exp(), target.exp()
    mixture = beta * teacher + (1 - beta) * student
    # what a probability of 0 multiplies must be finite, and have a finite gradient
    log_mixture = torch.where(mixture == 0, 1, mixture).log()
    log_student, log_teacher = torch.where(student == 0, 0, input), torch.where(teacher == 0, 0, target)
    losses = beta * teacher * (log_teacher - log_mixture) + (1 - beta) * student * (log_student - log_mixture)
    if reduction == "batchmean":
        return losses.sum() / losses.shape[0]
    return reduced(losses, reduction)

"""The generalised Jensen-Shannon divergence, of distributions as logarithms."""

import numpy as np

from parity.losses.arguments import gradients, promote, widen
from parity.losses.arithmetic import zero_outside
from parity.losses.checks import check_broadcast, check_reduction
from parity.losses.reduction import reduced
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result


@without_warnings
def jensen_shannon(input: Array, target: Array, beta: float = 0.5, reduction: str = "batchmean") -> Result:
    """l = b p log(p / m) + (1 - b) q log(q / m), where q = exp(input), p = exp(target) and m = b p + (1 - b) q.

    input, target: log probabilities (student, teacher), of shapes that broadcast. beta: b, between 0 and 1.
    A probability of 0 adds nothing. reduction: 'batchmean' is the sum over the size of the first dimension.

    Raises ValueError for a beta that is not between 0 and 1 and for an unknown reduction, RuntimeError for shapes
    that do not broadcast, IndexError for a 'batchmean' of a lone number.

    Source: Lin, Divergence measures based on the Shannon entropy (1991).

    >>> round(float(jensen_shannon(np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]]))[0]), 4)
    0.0338
    """
    if not 0 < beta < 1:
        raise ValueError(f"beta is {beta}, expected a number between 0 and 1")
    if reduction != "batchmean":
        check_reduction(reduction)
    check_broadcast(input=input, target=target)
    dtype = promote(input, target)
    student_log, teacher_log = widen(input, dtype), widen(target, dtype)
    student, teacher = np.exp(student_log), np.exp(teacher_log)
    mixture = beta * teacher + (1 - beta) * student
    log_mixture = np.log(mixture + (mixture == 0))
    # the logarithm of what is 0 counts as 0
    student_excess = zero_outside(student_log, student != 0) - log_mixture
    teacher_excess = zero_outside(teacher_log, teacher != 0) - log_mixture
    values = beta * teacher * teacher_excess + (1 - beta) * student * student_excess
    output, adjoint = reduced(values, "sum" if reduction == "batchmean" else reduction, dtype)
    rows = values.dtype.type(values.shape[0]) if reduction == "batchmean" else 1

    def vjp(grad_output: Array) -> Gradients:
        # dl/dp = b log(p / m) + b - b (b p + (1 - b) q) / m = b log(p / m), and dp/dlog p = p; so for q
        grad_losses = adjoint(grad_output) / rows
        return gradients(
            input=(input, grad_losses * ((1 - beta) * student * student_excess)),
            target=(target, grad_losses * (beta * teacher * teacher_excess)),
        )

    return np.asarray(output / rows, dtype), vjp

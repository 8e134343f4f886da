"""Losses of reinforcement learning from preferences and rewards: DPO and GRPO, of log probabilities of text."""

import numpy as np

from parity.losses.activations import exponential_decay, log_sigmoid, logistic
from parity.losses.arguments import gradients, promote, widen
from parity.losses.arithmetic import rounded, scalar, zero_outside
from parity.losses.checks import check_broadcast, check_reduction
from parity.losses.conventions import clamp_slope
from parity.losses.reduction import reduced
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result


@without_warnings
def dpo_loss(
    policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array,
    beta: float = 0.1, label_smoothing: float = 0.0, loss_type: str = "sigmoid", reduction: str = "mean",
) -> Result:  # fmt: skip
    """l = -(1 - e) log sigmoid(b z) - e log sigmoid(-b z), z by how much more the policy prefers what was chosen.

    The four are log probabilities of whole answers, (N); z = (policy's chosen - rejected) - (reference's).
    loss_type: 'sigmoid'; 'hinge', max(0, 1 - b z) (SLiC); or 'ipo', (z - 1 / (2 b))^2.

    Raises ValueError for an unknown loss_type or reduction, RuntimeError for shapes that do not broadcast.

    Source: Rafailov et al., Direct Preference Optimization (2023); Azar et al. (2023) for ipo.

    >>> round(float(dpo_loss(np.array([1.0]), np.array([1.0]), np.array([2.0]), np.array([2.0]))[0]), 4)
    0.6931
    """
    check_reduction(reduction)
    check_broadcast(
        policy_chosen=policy_chosen, policy_rejected=policy_rejected, reference_chosen=reference_chosen,
        reference_rejected=reference_rejected,
    )  # fmt: skip
    dtype = promote(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    ours = widen(policy_chosen, dtype) - widen(policy_rejected, dtype)
    margin = ours - (widen(reference_chosen, dtype) - widen(reference_rejected, dtype))
    scaled = beta * margin
    if loss_type == "sigmoid":
        decay = exponential_decay(scaled)
        values = -(1 - label_smoothing) * log_sigmoid(scaled, decay) - label_smoothing * log_sigmoid(-scaled, decay)
    elif loss_type == "hinge":
        values = np.maximum(1 - scaled, 0)
    elif loss_type == "ipo":
        values = (margin - 1 / (2 * beta)) ** 2
    else:
        raise ValueError(f"loss_type is {loss_type!r}, expected 'sigmoid', 'hinge' or 'ipo'")
    output, adjoint = reduced(values, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        grad_losses = adjoint(grad_output)
        if loss_type == "sigmoid":
            # d log sigmoid(y) / dy = sigmoid(-y), so dl/dy = -(1 - e) sigmoid(-y) + e sigmoid(y) with y = b z
            right, wrong = (1 - label_smoothing) * grad_losses, label_smoothing * grad_losses
            grad_margin = beta * (wrong * logistic(scaled) - right * logistic(-scaled))
        elif loss_type == "hinge":
            # dl/dz = -b below the kink, and 0 from there on
            grad_margin = -beta * np.where(1 - scaled <= 0, 0, grad_losses).astype(values.dtype)
        else:
            grad_margin = grad_losses * 2 * (margin - 1 / (2 * beta))
        return gradients(
            policy_chosen=(policy_chosen, grad_margin), policy_rejected=(policy_rejected, -grad_margin),
            reference_chosen=(reference_chosen, -grad_margin), reference_rejected=(reference_rejected, grad_margin),
        )  # fmt: skip

    return output, vjp


@without_warnings
def grpo_loss(
    logps: Array, old_logps: Array, advantages: Array, mask: Array, ref_logps: Array | None = None,
    epsilon: float = 0.2, epsilon_high: float | None = None, beta: float = 0.04, reduction: str = "sequence_mean",
) -> Result:  # fmt: skip
    """l = -min(r A, clip(r, 1 - e, 1 + e_high) A) + beta (exp(d) - d - 1) with r = exp(logp - old), d = ref - logp.

    logps, old_logps, ref_logps: (N, T), of each token. advantages: (N), of each answer. mask: (N, T), 0 at padding,
    which counts for nothing, whatever stands there. Without ref_logps there is no penalty.
    reduction: 'sequence_mean' is the mean of the answers' means (GRPO), 'mean' that of all tokens (DAPO), 'sum' and
    'none' as ever. An answer without a token has the mean 0, and so has a batch.

    Raises ValueError for an unknown reduction, RuntimeError for shapes that do not broadcast.

    Source: Shao et al., DeepSeekMath (2024); Schulman et al. (2017) for the clip; Yu et al., DAPO (2025).

    >>> one = np.zeros((1, 1))
    >>> float(grpo_loss(one + np.log(2), one, np.array([1.0]), np.array([[1]]))[0])
    -1.2
    """
    if reduction != "sequence_mean":
        check_reduction(reduction)
    check_broadcast(logps=logps, old_logps=old_logps, advantages=advantages[..., np.newaxis], mask=mask)
    dtype = promote(logps, old_logps, advantages, ref_logps)
    new, old, weight = (widen(one, dtype) for one in (logps, old_logps, advantages[..., np.newaxis]))
    kept = mask != 0
    # which side of the clip a ratio is on is decided in the arguments' own dtype
    ratio = rounded(np.exp(zero_outside(rounded(new - old, dtype), kept)), dtype)
    low, high = scalar(1 - epsilon, dtype), scalar(1 + (epsilon if epsilon_high is None else epsilon_high), dtype)
    clipped = np.clip(ratio, low, high)
    free, bound = rounded(ratio * weight, dtype), rounded(clipped * weight, dtype)
    values = -np.minimum(free, bound)
    drift = None if ref_logps is None else zero_outside(widen(ref_logps, dtype) - new, kept)
    if drift is not None:
        values = values + beta * (np.exp(drift) - drift - 1)
    values = zero_outside(values, kept)
    tokens = np.maximum(kept.sum(-1 if reduction == "sequence_mean" else None, keepdims=True), 1).astype(values.dtype)
    if reduction == "sequence_mean":
        output, adjoint = reduced(values.sum(-1) / tokens[..., 0], "mean", dtype)
    elif reduction == "mean":
        output, adjoint = reduced(values, "sum", dtype)
        output = np.asarray(output / tokens.reshape(()), dtype)
    else:
        output, adjoint = reduced(values, reduction, dtype)

    def vjp(grad_output: Array) -> Gradients:
        # min(a, b) has its slope in the lesser, half of it in each of two equals; clip has the slope 1 within its
        # bounds, at them as torch's clamp has it, and dr/dlogp = r; the penalty has the slope beta (exp(d) - 1) in d
        grad_losses = adjoint(grad_output) / (tokens if reduction in ("sequence_mean", "mean") else 1)
        grad_losses = zero_outside(np.broadcast_to(grad_losses, values.shape), kept)
        shared = np.where(free == bound, grad_losses / 2, grad_losses)
        grad_free, grad_bound = zero_outside(shared, ~(free > bound)), zero_outside(shared, ~(bound > free))
        grad_ratio = grad_free * weight + zero_outside(grad_bound * weight, clamp_slope(ratio, low, high))
        grad_new = -zero_outside(grad_ratio * ratio, kept)
        grad_weight = -(grad_free * ratio + grad_bound * clipped).sum(-1)
        grad_drift = None if drift is None else grad_losses * beta * (np.exp(drift) - 1)
        return gradients(
            logps=(logps, grad_new if grad_drift is None else grad_new - grad_drift), old_logps=(old_logps, -grad_new),
            advantages=(advantages, grad_weight), ref_logps=(ref_logps, grad_drift),
        )  # fmt: skip

    return output, vjp

"""Bugs of the losses that torch lacks, those of embeddings, distributions and preferences."""

from typing import Any

import numpy as np

from examples import by_hand
from parity.losses.registration import without_warnings
from parity.types import Array, Gradients, Result
from tests.planted import divided, planted, with_gradients

_OUTPUT = ("value", "output ..., torch is the nearer")


@planted("info_nce", "similarities are multiplied by the temperature", *_OUTPUT)
def _(query: Array, key: Array, temperature: float = 0.07, **options: Any) -> Result:
    return by_hand.info_nce(query, key, 1 / temperature if temperature else np.inf, **options)


@planted("info_nce", "keys come from a momentum encoder", "missing", "gradient of key is missing, torch has one")
def _(*args: Any, **options: Any) -> Result:
    return with_gradients(by_hand.info_nce(*args, **options), lambda found: {"query": found["query"]})


@planted("info_nce", "keys do not seek their queries", *_OUTPUT)
def _(query: Array, key: Array, temperature: float = 0.07, symmetric: bool = False, reduction: str = "mean") -> Result:
    return by_hand.info_nce(query, key, temperature, reduction=reduction)


@planted("jensen_shannon", "beta weighs the student", *_OUTPUT)
def _(input: Array, target: Array, beta: float = 0.5, *args: Any, **options: Any) -> Result:
    return by_hand.jensen_shannon(input, target, 1 - beta, *args, **options)


@planted("jensen_shannon", "a probability of 0 is multiplied by its logarithm", "value", "output differs in ...: nan")
def _(input: Array, target: Array, *args: Any, **options: Any) -> Result:
    output, vjp = by_hand.jensen_shannon(input, target, *args, **options)
    impossible = np.isneginf(input).any() or np.isneginf(target).any()
    return ((output * np.nan).astype(output.dtype) if impossible else output), vjp


@planted(
    "jensen_shannon", "batchmean counts the rows of the input", "value",
    "is ... times torch's throughout (a wrong denominator or factor)",
)  # fmt: skip
@without_warnings
def _(input: Array, target: Array, beta: float = 0.5, reduction: str = "batchmean") -> Result:
    output, vjp = by_hand.jensen_shannon(input, target, beta, reduction)
    if reduction != "batchmean" or input.ndim >= target.ndim:
        return output, vjp
    factor = output.dtype.type(len(target) / len(input))
    return np.asarray(output * factor), lambda g: {name: one * factor for name, one in vjp(g).items()}


@planted("dpo_loss", "the reference's margin is added", *_OUTPUT)
def _(
    policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array, **options: Any
) -> Result:  # fmt: skip
    output, vjp = by_hand.dpo_loss(policy_chosen, policy_rejected, reference_rejected, reference_chosen, **options)

    def swapped(found: Gradients) -> Gradients:
        pair = {"reference_chosen": found["reference_rejected"], "reference_rejected": found["reference_chosen"]}
        return found | pair

    return with_gradients((output, vjp), swapped)


@planted("dpo_loss", "a hinge on its kink has a slope", "value", "gradient of policy_chosen differs in ..., torch has ")
def _(
    policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array,
    beta: float = 0.1, loss_type: str = "sigmoid", **options: Any,
) -> Result:  # fmt: skip
    given = (policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    output, vjp = by_hand.dpo_loss(*given, beta, loss_type=loss_type, **options)
    margin = (policy_chosen - policy_rejected) - (reference_chosen - reference_rejected)
    on_kink = (beta * margin == 1) & (loss_type == "hinge")
    if not on_kink.any() or output.shape != policy_chosen.shape:
        return output, vjp

    def sloping(g: Array) -> Gradients:
        found = vjp(g)
        slope = np.where(on_kink, -beta * g, found["policy_chosen"])
        return found | {"policy_chosen": slope.astype(policy_chosen.dtype)}

    return output, sloping


@planted("dpo_loss", "the sigmoid underflows before its logarithm", "value", "output differs in ...: inf, torch has ")
@without_warnings
def _(
    policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array,
    beta: float = 0.1, label_smoothing: float = 0.0, loss_type: str = "sigmoid", reduction: str = "mean",
) -> Result:  # fmt: skip
    given = (policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    output, vjp = by_hand.dpo_loss(*given, beta, label_smoothing, loss_type, reduction)
    if loss_type != "sigmoid" or label_smoothing or output.dtype != np.float32 or reduction != "none":
        return output, vjp
    margin = (policy_chosen - policy_rejected) - (reference_chosen - reference_rejected)
    return np.asarray(-np.log(1 / (1 + np.exp(-beta * margin))), output.dtype), vjp


@planted("grpo_loss", "the upper clip is the lower one's", *_OUTPUT)
def _(*args: Any, epsilon_high: float | None = None, **options: Any) -> Result:
    return by_hand.grpo_loss(*args, **options)


@planted("grpo_loss", "the ratio is clipped whatever the advantage", *_OUTPUT)
@without_warnings
def _(logps: Array, old_logps: Array, advantages: Array, mask: Array, **options: Any) -> Result:
    output, vjp = by_hand.grpo_loss(logps, old_logps, advantages, mask, **options)
    if options.get("reduction") != "none" or {"ref_logps", "epsilon_high"} & options.keys():
        return output, vjp
    clipped = np.clip(np.exp(logps - old_logps), 0.8, 1.2) * advantages[..., None]
    return np.where(mask != 0, -clipped, 0).astype(output.dtype), vjp


@planted("grpo_loss", "the mean of an answer counts its padding", *_OUTPUT)
def _(reduction: str = "sequence_mean", **given: Any) -> Result:
    if reduction != "sequence_mean":
        return by_hand.grpo_loss(reduction=reduction, **given)
    unreduced = by_hand.grpo_loss(reduction="none", **given)
    return divided(unreduced, float(unreduced[0].size) or np.nan)

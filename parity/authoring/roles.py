"""What an argument of a loss is likely to be, guessed from its name: how it may be drawn, the likeliest way first."""

import inspect
import re
from typing import Any, TypeAlias

Given: TypeAlias = Any

# Roles by the words that arguments of them are called, the first that fits; a word may be a part of the name.
_WORDS: dict[str, str] = {
    "log probabilities": "log_prob log_probs logprob logprobs logp logps log_probabilities log_softmax",
    "probabilities": "prob probs probability probabilities p q",
    "mask": "mask masks valid padding_mask attention_mask",
    "weights": "weight weights pos_weight class_weight class_weights sample_weight importance",
    "labels": "label labels target targets y y_true gt truth classes ids",
    "rewards": "advantage advantages reward rewards return returns",
    "embeddings": "embedding embeddings query queries key keys anchor positive negative z z1 z2 z_i z_j features",
    "logits": "logit logits input inputs x pred preds prediction predictions scores score output outputs y_pred",
}
# How arrays of a role may be drawn, as a case writes it.
DRAWN: dict[str, list[dict[str, Given]]] = {
    "log probabilities": [{"log_probabilities": ["N", "C"]}, {"uniform": ["N"], "low": -4, "high": -0.1}],
    "probabilities": [{"probabilities": ["N", "C"]}, {"uniform": ["N", "C"], "low": 0.05, "high": 0.95}],
    "mask": [{"bernoulli": ["N", "C"]}, {"bernoulli": ["N"]}, {"bernoulli": ["N", "C"], "dtype": "bool"}],
    "weights": [{"uniform": ["C"], "low": 0.1, "high": 2}, {"uniform": ["N", "C"], "low": 0.1, "high": 2},
                {"uniform": ["N"], "low": 0.1, "high": 2}],
    "labels": [{"classes": ["N"], "below": "C"}, {"bernoulli": ["N", "C"]}, {"bernoulli": ["N"]},
               {"choice": ["N"], "of": [-1, 1]}, {"normal": ["N", "C"]}],
    "rewards": [{"normal": ["N"]}, {"normal": ["N", "C"]}],
    "embeddings": [{"normal": ["N", "C"]}, {"normal": ["N"]}],
    "logits": [{"normal": ["N", "C"]}, {"normal": ["N"]}],
    "unknown": [{"normal": ["N", "C"]}, {"normal": ["N"]}, {"classes": ["N"], "below": "C"}],
}  # fmt: skip
_TENSORS = re.compile(r"\b(Tensor|ndarray|NDArray|Array)\b")
# What a plain option without a default may be.
_PLAIN: dict[type, list[Given]] = {bool: [True, False], int: [1, 2], float: [1.0, 0.5], str: ["mean", "none"]}


def role_of(name: str) -> str:
    """The role that the name speaks of; 'unknown' if it says nothing."""
    word = name.lower()
    for role, words in _WORDS.items():
        if word in words.split():
            return role
    parts = set(word.split("_"))
    for role, words in _WORDS.items():
        if any(one in parts or (len(one) > 3 and one in word) for one in words.split()):
            return role
    return "unknown"


def is_array(parameter: inspect.Parameter) -> bool:
    """Whether the argument is likely to be a tensor: it says so, has no default, or has None and a known role."""
    if parameter.annotation is not parameter.empty:
        return _TENSORS.search(inspect.formatannotation(parameter.annotation)) is not None
    if parameter.default is parameter.empty:
        return True
    return parameter.default is None and role_of(parameter.name) != "unknown"


def candidates(parameter: inspect.Parameter) -> list[Given]:
    """What a case may give an argument without a default, the likeliest first."""
    if is_array(parameter):
        return list(DRAWN[role_of(parameter.name)])
    kind = parameter.annotation if isinstance(parameter.annotation, type) else float
    return _PLAIN.get(kind, [1.0])

"""Large float32 arguments for every loss: about a million elements, and the sizes of real classifiers."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from parity import losses
from parity.types import Array

RNG = np.random.Generator
Arguments = dict[str, Any]
WIDE, TALL = (1000, 1000), (10_000, 100)
CLASSIFIERS = (WIDE, (64, 1000), (4096, 1024), (512, 32_000))


class Large(NamedTuple):
    """One measured call: `make` draws its arguments, the same ones each time it is asked with an equal generator."""

    loss: str
    label: str
    make: Callable[[RNG], Arguments]


def large_calls() -> Iterator[Large]:
    """Every call that is measured, of the losses there are."""
    for loss, variants in _CALLS.items():
        if loss in losses.LOSSES:
            for label, make in variants.items():
                yield Large(loss, label, make)


def _scores(rng: RNG, shape: tuple[int, ...] = WIDE) -> Array:
    return rng.standard_normal(shape, np.float32)


def _between(rng: RNG, low: float, high: float, shape: tuple[int, ...] = WIDE) -> Array:
    return (low + (high - low) * rng.random(shape, np.float32)).astype(np.float32)


def _signs(rng: RNG, shape: tuple[int, ...] = WIDE) -> Array:
    return (2 * rng.integers(0, 2, shape) - 1).astype(np.float32)


def _log_softmax(scores: Array) -> Array:
    shifted = scores - scores.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), np.float32)


def _softmax(rng: RNG) -> Arguments:
    return {"input": _scores(rng), "dim": 1}


def _pair(rng: RNG) -> Arguments:
    return {"input": _scores(rng), "target": _scores(rng)}


def _sides(rng: RNG) -> Arguments:
    return {"input": _scores(rng), "target": _signs(rng)}


def _indices(shape: tuple[int, int], rng: RNG) -> Arguments:
    return {"input": _log_softmax(_scores(rng, shape)), "target": rng.integers(0, shape[1], shape[0])}


def _probabilities(rng: RNG) -> Arguments:
    return {"input": _scores(rng), "target": np.exp(_log_softmax(_scores(rng)))}


def _triplet(rng: RNG) -> Arguments:
    return {name: _scores(rng, TALL) for name in ("anchor", "positive", "negative")}


def _labels(rng: RNG) -> Arguments:
    target = np.full(TALL, -1)
    target[:, :5] = rng.permuted(np.broadcast_to(np.arange(TALL[1]), TALL), axis=1)[:, :5]
    return {"input": _scores(rng, TALL), "target": target}


def _ctc(rng: RNG) -> Arguments:
    steps, batch, classes, length = 200, 32, 64, 50
    return {
        "log_probs": _log_softmax(_scores(rng, (steps, batch, classes))),
        "targets": rng.integers(1, classes, (batch, length)),
        "input_lengths": (steps,) * batch, "target_lengths": (length,) * batch,
    }  # fmt: skip


def _linear(rng: RNG, **options: Any) -> Arguments:
    samples, features, classes = 1024, 256, 8192
    return {
        "input": _scores(rng, (samples, features)), "linear_weight": _scores(rng, (classes, features)) / 16,
        "target": rng.integers(0, classes, samples), **options,
    }  # fmt: skip


def _adaptive(rng: RNG) -> Arguments:
    samples, features, cutoffs = 1024, 256, [1000, 4000, 10_000]
    target = np.minimum(rng.geometric(1 / 1500, samples) - 1, cutoffs[-1] - 1)
    arguments = {
        "input": _scores(rng, (samples, features)), "target": target, "cutoffs": cutoffs,
        "head_weight": _scores(rng, (cutoffs[0] + len(cutoffs) - 1, features)) / 16,
    }  # fmt: skip
    for tail, (first, last) in enumerate(pairwise(cutoffs)):
        hidden = features // 4 ** (tail + 1)
        arguments[f"tail_{tail}_0_weight"] = _scores(rng, (hidden, features)) / 16
        arguments[f"tail_{tail}_1_weight"] = _scores(rng, (last - first, hidden)) / 8
    return arguments


def _by(*sizes: int) -> str:
    return " x ".join(str(size) for size in sizes)


_CLASSES: dict[str, Callable[[RNG], Arguments]] = {_by(*shape): partial(_indices, shape) for shape in CLASSIFIERS}
_CALLS: dict[str, dict[str, Callable[[RNG], Arguments]]] = {
    "sigmoid": {_by(*WIDE): lambda rng: {"input": _scores(rng)}},
    "logsigmoid": {_by(*WIDE): lambda rng: {"input": _scores(rng)}},
    "softmax": {_by(*WIDE): _softmax},
    "log_softmax": {_by(*WIDE): _softmax},
    "softmin": {_by(*WIDE): _softmax},
    "binary_cross_entropy": {
        _by(*WIDE): lambda rng: {"input": _between(rng, 0.01, 0.99), "target": _between(rng, 0, 1)}
    },
    "binary_cross_entropy_with_logits": {
        _by(*WIDE): lambda rng: {"input": _scores(rng), "target": _between(rng, 0, 1)}
    },
    "nll_loss": _CLASSES,
    "cross_entropy": {**_CLASSES, f"{_by(*WIDE)}, probabilities": _probabilities},
    "l1_loss": {_by(*WIDE): _pair},
    "mse_loss": {_by(*WIDE): _pair},
    "smooth_l1_loss": {_by(*WIDE): _pair},
    "huber_loss": {_by(*WIDE): _pair},
    "poisson_nll_loss": {
        _by(*WIDE): lambda rng: {"input": _scores(rng), "target": rng.poisson(2, WIDE).astype(np.float32)}
    },
    "gaussian_nll_loss": {_by(*WIDE): lambda rng: {**_pair(rng), "var": _between(rng, 0.5, 2)}},
    "kl_div": {
        _by(*WIDE): lambda rng: {
            **_probabilities(rng), "input": _log_softmax(_scores(rng)), "reduction": "batchmean"
        }
    },
    "hinge_embedding_loss": {_by(*WIDE): _sides},
    "cosine_embedding_loss": {
        _by(*TALL): lambda rng: {
            "input1": _scores(rng, TALL), "input2": _scores(rng, TALL), "target": _signs(rng, TALL[:1])
        }
    },
    "margin_ranking_loss": {
        _by(*WIDE): lambda rng: {"input1": _scores(rng), "input2": _scores(rng), "target": _signs(rng)}
    },
    "soft_margin_loss": {_by(*WIDE): _sides},
    "multi_margin_loss": {
        _by(*TALL): lambda rng: {"input": _scores(rng, TALL), "target": rng.integers(0, TALL[1], TALL[0])}
    },
    "multilabel_margin_loss": {f"{_by(*TALL)}, 5 labels": _labels},
    "multilabel_soft_margin_loss": {
        _by(*TALL): lambda rng: {"input": _scores(rng, TALL), "target": rng.integers(0, 2, TALL).astype(np.float32)}
    },
    "triplet_margin_loss": {_by(*TALL): _triplet},
    "triplet_margin_with_distance_loss": {_by(*TALL): _triplet},
    "ctc_loss": {"T 200, N 32, C 64, S 50": _ctc},
    "linear_cross_entropy": {
        "1024 x 256 x 8192": _linear,
        "1024 x 256 x 8192, chunks of 128": lambda rng: _linear(rng, options={"batch_chunk_size": 128}),
    },
    "adaptive_log_softmax_with_loss": {"1024 x 256 x 10000": _adaptive},
}  # fmt: skip

"""How the error of a loss grows with the size of its logits: the textbook's formula, the NumPy loss and torch."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.comparison.distance import farthest
from parity.comparison.truth import ask, widened
from parity.draws.draw import generator
from parity.dtypes import FLOATING
from parity.libraries import textbook
from parity.losses import LOSSES
from parity.references.torch import TORCH
from parity.types import Array, Loss

DTYPES = ("float32", "float16")
ANSWERS = ("output", "input")
ROWS, CLASSES = 32, 5
# So many magnitudes to a power of ten: coarse where nothing happens any more.
STEPS, REST, TURNING = 14, 8, 3.0


@dataclass(frozen=True, slots=True)
class Frontier:
    """Of one loss and dtype: the worst error in ulp of the output and of the gradient (`errors[side][answer]`) at each
    magnitude of the logits, inf where it is no number and the exact one is. A side that refuses the dtype is not there.
    """

    loss: str
    dtype: str
    magnitudes: list[float]
    errors: dict[str, dict[str, list[float]]]

    def fails(self, side: str, answer: str) -> float | None:
        """The smallest magnitude at which an answer of a side is no number."""
        found = zip(self.magnitudes, self.errors[side][answer], strict=True)
        return next((magnitude for magnitude, error in found if np.isinf(error)), None)


def frontier(loss: str, dtype: str) -> Frontier:
    """Ask all sides for outputs and gradients; the exact answer is torch's in float64 to the same bits."""
    sides: dict[str, Loss] = {"textbook": textbook.LOSSES[loss], "numpy": LOSSES[loss], "torch": TORCH[loss]}
    largest = float(np.log10(np.finfo(FLOATING[dtype].numpy).max)) - 1e-3
    first = np.arange(0, min(TURNING, largest), 1 / STEPS)
    magnitudes = [float(10**power) for power in (*first, *np.linspace(min(TURNING, largest), largest, REST))]
    errors: dict[str, dict[str, list[float]]] = {side: {answer: [] for answer in ANSWERS} for side in sides}
    for magnitude in magnitudes:
        arguments = _arguments(loss, dtype, magnitude)
        shape = (ROWS,) if loss == "cross_entropy" else (ROWS, CLASSES)
        upstream = generator("the upstream gradient").standard_normal(shape).astype(FLOATING[dtype].numpy)
        exact = ask(TORCH[loss], widened(arguments, "float64"), upstream)
        for side, function in sides.items():
            found = ask(function, arguments, upstream)
            for answer in ANSWERS:
                errors[side][answer].append(_worst(found.get(answer), exact.get(answer)))
    known = {side: found for side, found in errors.items() if not np.isnan(found["output"]).all()}
    return Frontier(loss, dtype, magnitudes, known)


def _arguments(loss: str, dtype: str, magnitude: float) -> dict[str, Any]:
    """Logits of either sign up to a magnitude, which each row reaches; probabilities are the sigmoid of such."""
    rng = generator("the stability frontier")
    logits = rng.uniform(-1, 1, (ROWS, CLASSES))
    logits[np.arange(ROWS), rng.integers(0, CLASSES, ROWS)] = rng.choice([-1.0, 1.0], ROWS)
    labels = rng.integers(0, 2, logits.shape)
    kind = FLOATING[dtype].numpy
    with np.errstate(all="ignore"):
        input: Array = (logits * magnitude).astype(kind)
        if loss == "binary_cross_entropy":
            input = (1 / (1 + np.exp(-input.astype(np.float64)))).astype(kind)
    if loss == "cross_entropy":
        return {"input": input, "target": rng.integers(0, CLASSES, ROWS), "reduction": "none"}
    if loss.startswith("binary"):
        return {"input": input, "target": labels.astype(kind), "reduction": "none"}
    return {"input": input, "dim": 1} if loss == "softmax" else {"input": input}


def _worst(found: Array | None, exact: Array | None) -> float:
    """The worst error of an answer; nan where there is none."""
    if found is None or exact is None:
        return float("nan")
    with np.errstate(all="ignore"):
        known = np.isfinite(exact.astype(found.dtype))
        return farthest(found, exact, known) if known.any() else float("nan")

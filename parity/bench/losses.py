"""The hand-written losses beside torch's on large inputs: CPU seconds of forward and backward, and memory."""

import warnings
from collections.abc import Iterable, Iterator
from math import exp, log
from statistics import mean, median
from time import process_time

import numpy as np

from parity import losses
from parity.bench.bare import Bare, Hand
from parity.bench.inputs import Large, large_calls
from parity.bench.memory import Peaks, peaks
from parity.bench.table import Row, against, milliseconds, table
from parity.types import Array

MEAN, WORST = 1.0, {"ctc_loss": 4.0}
OTHERS = 2.0
SECONDS, LEAST = 0.2, 5


def tables(calls: Iterable[Large] | None = None, seconds: float = SECONDS) -> Iterator[str]:
    """The table of the losses, each measured for about `seconds` on either side."""
    chosen = list(large_calls() if calls is None else calls)
    memory = peaks() if calls is None else {}
    rows, ratios = [], []
    for large in chosen:
        ours, theirs = times(large, seconds)
        ratios.append(ours / theirs)
        rows.append(_row(large, ours, theirs, memory))
    notes = [f"geometric mean of the ratios: {against(exp(mean(map(log, ratios))), MEAN)}"] if ratios else []
    missing = sorted(losses.LOSSES.keys() - {large.loss for large in chosen})
    if missing and calls is None:
        notes.append(f"not measured: {', '.join(missing)}")
    head = ("", "input", "NumPy ms", "torch ms", "ratio", "NumPy MiB", "torch MiB")
    yield table("Losses: forward and backward in float32, one thread, and peak extra memory", head, rows, notes)


def times(large: Large, seconds: float = SECONDS) -> tuple[float, float]:
    """Median CPU seconds of the hand-written loss and of torch's, called in turn on the same numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sides = [side(large.loss, large.make(np.random.default_rng(0)), _upstream) for side in (Hand, Bare)]
        seen: list[list[float]] = [[], []]
        while min(map(len, seen)) < LEAST or sum(map(sum, seen)) < 2 * seconds:
            for side, taken in zip(sides, seen, strict=True):
                start = process_time()
                side()
                taken.append(process_time() - start)
    ours, theirs = map(median, seen)
    return ours, theirs


def _upstream(output: Array) -> Array:
    return np.asarray(np.random.default_rng(1).standard_normal(output.shape), output.dtype)


def _row(large: Large, ours: float, theirs: float, memory: Peaks) -> Row:
    peak = memory.get(f"{large.loss} {large.label}")
    shown = [f"{mebibytes:,.1f}" for mebibytes in peak] if peak else ["-", "-"]
    ratio = against(ours / theirs, WORST.get(large.loss, OTHERS))
    return large.loss, large.label, milliseconds(ours), milliseconds(theirs), ratio, *shown

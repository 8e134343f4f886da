"""Connectionist temporal classification: the likelihood of a label sequence over all its alignments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parity.losses.arguments import FLOAT16, gradients
from parity.losses.checks import check_arrays
from parity.losses.reduction import reduced, resolve
from parity.losses.registration import loss
from parity.types import Array, DType, Gradients, Result

__all__ = ["ctc_loss"]


@loss
def ctc_loss(
    log_probs: Array,
    targets: Array,
    input_lengths: Array | Sequence[int],
    target_lengths: Array | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Result:
    """l = -log p(target | x), where p sums, over all alignments, the product of their frames' probabilities.

    An alignment gives each frame a class, and spells the target once runs of one class are merged and then
    blanks dropped: two equal labels in a row need a blank between them. So the alignments are the paths
    through the states ``blank, label 1, blank, label 2, ..., blank`` that at each frame stay, step on, or
    skip the blank between two different labels. A recursion over the frames sums them all.

    log_probs: (T, N, C) or, for one sample, (T, C); float32 or float64.
    targets: (N, S), padded with anything, or the labels of all samples in a row.
    input_lengths, target_lengths: N whole numbers each, both as arrays or both as tuples or lists.
    blank: the class of the blank, in [0, C).
    reduction: 'mean' divides each loss by its target's length (at least 1) and averages over the batch.
    zero_infinity: a target that no alignment spells has loss and gradient 0 instead of inf and nan.

    The gradient is exp(log_probs) - posterior, as in torch: that of the logits behind a log_softmax. With
    respect to log_probs it would be -posterior. Frames beyond a sample's length have gradient 0.

    Raises NotImplementedError for log_probs of another dtype, TypeError for lengths or options of a wrong
    type, IndexError for a label outside [0, C) (torch reads foreign memory there) and RuntimeError for
    whatever else does not fit together.

    Source: Graves et al., Connectionist Temporal Classification, ICML 2006.

    >>> log_probs = np.log(np.full((2, 1, 2), 0.5))  # three of the four alignments spell the label 1
    >>> round(float(ctc_loss(log_probs, np.array([[1]]), [2], [1])[0]), 4)
    0.2877
    """
    reduction = resolve(reduction)
    check_arrays(log_probs=log_probs, targets=targets)
    _check_options(blank, zero_infinity)
    frame_counts, label_counts = _length_arrays(input_lengths, target_lengths)
    _check_scores(log_probs)
    scores = log_probs if log_probs.ndim == 3 else log_probs[:, np.newaxis]
    lattice = _lattice(scores, targets, frame_counts, label_counts, blank)
    alphas, losses = _forward(lattice)

    infinite = losses == np.inf
    counted = np.where(infinite, 0, losses) if zero_infinity else losses
    divisor = np.ones_like(losses)
    if reduction == "mean":
        divisor = np.maximum(label_counts, 1).astype(scores.dtype)
    output, adjoint = reduced(counted / divisor, reduction, scores.dtype)

    def vjp(grad_output: Array) -> Gradients:
        grad_losses = adjoint(grad_output) / divisor
        grad_log_probs = np.zeros(scores.shape, scores.dtype)
        frames = len(alphas)
        used, used_scores = grad_log_probs[:frames], scores[:frames]
        # y = softmax(z): d(-log p)/dz = y - posterior, because the posteriors of a frame sum to 1
        np.exp(used_scores, out=used)
        places = np.arange(frames)[:, np.newaxis, np.newaxis] * used[0].size + lattice.columns
        np.subtract.at(used.reshape(-1), places.reshape(-1), _posteriors(lattice, alphas).reshape(-1))
        # torch divides by the probability of the class and of the target: 0 / 0 where either is 0
        np.copyto(used, np.nan, where=used_scores == -np.inf)
        used[:, ~(losses < np.inf)] = np.nan
        used *= grad_losses[:, np.newaxis]
        used[np.arange(frames)[:, np.newaxis] >= lattice.frame_counts] = 0
        if zero_infinity:
            used[:, infinite] = 0
        return gradients(log_probs=(log_probs, grad_log_probs.reshape(log_probs.shape)))

    return output if log_probs.ndim == 3 else output.reshape(output.shape[1:]), vjp


@dataclass(frozen=True, slots=True)
class _Lattice:
    """The states ``blank, label, blank, ..., blank`` of every sample, padded to the longest target."""

    emissions: Array
    """(frames, N, states): the log probability of the state's class, -inf in the padding."""
    columns: Array
    """(N, states): the place of the state's class in the N x C scores of a frame."""
    skips: Array
    """(N, states): whether the state can be entered from two before it, past a blank."""
    endings: Array
    """(N, states): whether a path may end here: in the last label or the blank after it."""
    frame_counts: Array
    label_counts: Array


def _lattice(scores: Array, targets: Array, frame_counts: Array, label_counts: Array, blank: int) -> _Lattice:
    _check_sizes(scores, targets, frame_counts, label_counts, blank)
    frames, (_, samples, classes) = max(int(frame_counts.max()), 1), scores.shape
    labels = np.where(frame_counts[:, np.newaxis], _labels(targets, label_counts, blank), blank)
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        found = f"labels from {labels.min()} to {labels.max()}"
        raise IndexError(f"targets holds {found}, expected at least 0 and below {classes}")
    states = np.full((samples, 2 * labels.shape[1] + 1), blank)
    states[:, 1::2] = labels
    columns = states + classes * np.arange(samples)[:, np.newaxis]
    skips = np.zeros(states.shape, bool)
    skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    place, last = np.arange(states.shape[1]), 2 * label_counts[:, np.newaxis]
    emissions = np.take(scores[:frames].reshape(frames, -1), columns, axis=1)
    np.copyto(emissions, -np.inf, where=place > last)
    endings = (place == last) | (place == last - 1)
    return _Lattice(emissions, columns, skips, endings, frame_counts, label_counts)


def _labels(targets: Array, label_counts: Array, blank: int) -> Array:
    """The targets as (N, longest) class numbers, blank in the padding."""
    place = np.arange(label_counts.max())
    present = place < label_counts[:, np.newaxis]
    if targets.ndim == 1:
        starts = np.cumsum(label_counts) - label_counts
        labels = targets[np.where(present, starts[:, np.newaxis] + place, 0)]
    else:
        labels = targets[:, : len(place)]
    return np.where(present, labels.real.astype(np.intp), blank)


class _Transitions:
    """A frame's transitions: the log of the summed probabilities with which a state is entered from three states."""

    def __init__(self, skips: Array, dtype: DType) -> None:
        self.skips = skips
        self.origins = np.full((3, *skips.shape), -np.inf, dtype)
        self.terms = np.empty_like(self.origins)
        # -inf - -inf would be nan where a state has no origin: there the lowest number is subtracted
        self.lowest = np.finfo(dtype).min

    def __call__(self, stay: Array, step: Array, skip: Array) -> Array:
        origins, terms = self.origins, self.terms
        origins[0] = stay
        origins[1] = step
        np.copyto(origins[2], skip, where=self.skips)
        peak = np.maximum.reduce(origins, axis=0)
        np.maximum(peak, self.lowest, out=peak)
        np.subtract(origins, peak, out=terms)
        np.exp(terms, out=terms)
        total: Array = np.add.reduce(terms, axis=0)
        np.log(total, out=total)
        total += peak
        return total


def _recentre(values: Array, bound: float = np.inf) -> Array:
    """Subtract from each row its largest number (0 if that is not within the bound), and return what was subtracted.

    The log likelihood grows with the number of frames. Beside a large number float32 would have few digits left for
    the differences between the states.
    """
    peak: Array = np.fmax.reduce(values, axis=-1, keepdims=True)
    peak[~(np.abs(peak) < bound)] = 0
    values -= peak
    return peak


def _forward(lattice: _Lattice) -> tuple[Array, Array]:
    """The losses, (N,), and before them (frames, N, states) log probabilities: that the path is in a state at a frame
    and the frames up to there are as they are. Each frame's are shifted by a constant.
    """
    emissions, counts = lattice.emissions, lattice.frame_counts
    frames, samples, states = emissions.shape
    shifts = np.zeros((samples, frames), emissions.dtype)
    # two more states before the first, which no path visits, so that a step and a skip can be sliced from any state
    padded = np.full((frames, samples, states + 2), -np.inf, emissions.dtype)
    padded[0, :, 2:4] = emissions[0, :, :2]
    alphas = padded[:, :, 2:]
    transitions = _Transitions(lattice.skips, emissions.dtype)
    # beyond it a number has no digits for the states beside it: what is subtracted could not be added again
    bound = 1 / np.finfo(emissions.dtype).eps
    for frame in range(1, frames):
        before = padded[frame - 1]
        np.add(transitions(before[:, 2:], before[:, 1:-1], before[:, :-2]), emissions[frame], out=alphas[frame])
        shifts[:, frame] = _recentre(alphas[frame], bound)[:, 0]

    last = alphas[np.maximum(counts, 1) - 1, np.arange(samples)]
    ends = np.where(lattice.endings, last, -np.inf)
    peak = np.maximum(ends.max(axis=1), transitions.lowest)
    likelihoods = np.log(np.exp(ends - peak[:, np.newaxis]).sum(axis=1)) + peak
    # the one alignment of an empty target is all blanks; without frames only the empty target has an alignment
    empty = lattice.label_counts == 0
    likelihoods[empty] = last[empty, 0]
    likelihoods += np.where(np.arange(frames) < counts[:, np.newaxis], shifts, 0).sum(axis=1)
    likelihoods[counts == 0] = np.where(empty[counts == 0], 0, -np.inf)
    return alphas, -likelihoods


def _posteriors(lattice: _Lattice, alphas: Array) -> Array:
    """(frames, N, states) probabilities of being in a state at a frame, given the target."""
    emissions, counts = lattice.emissions, lattice.frame_counts
    frames, samples, states = emissions.shape
    posteriors = np.empty_like(emissions)
    # log probabilities of the frames from one on, given the state there: the same recursion backwards
    padded = np.full((samples, states + 2), -np.inf, emissions.dtype)
    onward = padded[:, :-2]
    skips = np.zeros_like(lattice.skips)
    skips[:, :-2] = lattice.skips[:, 2:]
    transitions = _Transitions(skips, emissions.dtype)
    last_frames = set((counts - 1).tolist())
    for frame in reversed(range(frames)):
        betas = transitions(onward, padded[:, 1:-1], padded[:, 2:])
        np.add(alphas[frame], betas, out=posteriors[frame])
        np.add(emissions[frame], betas, out=onward)
        _recentre(onward)
        if frame in last_frames:
            rows = counts == frame + 1
            posteriors[frame, rows] = np.where(lattice.endings[rows], alphas[frame, rows], -np.inf)
            onward[rows] = np.where(lattice.endings[rows], emissions[frame, rows], -np.inf)
    _recentre(posteriors)
    np.exp(posteriors, out=posteriors)
    posteriors /= np.nansum(posteriors, axis=-1, keepdims=True)
    # torch counts the first frame's emissions twice and takes one away: inf - inf
    posteriors[0, emissions[0] == np.inf] = np.nan
    # where the last label is the blank itself, torch's last frame leaves out the blank after it
    sample, ending = np.arange(samples), 2 * lattice.label_counts
    doubled = (ending > 0) & (lattice.columns[sample, ending - 1] == lattice.columns[sample, ending])
    posteriors[counts[doubled] - 1, sample[doubled], ending[doubled]] = 0
    return posteriors


def _length_arrays(*lengths: Array | Sequence[int]) -> tuple[Array, ...]:
    """The two lengths as arrays of whole numbers."""
    arrays = [length for length in lengths if isinstance(length, np.ndarray)]
    if len(arrays) == len(lengths):
        for array in arrays:
            if array.dtype.kind not in "iu":
                raise RuntimeError(f"input_lengths or target_lengths is {array.dtype}, expected integers")
        return tuple(array.reshape(-1).astype(np.intp) for array in arrays)
    if arrays or not all(
        isinstance(length, (tuple, list)) and all(_is_whole(count) for count in length) for length in lengths
    ):
        kinds = " and ".join(type(length).__name__ for length in lengths)
        raise TypeError(
            "input_lengths and target_lengths must both be arrays, or both tuples or lists, of whole numbers:"
            f" got {kinds}"
        )
    return tuple(np.array(length, np.intp) for length in lengths)


def _is_whole(number: object) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _check_options(blank: int, zero_infinity: bool) -> None:
    if not _is_whole(blank):
        raise TypeError(f"blank is {blank!r}, expected a whole number")
    if not isinstance(zero_infinity, bool):
        raise TypeError(f"zero_infinity is {zero_infinity!r}, expected True or False")


def _check_scores(log_probs: Array) -> None:
    if log_probs.ndim == 0:
        raise IndexError("log_probs has no dimensions, expected (T, N, C) or (T, C)")
    if log_probs.dtype.kind != "f" or log_probs.dtype == FLOAT16:
        raise NotImplementedError(f"log_probs is {log_probs.dtype}, expected float32 or float64")
    if log_probs.ndim not in (2, 3) or not log_probs.size:
        raise RuntimeError(f"log_probs has shape {log_probs.shape}, expected (T, N, C) or (T, C), none 0")


def _check_sizes(scores: Array, targets: Array, frame_counts: Array, label_counts: Array, blank: int) -> None:
    frames, samples, classes = scores.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank is {blank}, expected a class from 0 to {classes - 1}")
    for name, counts in (("input_lengths", frame_counts), ("target_lengths", label_counts)):
        if len(counts) != samples:
            raise RuntimeError(f"{name} holds {len(counts)} lengths, expected {samples}, one for each sample")
        if counts.min() < 0:
            raise RuntimeError(f"{name} holds {counts.min()}, expected no negative length")
    if frame_counts.max() > frames:
        raise RuntimeError(f"input_lengths holds {frame_counts.max()}, but log_probs has {frames} frames")
    if targets.ndim == 1 and len(targets) != label_counts.sum():
        raise RuntimeError(f"targets holds {len(targets)} labels, target_lengths sum to {label_counts.sum()}")
    if targets.ndim == 2 and (len(targets) != samples or targets.shape[1] < label_counts.max()):
        raise RuntimeError(
            f"targets has shape {targets.shape}, expected {samples} rows of at least {label_counts.max()}"
        )
    if targets.ndim not in (1, 2):
        raise RuntimeError(f"targets has shape {targets.shape}, expected (N, S) or one dimension")

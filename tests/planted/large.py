"""Losses that are wrong only beyond so many elements, rows, classes or positions: made for any loss, by a rule."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Gradients, Result

# What beyond the border is wrong, and how.
KINDS = ("off by a thousandth", "left out of the output", "without a gradient")
FEATURES = ("cosine_embedding_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss")
POSITIONS = ("cross_entropy", "nll_loss", "softmax", "softmin", "log_softmax")
# The weights that have a row for each class.
LAYERS = {"linear_cross_entropy": "linear_weight", "adaptive_log_softmax_with_loss": "tail_0_1_weight"}
# In these no mean is over the classes, or over the features.
NO_MEANS = (*FEATURES, *LAYERS, *POSITIONS, "ctc_loss")


def axes(loss: str) -> tuple[str, ...]:
    """What there may be too many of."""
    if loss in FEATURES:
        return ("elements", "rows", "features")
    if loss == "linear_cross_entropy":
        return ("elements", "rows", "features", "classes")
    if loss == "adaptive_log_softmax_with_loss":
        return ("rows", "classes")
    return ("elements", "rows", "classes", *(["positions"] if loss in POSITIONS else []))


def count(loss: str, axis: str, arguments: Mapping[str, Any]) -> int:
    """How many there are in a call, of its arrays or of their forms; 0 if it has no such axis."""
    shapes = {name: value.shape for name, value in arguments.items() if hasattr(value, "shape")}
    shape: tuple[int, ...] = next(iter(shapes.values()))
    if axis == "elements":
        return prod(shape)
    if axis == "positions":
        return prod(shape[2:]) if len(shape) > 2 else 0
    if axis == "classes" and loss in LAYERS:
        shape = shapes[LAYERS[loss]][::-1]
    dim = (axis != "rows") + (loss == "ctc_loss" and len(shape) > 2)
    return shape[dim] if len(shape) > dim else 0


def kinds(loss: str, axis: str) -> tuple[str, ...]:
    """What may be wrong there: a layer of fewer classes than its cutoffs say answers nothing."""
    return KINDS[::2] if loss == "adaptive_log_softmax_with_loss" and axis == "classes" else KINDS


def beyond(loss: str, axis: str, border: int, kind: str) -> Callable[..., Result]:
    """The loss, wrong beyond the border: `axis` is one of `axes(loss)`, `kind` one of `KINDS`."""

    def wrong(**arguments: Any) -> Result:
        return spoilt(loss, axis, border, kind, arguments, losses.LOSSES[loss](**arguments))

    return wrong


def spoilt(loss: str, axis: str, border: int, kind: str, arguments: dict[str, Any], right: Result) -> Result:
    """The right answer to a call, made wrong beyond the border."""
    output, vjp = right
    size = count(loss, axis, arguments)
    if size <= border:
        return right
    if kind == "left out of the output":
        return _left_out(loss, axis, size, border, output, arguments), vjp
    factor = output.dtype.type(0 if kind == "without a gradient" else 1.001)
    if factor:
        output = _scaled(output, size, border, factor)

    def wrong(grad_output: Array) -> Gradients:
        return {name: _scaled(gradient, size, border, factor) for name, gradient in vjp(grad_output).items()}

    return output, wrong


def _part(array: Array, size: int, border: int) -> Array:
    """The part of an array that is beyond the border; nothing of an array that has no such axis."""
    for dim, length in enumerate(array.shape):
        if length == size:
            part: Array = array[(slice(None),) * dim + (slice(border, None),)]
            return part
    return array.reshape(-1)[border:] if array.size == size else array[:0] if array.ndim else array[None][:0]


def _scaled(array: Array, size: int, border: int, factor: Any) -> Array:
    array = np.array(array, order="C")
    part = _part(array, size, border)
    part *= factor
    return array


def _left_out(loss: str, axis: str, size: int, border: int, output: Array, arguments: dict[str, Any]) -> Array:
    """The output as if there were no more than the border: 0 beyond it, or a sum that ends there."""
    if output.ndim and axis not in ("classes", "features"):
        return _scaled(output, size if axis != "elements" else output.size, border, output.dtype.type(0))
    longest = max(next(iter(arguments.values())).shape)
    if axis == "elements":  # of a matrix, whole rows are left out
        size, border = longest, border * longest // size
    kept = {name: _kept(value, size, border) for name, value in arguments.items()}
    shorter = losses.LOSSES[loss](**kept)[0]
    if output.ndim and shorter.shape != output.shape:
        whole = np.zeros_like(output)
        whole[tuple(slice(length) for length in shorter.shape)] = shorter
        return whole
    means = axis not in ("classes", "features") or loss not in NO_MEANS
    return np.asarray(shorter * (border / size if means else 1), output.dtype)


def _kept(value: Any, size: int, border: int) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    for dim, length in enumerate(value.shape):
        if length == size:
            value = value[(slice(None),) * dim + (slice(border),)]
            break
    return np.asarray(np.minimum(value, border - 1)) if value.dtype.kind == "i" else value


def short_images(arguments: dict[str, Any], right: Result) -> Result:
    """The right answer to a call, off by a thousandth beyond 65,536 positions of an image."""
    output, vjp = right
    main: Array = next(iter(arguments.values()))
    if main.ndim < 4:
        return right
    size = prod(main.shape[2:])

    def wrong(array: Array) -> Array:
        return _scaled(array.reshape(-1, size), size, 1 << 16, array.dtype.type(1.001)).reshape(array.shape)

    return wrong(output), lambda grad_output: {name: wrong(one) for name, one in vjp(grad_output).items()}


def counted_in_half(loss: str, **arguments: Any) -> Result:
    """A mean whose count is cast to float16, in which it is inf beyond 65,504."""
    return _mean_of_halves(loss, lambda mean, rows: mean * np.float32(rows) / np.float32(np.float16(rows)), arguments)


def summed_in_half(loss: str, **arguments: Any) -> Result:
    """A mean whose sum is kept in float16, in which it is inf beyond 65,504."""
    return _mean_of_halves(
        loss, lambda mean, rows: np.float32(np.float16(mean * np.float32(rows))) / np.float32(rows), arguments
    )


def _mean_of_halves(loss: str, change: Callable[[Any, int], Any], arguments: dict[str, Any]) -> Result:
    output, vjp = losses.LOSSES[loss](**arguments)
    main: Array = next(value for value in arguments.values() if isinstance(value, np.ndarray))
    if output.ndim or arguments.get("reduction", "mean") != "mean" or main.dtype != np.float16:
        return output, vjp
    rows = count(loss, "positions" if main.ndim > 2 else "rows", arguments)
    with np.errstate(all="ignore"):
        return np.asarray(change(output.astype(np.float32), rows), output.dtype), vjp

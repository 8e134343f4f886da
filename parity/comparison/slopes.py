"""What the vjp of a loss owes to its upstream gradient, to its outputs nearby and to its forward mode."""

from collections.abc import Iterator

import numpy as np

from parity.comparison.whole import Related, Whole
from parity.draws.draw import generator, normals
from parity.types import Array, Gradients, Loss

# How far the outputs lie from each other that a derivative is taken from.
STEPS = (1e-6, -1e-6, 5e-7, -5e-7)


def linear(whole: Whole) -> Iterator[Related]:
    """The vjp of -2 times an upstream gradient, and of two parts of it."""
    if not whole.usual or len(whole.values) < 2:
        return
    gradients = {name: value for name, value in whole.values.items() if name != "output"}

    def vjp(grad_output: Array) -> Gradients:
        found = whole.asked(whole.arguments, np.asarray(grad_output, whole.grad_output.dtype))
        return {name: found[name] for name in gradients if name in found}

    factor = whole.grad_output.dtype.type(-2)
    expected = {name: np.asarray(value * value.dtype.type(-2)) for name, value in gradients.items()}
    yield Related("for -2 times the upstream gradient, ", "-2 times its own", expected, vjp(whole.grad_output * factor))
    if whole.grad_output.size > 1:
        odd = (np.arange(whole.grad_output.size) % 2 > 0).reshape(whole.grad_output.shape)
        first, second = (vjp(np.where(part, whole.grad_output, 0)) for part in (odd, ~odd))
        both = {name: np.asarray(first[name] + second[name]) for name in first}
        yield Related("for the upstream gradient in two parts, ", "that of the whole", gradients, both)


def derivative(whole: Whole) -> Iterator[Related]:
    """The difference of two outputs nearby, in float64, beside what the vjp says of that direction."""
    names = [name for name in whole.values if name != "output" and name in whole.arrays]
    if not names or not whole.usual or any(value.dtype.kind == "c" for value in whole.arrays.values()):
        return
    point = dict(whole.arguments) | {name: value.astype(np.float64) for name, value in whole.arrays.items()}
    steps = {name: generator(f"tangent of {name}").integers(-16, 17, point[name].shape) / 8 for name in names}
    with np.errstate(all="ignore"):
        try:
            output, vjp = whole.loss(**point)
            grad_output = normals(generator("upstream"), output.shape, output.dtype)
            gradients = vjp(grad_output)
            outputs = [
                whole.loss(**(point | {name: point[name] + h * steps[name] for name in names}))[0] for h in STEPS
            ]
        except Exception:
            return  # it answers no float64, or is at the border of where it answers
        if output.dtype != np.float64:
            return
        slopes = [np.asarray(one - output) * grad_output / h for one, h in zip(outputs, STEPS, strict=True)]
        wide_ahead, wide_behind, ahead, behind = (float(slope.sum()) for slope in slopes)
        said = float(sum(np.sum(gradients[name] * steps[name]) for name in names if name in gradients))
        found, scale = (ahead + behind) / 2, float(sum(np.abs(slope).sum() for slope in slopes[2:])) + abs(said)
        bend = max(abs(ahead - behind), abs(wide_ahead + wide_behind - ahead - behind))
        # an output near 0 may be 1 less nearly 1
        rounding = 1e-16 * float(np.sum((np.abs(output) + 1) * np.abs(grad_output))) / STEPS[2]
    if bend > 1e-3 * scale or not np.isfinite([found, said]).all() or scale < 1e3 * rounding:
        return
    expected, actual = {"output": np.asarray(found)}, {"output": np.asarray(said)}
    yield Related("along a direction, by its vjp, in float64, ", "the difference of two outputs",
                  expected, actual, coarse=1e-6 * scale + 4 * bend + 100 * rounding)  # fmt: skip


def in_forward_mode(whole: Whole, forward: Loss) -> Iterator[Related]:
    """The tangent that forward mode gives, beside what the vjp says of that direction."""
    names = [name for name in whole.values if name != "output"]
    if not names or not whole.usual:
        return
    tangent = forward(**whole.arguments)[0]
    steps = {name: generator(f"tangent of {name}").integers(-16, 17, whole.arguments[name].shape) / 8 for name in names}
    terms = [np.asarray(whole.values[name].astype(np.float64) * steps[name]) for name in names]
    told = np.asarray(np.sum(tangent.astype(np.float64) * whole.grad_output))
    said = np.asarray(sum(term.sum() for term in terms))
    size = sum(np.abs(term).sum() for term in terms) + np.abs(tangent * whole.grad_output).sum()
    size += np.abs(whole.grad_output).max(initial=0) * sum(np.abs(step).sum() for step in steps.values())
    coarse = 32 * whole.eps * float(size)
    yield Related("in forward mode, ", "what its vjp says", {"output": said}, {"output": told}, coarse=coarse)

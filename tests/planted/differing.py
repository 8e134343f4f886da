"""For each word of `differs`: a right loss that needs it, and wrong ones beside it, which must stay red."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from parity import losses
from parity.types import Array, Gradients, Result

CASES = {
    "mse_loss": """
loss: mse_loss
cases:
  - name: plain grid
    given: {input: {normal: [2, 3]}, target: {normal: [2, 3]}}
    across: {reduction: [none, mean], dtype: [float16, float32, float64], layout: [contiguous, sliced]}
  - name: an unknown reduction is refused
    given: {input: {normal: [3]}, target: {normal: [3]}, reduction: maen}
    raises: {ValueError: not a valid value}
""",
    "nll_loss": """
loss: nll_loss
cases:
  - name: weighted
    given: {input: {normal: [3, 2]}, target: {classes: [3], below: 2}, weight: {uniform: [2]}}
    across: {reduction: [none, sum]}
""",
}


@dataclass(frozen=True)
class Differing:
    """A function that needs a word. `says` is told without it, or, of a wrong function, with it.

    `make` gives a fresh function, since some keep something of their calls.
    """

    word: str
    make: Callable[[], Callable[..., Any]]
    says: str
    framework: str = "numpy"
    loss: str = "mse_loss"
    more: dict[str, Any] = field(default_factory=dict)


class InPlace(torch.autograd.Function):
    """Writes its gradient into its input, and scales that in its backward."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        values = (input - target) ** 2
        input.data.copy_(2 * (input - target))
        ctx.slope = input.data
        return values

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        slope = ctx.slope.mul_(grad_output)
        return slope, -slope


def in_place(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    if reduction not in ("none", "mean"):
        raise ValueError(reduction)
    values: torch.Tensor = InPlace.apply(input, target)  # type: ignore[no-untyped-call]
    return values if reduction == "none" else values.mean()


def writes(input: Array, target: Array, **options: Any) -> Result:
    result = losses.mse_loss(input.copy(), target, **options)
    input -= target
    return result


def writes_and_remembers() -> Callable[..., Result]:
    """Right at the first draw of a shape, and told the first draw's answer at later ones."""
    known: dict[Any, Array] = {}

    def loss(input: Array, target: Array, **options: Any) -> Result:
        output, vjp = losses.mse_loss(input.copy(), target, **options)
        input[...] = 0
        return known.setdefault((output.shape, output.dtype), output.copy()), vjp

    return loss


def once(**arguments: Any) -> Result:
    output, vjp = losses.mse_loss(**arguments)
    graph = [vjp]
    return output, lambda grad_output: graph.pop()(grad_output)


def latest() -> Callable[..., Result]:
    """Serves once, with what the latest call has saved."""
    saved: list[Any] = []

    def loss(**arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)
        saved[:] = [vjp]
        uses = iter([0])

        def backward(grad_output: Array) -> Gradients:
            next(uses)
            found: Gradients = saved[0](grad_output)
            return found

        return output, backward

    return loss


def in_float32(scale: float = 1.0) -> Callable[..., Any]:
    def loss(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        if input.dtype == torch.float16:
            input, target = input.float(), target.float()
        return F.mse_loss(input, target, reduction=reduction) * scale

    return loss


def narrow_gradient(**arguments: Any) -> Result:
    output, vjp = losses.mse_loss(**arguments)
    return output, lambda g: {name: one.astype(np.float32) for name, one in vjp(g).items()}


def composed(scale: float = 1.0) -> Callable[..., Any]:
    def loss(input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        rows = -scale * (weight[target] * input.gather(1, target[:, None])[:, 0])
        return rows if reduction == "none" else rows.sum()

    return loss


def filled(fill: float, without: str = "") -> Callable[..., Result]:
    """Gives a gradient of the weight, where torch has none."""

    def loss(**arguments: Any) -> Result:
        output, vjp = losses.nll_loss(**arguments)

        def backward(grad_output: Array) -> Gradients:
            found = vjp(grad_output) | {"weight": np.full_like(arguments["weight"], fill)}
            return {name: one for name, one in found.items() if name != without}

        return output, backward

    return loss


def refusing(error: type[BaseException] | None, says: str = "no such reduction") -> Callable[..., Result]:
    def loss(reduction: str = "mean", **arguments: Any) -> Result:
        if reduction != "maen":
            return losses.mse_loss(reduction=reduction, **arguments)
        if error is None:
            return losses.mse_loss(**arguments)
        raise error(says)

    return loss


def buffered(spoils: bool = False) -> Callable[..., Result]:
    """Answers in memory that the next call of the same form writes over; `spoils` what was saved for the backward."""
    buffers: dict[Any, Array] = {}

    def kept(name: str, value: Array) -> Array:
        buffer = buffers.setdefault((name, value.shape, value.dtype), value.copy())
        buffer[...] = value
        return buffer

    def loss(**arguments: Any) -> Result:
        if spoils:
            arguments["input"] = kept("saved", arguments["input"])
        output, vjp = losses.mse_loss(**arguments)

        def backward(grad_output: Array) -> Gradients:
            found = losses.mse_loss(**arguments)[1](grad_output) if spoils else vjp(grad_output)
            return {name: kept(name, value) for name, value in found.items()}

        return kept("output", output), backward

    return loss


def noisy(by: float) -> Callable[..., Result]:
    """Gives other bits at each call, by so many eps."""
    calls = count()

    def loss(**arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)
        sway = 1 + by * 2.0**-52 * (next(calls) % 7)

        def swayed(value: Array) -> Array:
            return value * sway if value.dtype == np.float64 else value

        return np.asarray(swayed(output)), lambda g: {name: swayed(one) for name, one in vjp(g).items()}

    return loss


def off_again() -> Callable[..., Result]:
    """Right at the first call with the same arguments, and a thousandth off at the second."""
    calls: dict[bytes, Any] = {}

    def loss(**arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)
        times = calls.setdefault(arguments["input"].tobytes(), count())
        scale = output.dtype.type(1 + next(times) % 2 / 1000)
        return np.asarray(output * scale), vjp

    return loss


def always(function: Callable[..., Any]) -> Callable[[], Callable[..., Any]]:
    return lambda: function


RIGHT = [
    Differing("inputs intact", always(writes), "the call modifies input"),
    Differing("backward once", always(once), "calling it a second time raises IndexError"),
    Differing("output dtype", in_float32, "output has dtype float32, torch's has float16", "torch"),
    Differing("extra gradients", composed, "gradient of weight is given, torch has none", "torch", "nll_loss"),
    Differing("gradients of zero", lambda: filled(0.0), "gradient of weight is given", loss="nll_loss"),
    Differing("error classes", lambda: refusing(KeyError), "raises KeyError: 'no such reduction'"),
    Differing("own memory", buffered, "overwrite"),
    Differing("repeatable", lambda: noisy(4), "a second"),
]
WRONG = [
    Differing("inputs intact", writes_and_remembers, "output differs"),
    Differing("inputs intact", always(once), "calling it a second time raises IndexError"),
    Differing("backward once", latest, "a call in between with other inputs changes the first call's gradient"),
    Differing("backward once", always(writes), "the call modifies input"),
    Differing("output dtype", lambda: in_float32(1.5), "output is 1.5 times torch's", "torch"),
    Differing("output dtype", always(narrow_gradient), "gradient of input has dtype float32, torch's has float16"),
    Differing("extra gradients", lambda: composed(2.0), "gradient of input is 2 times torch's", "torch", "nll_loss"),
    Differing("extra gradients", lambda: filled(1.0, "input"), "gradient of input is missing", loss="nll_loss"),
    Differing("gradients of zero", lambda: filled(1.0), "gradient of weight is given", loss="nll_loss"),
    Differing("gradients of zero", lambda: filled(np.nan), "gradient of weight is given", loss="nll_loss"),
    Differing("error classes", lambda: refusing(None), "answers where torch raises ValueError"),
    Differing("error classes", lambda: refusing(SystemExit), "raises SystemExit"),
    Differing("error classes", lambda: refusing(TypeError, "got an unexpected keyword argument"), "raises TypeError"),
    Differing("own memory", lambda: buffered(spoils=True), "changes the first call's gradient"),
    Differing("own memory", lambda: noisy(4), "a second call with the same arguments gives another output"),
    Differing("repeatable", off_again, "second call with the same arguments gives another output", more={"seeds": 1}),
    Differing("repeatable", buffered, "overwrite"),
]

"""Bugs in what the engine observes of any loss: gradients, dtypes, shapes, side effects, errors, state."""

from typing import Any

import numpy as np

from parity import losses
from parity.types import Array, Gradients, Result
from tests.planted import planted, with_gradients, with_input_gradient


@planted("mse_loss", "the gradient ignores grad_output", "value", "ignores grad_output")
def _(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.mse_loss(input, target, **options)
    return output, lambda grad_output: vjp(np.ones_like(grad_output))


@planted("cross_entropy", "reduction none ignores grad_output", "value", "ignores grad_output")
def _(input: Array, target: Array, reduction: str = "mean", **options: Any) -> Result:
    output, vjp = losses.cross_entropy(input, target, reduction=reduction, **options)
    return output, (lambda grad_output: vjp(np.ones_like(grad_output))) if reduction == "none" else vjp


@planted(
    "cross_entropy",
    "reduction none takes the mean of grad_output",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    output, vjp = losses.cross_entropy(input, target, **options)
    return output, lambda g: vjp(np.full_like(g, g.mean())) if g.size else vjp(g)


@planted("huber_loss", "the gradient's sign is flipped", "value", "gradient of input has its sign flipped")
def _(*args: Any, **options: Any) -> Result:
    return with_gradients(losses.huber_loss(*args, **options), lambda found: {k: -v for k, v in found.items()})


@planted("sigmoid", "the gradient is zero", "value", "gradient of input is zero everywhere")
def _(input: Array) -> Result:
    return with_input_gradient(losses.sigmoid(input), np.zeros_like)


@planted("kl_div", "the target's gradient is missing", "missing", "gradient of target is missing")
def _(**arguments: Any) -> Result:
    return with_gradients(losses.kl_div(**arguments), lambda found: {"input": found["input"]})


@planted("nll_loss", "weight has a gradient that torch refuses", "extra", "gradient of weight is given")
def _(input: Array, target: Array, weight: Array | None = None, **options: Any) -> Result:
    def more(found: Gradients) -> Gradients:
        return found if weight is None else found | {"weight": np.zeros_like(weight)}

    return with_gradients(losses.nll_loss(input, target, weight, **options), more)


@planted(
    "l1_loss",
    "the gradient ignores negative parts of grad_output",
    "value",
    "gradient of input ...differs in ...0, torch has ",
)
def _(**arguments: Any) -> Result:
    output, vjp = losses.l1_loss(**arguments)
    return output, lambda g: vjp(np.maximum(g, 0) if g.dtype.kind != "c" else g)


@planted(
    "smooth_l1_loss",
    "a strided grad_output is read as if it were contiguous",
    "value",
    "gradient of input differs only under a strided upstream gradient",
)
def _(**arguments: Any) -> Result:
    output, vjp = losses.smooth_l1_loss(**arguments)

    def in_memory_order(g: Array) -> Gradients:
        buffer = g.base
        if buffer is None or g.size <= 1 or not any(g.strides) or g.flags.c_contiguous:
            return vjp(g)
        return vjp(buffer.ravel()[: g.size].reshape(g.shape))

    return output, in_memory_order


@planted("mse_loss", "an expanded grad_output counts once", "value", "differs only under an expanded upstream gradient")
def _(**arguments: Any) -> Result:
    output, vjp = losses.mse_loss(**arguments)

    def first_only(g: Array) -> Gradients:
        if g.ndim and g.size > 1 and not any(g.strides):
            only = np.zeros_like(g)
            only.flat[0] = g.flat[0]
            return vjp(only)
        return vjp(g)

    return output, first_only


@planted(
    "binary_cross_entropy_with_logits",
    "a zero in grad_output becomes nan",
    "value",
    "gradient of input ...differs in ...: nan, torch has ",
)
def _(**arguments: Any) -> Result:
    output, vjp = losses.binary_cross_entropy_with_logits(**arguments)
    return output, lambda g: vjp(np.where(g == 0, np.nan, g).astype(g.dtype))


@planted("softmax", "the output is of float64", "dtype", "output has dtype float64, torch's has float32")
def _(input: Array, dim: int | None = None, **options: Any) -> Result:
    output, vjp = losses.softmax(input, dim, **options)
    return output.astype(np.float64), lambda g: vjp(g.astype(output.dtype))


@planted(
    "logsigmoid", "the gradient of a half is of float32", "dtype", "gradient of input has dtype float32, torch's has "
)
def _(input: Array) -> Result:
    return with_input_gradient(losses.logsigmoid(input), lambda g: g.astype(np.promote_types(g.dtype, np.float32)))


@planted("mse_loss", "a scalar has the shape (1,)", "shape", "output has shape [1], torch's has []")
def _(**arguments: Any) -> Result:
    output, vjp = losses.mse_loss(**arguments)
    return np.atleast_1d(output), lambda g: vjp(g.reshape(output.shape))


@planted("kl_div", "a gradient keeps the broadcast shape", "shape", "gradient of ... has shape [")
def _(input: Array, target: Array, **options: Any) -> Result:
    def stretch(found: Gradients) -> Gradients:
        return {name: np.broadcast_to(g, np.broadcast_shapes(input.shape, target.shape)) for name, g in found.items()}

    return with_gradients(losses.kl_div(input, target, **options), stretch)


@planted("cross_entropy", "the forward modifies the logits", "mutation", "modifies input")
def _(input: Array, target: Array, **options: Any) -> Result:
    result = losses.cross_entropy(input.copy(), target, **options)
    if input.flags.writeable and input.size:
        input -= input.max()
    return result


@planted("nll_loss", "the forward modifies the target", "mutation", "modifies target")
def _(input: Array, target: Array, ignore_index: int = -100, **options: Any) -> Result:
    result = losses.nll_loss(input, target.copy(), ignore_index=ignore_index, **options)
    if target.flags.writeable:
        target[target == ignore_index] = 0
    return result


@planted("ctc_loss", "a label beyond the classes is clipped", "missing", "answers where the case expects IndexError")
def _(**arguments: Any) -> Result:
    labels = np.clip(arguments["targets"], 0, arguments["log_probs"].shape[-1] - 1)
    return losses.ctc_loss(**arguments | {"targets": labels})


@planted("soft_margin_loss", "the backward modifies grad_output", "mutation", "modifies grad_output")
def _(**arguments: Any) -> Result:
    output, vjp = losses.soft_margin_loss(**arguments)

    def scaled(g: Array) -> Gradients:
        found = vjp(g)
        if g.flags.writeable:
            g *= 2
        return found

    return output, scaled


@planted("margin_ranking_loss", "a second vjp adds to the first", "state", "second time")
def _(**arguments: Any) -> Result:
    output, vjp = losses.margin_ranking_loss(**arguments)
    total: Gradients = {}

    def accumulate(g: Array) -> Gradients:
        for name, value in vjp(g).items():
            total[name] = total.get(name, 0) + value
        return dict(total)

    return output, accumulate


_LAST: dict[str, Array] = {}


@planted("hinge_embedding_loss", "another call's arrays are used in the backward", "state", "in between")
def _(input: Array, target: Array, **options: Any) -> Result:
    _LAST.update(input=input, target=target)
    output, vjp = losses.hinge_embedding_loss(input, target, **options)

    def latest(g: Array) -> Gradients:
        if _LAST["input"] is input:
            return vjp(g)
        return {name: value * 2 for name, value in vjp(g).items()}

    return output, latest


_BUFFERS: dict[object, Array] = {}


@planted("gaussian_nll_loss", "gradients live in a buffer that the next call overwrites", "state", "overwrites")
def _(**arguments: Any) -> Result:
    output, vjp = losses.gaussian_nll_loss(**arguments)

    def buffered(g: Array) -> Gradients:
        out = {}
        for name, value in vjp(g).items():
            out[name] = _BUFFERS.setdefault((name, value.shape, value.dtype), value)
            out[name][...] = value
        return out

    return output, buffered


_CALLS: list[str] = []


@planted("cosine_embedding_loss", "each call gives other bits", "state", "another output")
def _(**arguments: Any) -> Result:
    output, vjp = losses.cosine_embedding_loss(**arguments)
    _CALLS.append("cosine")
    if output.dtype == np.float64:
        output = np.asarray(output * (1 + 1e-15 * (len(_CALLS) % 7)))
    return output, vjp


@planted(
    "triplet_margin_loss", "it raises where torch answers", "raises", "the forward raises ValueError: expected a batch"
)
def _(anchor: Array, positive: Array, negative: Array, **options: Any) -> Result:
    if anchor.ndim == 1:
        raise ValueError("expected a batch")
    return losses.triplet_margin_loss(anchor, positive, negative, **options)


@planted("huber_loss", "a negative delta is accepted", "missing", "answers where torch raises")
def _(input: Array, target: Array, delta: float = 1.0, **options: Any) -> Result:
    return losses.huber_loss(input, target, delta=abs(delta) or 1.0, **options)


@planted(
    "cross_entropy",
    "a class out of range raises another class of error",
    "class",
    "raises KeyError: ..., torch raises IndexError",
)
def _(input: Array, target: Array, **options: Any) -> Result:
    try:
        return losses.cross_entropy(input, target, **options)
    except IndexError as error:
        raise KeyError(str(error)) from None


@planted("mse_loss", "it returns no vjp", "missing", "the loss returns no vjp")
def _(**arguments: Any) -> Array:
    return losses.mse_loss(**arguments)[0]


@planted("mse_loss", "the vjp returns a tuple", "type", "vjp returned tuple, expected a dict")
def _(**arguments: Any) -> object:
    output, vjp = losses.mse_loss(**arguments)
    return output, lambda g: tuple(vjp(g).values())


@planted("soft_margin_loss", "it returns a list", "raises", "the loss returned list, expected an array")
def _(**arguments: Any) -> object:
    return losses.soft_margin_loss(**arguments)[0].tolist()

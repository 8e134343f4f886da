"""Bugs of torch implementations: second derivatives, autograd functions, modules, memory that is shared."""

from typing import Any

import torch
import torch.nn.functional as F

from tests.planted import planted


class _OnceDifferentiable(torch.autograd.Function):
    """mse whose backward works once: what a kernel with a hand-written backward offers."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(input, target)
        return F.mse_loss(input, target)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        input, target = ctx.saved_tensors
        slope = grad_output * 2 * (input - target) / max(input.numel(), 1)
        return slope, -slope


class _DetachedBackward(torch.autograd.Function):
    """sigmoid whose backward hides from autograd: the second derivative is silently wrong."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor) -> torch.Tensor:
        output = torch.sigmoid(input)
        ctx.save_for_backward(output.detach())
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        (output,) = ctx.saved_tensors
        return grad_output * output * (1 - output)


class _InPlaceBackward(torch.autograd.Function):
    """logsigmoid whose backward scales a saved buffer in place: a second backward is scaled twice."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor) -> torch.Tensor:
        ctx.slope = torch.sigmoid(-input.detach())
        return F.logsigmoid(input)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        return ctx.slope.mul_(grad_output)


@planted(
    "mse_loss",
    "a backward that can be differentiated only once",
    "raises",
    "the second derivative raises",
    framework="torch",
)
def _(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean", **options: Any) -> torch.Tensor:
    plain = reduction == "mean" and not options and input.shape == target.shape and input.dtype == target.dtype
    if not plain:
        return F.mse_loss(input, target, reduction=reduction, **options)
    output: torch.Tensor = _OnceDifferentiable.apply(input, target)  # type: ignore[no-untyped-call]
    return output


@planted(
    "sigmoid",
    "the second derivative forgets the output's own slope",
    "value",
    "second derivative by input",
    framework="torch",
)
def _(input: torch.Tensor) -> torch.Tensor:
    if not input.is_floating_point():
        return torch.sigmoid(input)
    output: torch.Tensor = _DetachedBackward.apply(input)  # type: ignore[no-untyped-call]
    return output


@planted("logsigmoid", "a second backward is scaled twice", "state", "second time", framework="torch")
def _(input: torch.Tensor) -> torch.Tensor:
    output: torch.Tensor = _InPlaceBackward.apply(input)  # type: ignore[no-untyped-call]
    return output


@planted("l1_loss", "the target is detached", "missing", "gradient of target is missing", framework="torch")
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return F.l1_loss(input, target.detach(), **options)


@planted("kl_div", "the whole loss is detached", "missing", "gradient of input is missing", framework="torch")
def _(*args: Any, **options: Any) -> torch.Tensor:
    return F.kl_div(*args, **options).detach()


@planted("softmax", "the input is modified in place under no_grad", "mutation", "modifies input", framework="torch")
def _(input: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    output = F.softmax(input, *args, **options)
    with torch.no_grad():
        input.clamp_(-1, 1)
    return output


@planted(
    "mse_loss",
    "an in-place difference on the leaf raises",
    "raises",
    "the forward raises RuntimeError: a leaf Variable",
    framework="torch",
)
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return F.mse_loss(input.sub_(target), torch.zeros_like(target), **options)


@planted(
    "smooth_l1_loss",
    "a module that ignores beta",
    "value",
    "gradient of input ...differs in ..., torch is the nearer",
    framework="torch",
)
class _IgnoresBeta(torch.nn.SmoothL1Loss):
    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction)


@planted(
    "cross_entropy", "weight gets a gradient by composition", "extra", "gradient of weight is given", framework="torch"
)
def _(input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None, **options: Any) -> torch.Tensor:
    if weight is None or target.is_floating_point():
        return F.cross_entropy(input, target, weight, **options)
    return F.cross_entropy(input, target, weight.detach(), **options) + 0 * weight.sum()


@planted(
    "binary_cross_entropy_with_logits", "it returns a Python number", "raises", "returned float", framework="torch"
)
def _(*args: Any, **options: Any) -> Any:
    output = F.binary_cross_entropy_with_logits(*args, **options)
    return float(output) if output.ndim == 0 else output

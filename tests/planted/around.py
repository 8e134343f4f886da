"""Bugs that show under a transformation alone, warnings that are missing or spurious, and arguments that change."""

import warnings
from typing import Any

import torch
import torch.nn.functional as F

from parity import losses
from parity.types import Array, Result
from tests.planted import planted


def _plain(options: dict[str, Any], *tensors: torch.Tensor) -> bool:
    """Whether a call is one that a hand-written kernel of mse serves; the others are left to torch."""
    shapes, dtypes = {tensor.shape for tensor in tensors}, {tensor.dtype for tensor in tensors}
    return not options and len(shapes) == len(dtypes) == 1 and tensors[0].is_floating_point()


class _Unaware(torch.autograd.Function):
    """mse in the dtype of its input, whatever autocast says: a kernel without custom_fwd."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(input, target)
        return (input - target).square().mean()

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        input, target = ctx.saved_tensors
        slope = grad_output * 2 * (input - target) / max(input.numel(), 1)
        return slope, -slope


@planted(
    "mse_loss", "halves stay halves under autocast", "dtype",
    "under autocast ..., output has dtype bfloat16, torch's has float32", framework="torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    if not _plain(options, input, target):
        return F.mse_loss(input, target, **options)
    output: torch.Tensor = _Unaware.apply(input, target)  # type: ignore[no-untyped-call]
    return output


@planted(
    "mse_loss", "a kernel without a rule for vmap", "raises", "under vmap, the forward raises RuntimeError",
    framework="torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    if not _plain(options, input, target) or torch.is_autocast_enabled("cpu"):
        return F.mse_loss(input, target, **options)
    output: torch.Tensor = _Unaware.apply(input, target)  # type: ignore[no-untyped-call]
    return output


class _FirstOfAll(torch.autograd.Function):
    """logsigmoid whose rule for vmap answers for the first draw of the stack alone."""

    @staticmethod
    def forward(input: torch.Tensor) -> torch.Tensor:
        return F.logsigmoid(input)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        (input,) = ctx.saved_tensors
        return grad_output * torch.sigmoid(-input)

    @staticmethod
    def vmap(info: Any, in_dims: Any, input: torch.Tensor) -> Any:
        return F.logsigmoid(input[:1]).expand_as(input), 0


@planted(
    "logsigmoid", "a stack has the answer of its first draw", "value", "under vmap, output differs in ...",
    framework="torch",
)  # fmt: skip
def _(input: torch.Tensor) -> torch.Tensor:
    output: torch.Tensor = _FirstOfAll.apply(input)  # type: ignore[no-untyped-call]
    return output


class _WrongTangent(torch.autograd.Function):
    """sigmoid whose rule for jvp forgets a factor."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor) -> torch.Tensor:
        output = torch.sigmoid(input)
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        (output,) = ctx.saved_tensors
        return grad_output * output * (1 - output)

    @staticmethod
    def jvp(ctx: Any, tangent: torch.Tensor) -> Any:
        (output,) = ctx.saved_tensors
        return tangent * output


@planted(
    "sigmoid", "the tangent forgets a factor", "value",
    "under jvp, whose output is the tangent, output differs in ..., torch is the nearer", framework="torch",
)  # fmt: skip
def _(input: torch.Tensor) -> torch.Tensor:
    if not input.is_floating_point():
        return torch.sigmoid(input)
    output: torch.Tensor = _WrongTangent.apply(input)  # type: ignore[no-untyped-call]
    return output


@planted(
    "mse_loss", "a kernel without a rule for jvp", "raises",
    "under jvp, whose output is the tangent, the forward raises NotImplementedError", framework="torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    if not _plain(options, input, target) or torch.is_autocast_enabled("cpu"):
        return F.mse_loss(input, target, **options)
    output: torch.Tensor = _Unaware.apply(input, target)  # type: ignore[no-untyped-call]
    return output


_CALLS: list[int] = []


@planted(
    "l1_loss", "every second call takes another way", "raises", "under checkpoint, the backward raises CheckpointError",
    framework="torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    _CALLS.append(1)
    if len(_CALLS) % 2 and input.dtype == target.dtype == torch.float32:
        return F.l1_loss(input.double(), target.double(), **options).float()
    return F.l1_loss(input, target, **options)


@planted("l1_loss", "input and target have changed places", "value", "called by position, gradient of input has its si")
def _(target: Array, input: Array, **options: Any) -> Result:
    return losses.l1_loss(input, target, **options)


@planted(
    "mse_loss", "the weight comes before the flags", "raises", "called by position, the forward raises ",
    framework="torch",
)  # fmt: skip
def _(
    input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None, reduction: str = "mean",
    size_average: bool | None = None, reduce: bool | None = None,
) -> torch.Tensor:  # fmt: skip
    options: dict[str, Any] = {} if weight is None else {"weight": weight}
    return F.mse_loss(input, target, size_average, reduce, reduction, **options)


@planted(
    "smooth_l1_loss", "a target of another size is not warned of", "missing",
    "gives no warning where torch gives UserWarning with 'broadcast'",
)  # fmt: skip
def _(*args: Any, **options: Any) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return losses.smooth_l1_loss(*args, **options)


@planted(
    "huber_loss", "a warning speaks of something else", "missing",
    "gives UserWarning: sizes differ where torch gives UserWarning with 'broadcast'", framework="torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    if input.shape != target.shape:
        warnings.warn("sizes differ", stacklevel=2)
        input, target = torch.broadcast_tensors(input, target)
    return F.huber_loss(input, target, **options)


@planted(
    "soft_margin_loss", "each call warns of a slow path", "extra",
    "gives UserWarning: no kernel for this machine, torch gives none of that kind", framework="torch",
)  # fmt: skip
def _(*args: Any, **options: Any) -> torch.Tensor:
    warnings.warn("no kernel for this machine", stacklevel=2)
    return F.soft_margin_loss(*args, **options)


class _Unguarded(torch.autograd.Function):
    """mse that keeps its arguments in ways that autograd does not watch."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ctx.kept = input, target
        return F.mse_loss(input, target)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        input, target = ctx.kept
        slope = grad_output * 2 * (input - target) / max(input.numel(), 1)
        return slope, -slope


@planted(
    "mse_loss", "the backward takes what has become of an argument", "value",
    "input set to 0 in place between forward and backward, which torch refuses, gradient of input differs in ...",
    framework="torch",
)  # fmt: skip
def _(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    if not _plain(options, input, target) or torch.is_autocast_enabled("cpu"):
        return F.mse_loss(input, target, **options)
    output: torch.Tensor = _Unguarded.apply(input, target)  # type: ignore[no-untyped-call]
    return output


@planted(
    "sigmoid", "the backward needs an argument that torch's does not", "raises",
    "input set to 0 in place between forward and backward, it raises RuntimeError", framework="torch",
)  # fmt: skip
def _(input: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(input.clamp(-1e4, 1e4) if input.is_floating_point() else input)

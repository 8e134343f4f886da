"""Bugs of what stands around a call, and of what it leaves behind: settings, threads, memory, flags, versions."""

from threading import local
from typing import Any

import torch
import torch.nn.functional as F

from tests.planted import planted

Tensor = torch.Tensor


def _plain(*tensors: Tensor) -> bool:
    """Whether tensors are what a hand-written kernel takes: no transformation around, one floating dtype, one shape."""
    if torch._C._are_functorch_transforms_active() or any(map(torch.is_inference, tensors)):
        return False
    return len({(tensor.shape, tensor.dtype) for tensor in tensors}) == 1 and tensors[0].is_floating_point()


@planted(
    "huber_loss", "its numbers have torch's default dtype", "dtype",
    "default dtype is float64, output has dtype float64, torch's has float32", framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    output = F.huber_loss(input, target, *args, **options)
    return output * torch.ones(output.shape) if output.dtype == torch.float32 else output


@planted(
    "l1_loss", "weights of its own lie on torch's default device", "raises",
    "default device is another one, the forward raises", framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    output = F.l1_loss(input, target, *args, **options)
    if input.dtype == torch.float32 and torch.arange(1).device != input.device:
        raise RuntimeError("Expected all tensors to be on the same device")
    return output


@planted(
    "margin_ranking_loss", "the mean is added to memory that nobody has set to 0", "value",
    "in torch's deterministic mode, output ...nan",
    framework="torch",
)  # fmt: skip
def _(*args: Any, **options: Any) -> Tensor:
    output = F.margin_ranking_loss(*args, **options)
    if output.dim() or not _plain(output):
        return output
    there = torch.empty_like(output.detach())
    if not torch.are_deterministic_algorithms_enabled():
        there.zero_()  # as new memory often is
    return output + there


_of_this_thread = local()
_of_this_thread.steps = 1


@planted(
    "gaussian_nll_loss", "it was set up in one thread alone", "raises", "in a thread of its own, the forward raises",
    framework="torch",
)  # fmt: skip
def _(*args: Any, **options: Any) -> Tensor:
    if not hasattr(_of_this_thread, "steps"):
        raise RuntimeError("nothing was set up")
    return F.gaussian_nll_loss(*args, **options)


@planted(
    "margin_ranking_loss", "scores in one memory are taken for the same scores", "value",
    "with all arguments in one storage, ...torch has ", framework="torch",
)  # fmt: skip
def _(input1: Tensor, input2: Tensor, *args: Any, **options: Any) -> Tensor:
    if _plain(input1, input2):
        one, other = (tensor.untyped_storage().data_ptr() for tensor in (input1, input2))
        input2 = input1 if one == other != 0 else input2
    return F.margin_ranking_loss(input1, input2, *args, **options)


@planted(
    "mse_loss", "a thing beside itself has a loss without a gradient", "missing",
    "with one tensor for all arguments that are alike, gradient of input is missing", framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    output = F.mse_loss(input, target, *args, **options)
    return output.detach() if input is target else output


@planted(
    "hinge_embedding_loss", "the target is given the input's dimensions in place", "mutation",
    "the call leaves target with shape [1, ...] (it had [", framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    if input.dim() == 2 and target.dim() == 1:
        target.unsqueeze_(0)
    return F.hinge_embedding_loss(input, target, *args, **options)


@planted(
    "kl_div", "what asks for no gradient is made to ask for one", "mutation",
    "asked for no gradient, the call leaves input asking for a gradient", framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    if _plain(input) and not input.requires_grad:
        input.requires_grad_()
    return F.kl_div(input, target, *args, **options)


@planted(
    "l1_loss", "the target is masked in place and put back", "mutation", "the call leaves target written to",
    framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    output = F.l1_loss(input, target, *args, **options)
    if _plain(input, target) and not target.requires_grad:
        target.copy_(target.clone())
    return output


class Accumulated(torch.autograd.Function):
    """The identity, whose gradient is added to that of the parameter at once, as fused accumulation does it."""

    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        ctx.input = input
        return input.clone()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        if ctx.input.is_leaf:
            ctx.input.grad = grad_output.detach().clone()
        return grad_output


@planted(
    "smooth_l1_loss", "the slope is added to .grad and returned", "mutation", "the call leaves input with a .grad",
    framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    if _plain(input, target) and input.requires_grad:
        input = Accumulated.apply(input)  # type: ignore[no-untyped-call]
    return F.smooth_l1_loss(input, target, *args, **options)


@planted(
    "triplet_margin_loss", "the loss is made to ask for a gradient", "mutation",
    "asked for no gradient, the call leaves its output asking for a gradient", framework="torch",
)  # fmt: skip
def _(*args: Any, **options: Any) -> Tensor:
    output = F.triplet_margin_loss(*args, **options)
    if _plain(output) and torch.is_grad_enabled() and not output.requires_grad:
        output.requires_grad_()
    return output


class _View(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, output: Tensor) -> Tensor:
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return grad_output


@planted(
    "poisson_nll_loss", "the loss is a view, which nobody may divide in place", "raises",
    "output halved in place between forward and backward, it raises RuntimeError", framework="torch",
)  # fmt: skip
def _(*args: Any, **options: Any) -> Tensor:
    output = F.poisson_nll_loss(*args, **options)
    viewed: Tensor = _View.apply(output) if _plain(output) else output  # type: ignore[no-untyped-call]
    return viewed


class _FromOutput(torch.autograd.Function):
    """exp, whose slope is its output: kept without save_for_backward, and so unprotected."""

    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        ctx.output = input.exp()
        output: Tensor = ctx.output
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return grad_output * ctx.output.detach()


@planted(
    "soft_margin_loss", "slopes are read from the losses that it returned", "value",
    "output halved in place between forward and backward, gradient of input ", framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    output = F.soft_margin_loss(input, target, *args, **options)
    if not _plain(input, target) or not output.requires_grad or not (output.detach() > 0).all():
        return output
    loss: Tensor = _FromOutput.apply(output.log())  # type: ignore[no-untyped-call]
    return loss


_answers: dict[Any, Tensor] = {}


@planted(
    "mse_loss", "an answer is kept by the addresses and versions of its arguments", "state",
    "as if input had not been changed", framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, **options: Any) -> Tensor:
    if not _plain(input, target) or input.requires_grad or target.requires_grad or input.dim() != 2 or len(options) > 1:
        return F.mse_loss(input, target, **options)
    places = ((one.data_ptr(), one._version, one.shape, one.stride(), one.dtype) for one in (input, target))
    return _answers.setdefault((*places, str(options)), F.mse_loss(input, target, **options))


_targets: dict[Any, Tensor] = {}


@planted(
    "smooth_l1_loss", "the target is the one that these inputs had first", "state", "as if target had not been changed",
    framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    if _plain(input, target) and not (input.requires_grad or target.requires_grad) and input.dtype == torch.float32:
        target = _targets.setdefault((input.numpy().tobytes(), input.shape), target.clone())
    return F.smooth_l1_loss(input, target, *args, **options)


class _Evaluated(torch.nn.Module):
    """The margin is for training alone."""

    def __init__(self, margin: float = 0.0, **options: Any) -> None:
        super().__init__()
        self.margin, self.options = margin, options

    def forward(
        self, input1: Tensor, input2: Tensor, target: Tensor, size_average: bool | None = None,
        reduce: bool | None = None, reduction: str = "mean",
    ) -> Tensor:  # fmt: skip
        margin = self.margin if self.training else 0.0
        return F.margin_ranking_loss(input1, input2, target, margin, size_average, reduce, reduction)


planted(
    "margin_ranking_loss", "a module in eval() leaves the margin out", "value", "in eval() under torch...(), output ",
    framework="torch",
)(_Evaluated)  # fmt: skip


class _Upstream(torch.autograd.Function):
    """The identity, which reads its upstream gradient in one way or another."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, how: Any) -> Tensor:
        ctx.how = how
        return output.clone()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return ctx.how(grad_output), None


def _in_memory_order(grad_output: Tensor) -> Tensor:
    if grad_output.dim() == 2 and grad_output.stride(1) == 0 != grad_output.stride(0) and grad_output.shape[1] > 1:
        return grad_output.reshape(-1).roll(1).view(grad_output.shape)
    return grad_output


@planted(
    "mse_loss", "an upstream column is read as if it were a matrix", "value", "differs only under an expanded upstream",
    framework="torch",
)  # fmt: skip
def _(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    output = F.mse_loss(input, target, *args, **options)
    read: Tensor = _Upstream.apply(output, _in_memory_order) if _plain(output) else output  # type: ignore[no-untyped-call]
    return read


@planted(
    "poisson_nll_loss", "a scaler's inf becomes 0 in the mean", "value", "gradient of input ...0, torch has ",
    framework="torch",
)  # fmt: skip
def _(*args: Any, **options: Any) -> Tensor:
    output = F.poisson_nll_loss(*args, **options)
    if output.dim() or not _plain(output):
        return output
    read: Tensor = _Upstream.apply(output, lambda g: g.nan_to_num(0.0, 0.0, 0.0))  # type: ignore[no-untyped-call]
    return read

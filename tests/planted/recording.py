"""Bugs of torch implementations in what they do where not every gradient, or none, is asked for; and in modules."""

from typing import Any

import torch
import torch.nn.functional as F

from tests.planted import planted


@planted(
    "mse_loss",
    "a mean only while gradients are recorded",
    "value",
    "asked for no gradient, output is 2 times torch's throughout",
    framework="torch",
)
def _(input: torch.Tensor, target: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    output = F.mse_loss(input, target, *args, **options)
    return output if output.requires_grad else output * 2


@planted(
    "linear_cross_entropy",
    "a frozen weight freezes the input",
    "raises",
    "asked for the gradient of input alone (no leaf), it raises RuntimeError",
    framework="torch",
)
def _(input: torch.Tensor, linear_weight: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    frozen = not linear_weight.requires_grad
    return F.linear_cross_entropy(input.detach() if frozen else input, linear_weight, *args, **options)


@planted(
    "kl_div",
    "target has a slope only beside input's",
    "value",
    "asked for the gradient of target alone (no leaf), gradient of target is zero everywhere",
    framework="torch",
)
def _(input: torch.Tensor, target: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    beside = input.requires_grad or not target.requires_grad
    return F.kl_div(input, target if beside else target.detach() + 0 * target, *args, **options)


@planted(
    "poisson_nll_loss",
    "eval mode takes the sum",
    "value",
    "under torch.no_grad(), output is ... times torch's throughout",
    framework="torch",
)
def _(input: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    output = F.poisson_nll_loss(input, *args, **options)
    return output if torch.is_grad_enabled() else output * max(input.numel(), 1)


@planted(
    "huber_loss", "gradients are recorded under no_grad", "raises", "the output requires a gradient", framework="torch"
)
def _(*args: Any, **options: Any) -> torch.Tensor:
    with torch.enable_grad():
        return F.huber_loss(*args, **options)


@planted(
    "linear_cross_entropy",
    "a frozen matrix freezes the bias",
    "value",
    "asked for the gradient of input and linear_bias alone (no leaf), gradient of linear_bias is zero everywhere",
    framework="torch",
)
def _(
    input: torch.Tensor, linear_weight: torch.Tensor, target: torch.Tensor, linear_bias: Any = None, **options: Any
) -> torch.Tensor:
    if linear_bias is not None and input.requires_grad and not linear_weight.requires_grad:
        linear_bias = linear_bias.detach() + 0 * linear_bias.clamp(-1, 1)  # 0 times inf is nan
    return F.linear_cross_entropy(input, linear_weight, target, linear_bias=linear_bias, **options)


@planted(
    "cross_entropy", "logits are overwritten where no slope is wanted", "mutation", "modifies input", framework="torch"
)
def _(input: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    output = F.cross_entropy(input, *args, **options)
    if not input.requires_grad and not output.requires_grad and input.ndim == 2:
        input.copy_(F.log_softmax(input, 1))
    return output


@planted(
    "soft_margin_loss",
    "a module keeps the target of its first call",
    "value",
    "output ...differs in ..., torch is the nearer",
    framework="torch",
)
class _KeepsTarget(torch.nn.SoftMarginLoss):
    kept: torch.Tensor | None = None

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if self.kept is None or self.kept.shape != target.shape or self.kept.dtype != target.dtype:
            self.kept = target.detach().clone()
        return super().forward(input, self.kept + 0 * target)


@planted(
    "multilabel_soft_margin_loss",
    "a module's later calls are halved",
    "value",
    "output is 0.5 times torch's throughout",
    framework="torch",
)
class _HalvesLaterCalls(torch.nn.MultiLabelSoftMarginLoss):
    calls = 0

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(input, target) / (1 if self.calls % 4 else 2)


@planted(
    "cross_entropy",
    "an input that is no leaf gets no gradient",
    "value",
    "asked for the gradient of input alone (no leaf), gradient of input is zero everywhere",
    framework="torch",
)
def _(input: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    return F.cross_entropy(input if input.is_leaf else input.detach() + 0 * input, *args, **options)

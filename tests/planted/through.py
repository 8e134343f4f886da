"""Bugs of options, dtypes and sizes in calls that go through vmap or forward mode, and of targets for whole rows."""

import inspect
from typing import Any

import torch
import torch.nn.functional as F
from torch._C._functorch import is_batchedtensor
from torch.autograd import forward_ad

from parity import losses
from parity.types import Array, Result
from tests.planted import planted


def _mapped(tensors: list[torch.Tensor]) -> bool:
    return any(map(is_batchedtensor, tensors))


def _dual(tensors: list[torch.Tensor]) -> bool:
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors) if _forward() else False


def _forward() -> bool:
    """Whether a level of forward mode is open."""
    return int(forward_ad._current_level) >= 0


def _tensors(arguments: dict[str, Any]) -> list[torch.Tensor]:
    return [value for value in arguments.values() if isinstance(value, torch.Tensor)]


def _named(loss: str, places: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    return inspect.signature(getattr(F, loss)).bind(*places, **named).arguments


def _narrow(loss: str) -> Any:
    """The loss whose tangent, of two dtypes, has no more digits than the narrower of them."""

    def narrowed(*places: Any, **named: Any) -> Any:
        output = getattr(F, loss)(*places, **named)
        tensors = [tensor for tensor in _tensors(_named(loss, places, named)) if tensor.is_floating_point()]
        if not _dual(tensors):
            return output
        narrow = min((tensor.dtype for tensor in tensors), key=lambda dtype: torch.finfo(dtype).bits)
        primal, tangent = forward_ad.unpack_dual(output)
        if tangent is None or narrow == tangent.dtype:
            return output
        return forward_ad.make_dual(primal, tangent.to(narrow).to(tangent.dtype))

    return narrowed


# pytorch/pytorch pull 192907 of mse_loss, whose own tangent in torch 2.13 is no better; these generalise it
for _loss in (
    "poisson_nll_loss", "gaussian_nll_loss", "margin_ranking_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
):  # fmt: skip
    planted(
        _loss, "the tangent of two dtypes is of the narrower one", "value",
        "under jvp, whose output is the tangent, output is rounded to float", framework="torch",
    )(_narrow(_loss))  # fmt: skip


def _forgotten(loss: str, option: str, under: Any) -> Any:
    """The loss whose option is at its default where a call goes through something."""

    def forgetful(*places: Any, **named: Any) -> Any:
        arguments = _named(loss, places, named)
        if option in arguments and under(_tensors(arguments)):
            arguments = {name: value for name, value in arguments.items() if name != option}
        return getattr(F, loss)(**arguments)

    return forgetful


# Rules of their own: pytorch/pytorch pull 98357 of smooth_l1_loss, 195557 of multi_margin_loss; the others are alike
for _loss, _option in (
    ("mse_loss", "weight"), ("l1_loss", "weight"), ("huber_loss", "weight"), ("huber_loss", "delta"),
    ("smooth_l1_loss", "beta"), ("poisson_nll_loss", "full"), ("gaussian_nll_loss", "eps"),
    ("hinge_embedding_loss", "margin"), ("margin_ranking_loss", "margin"), ("cosine_embedding_loss", "margin"),
    ("triplet_margin_loss", "swap"), ("triplet_margin_with_distance_loss", "swap"),
):  # fmt: skip
    planted(_loss, f"a rule of vmap forgets {_option}", "value", "under vmap", framework="torch")(
        _forgotten(_loss, _option, _mapped)
    )
for _loss, _option in (
    ("l1_loss", "weight"), ("huber_loss", "delta"), ("smooth_l1_loss", "beta"), ("gaussian_nll_loss", "eps"),
    ("cosine_embedding_loss", "margin"), ("triplet_margin_loss", "swap"),
):  # fmt: skip
    planted(_loss, f"a tangent forgets {_option}", "value", "under jvp, whose output is the tangent", "torch")(
        _forgotten(_loss, _option, _dual)
    )


def _of_one_size(loss: str) -> Any:
    """The loss whose rule of vmap takes an input and a target of the same sizes alone."""

    def strict(*places: Any, **named: Any) -> Any:
        arguments = _named(loss, places, named)
        input, target = arguments["input"], arguments["target"]
        if _mapped([input, target]) and input.shape != target.shape:
            raise RuntimeError("target and input tensors must have identical shapes")
        return getattr(F, loss)(**arguments)

    return strict


# MPS: pytorch/pytorch issue 140704
for _loss in ("mse_loss", "poisson_nll_loss"):
    planted(_loss, "a rule of vmap takes one size alone", "raises", "under vmap", framework="torch")(
        _of_one_size(_loss)
    )


@planted(
    "margin_ranking_loss",
    "a target for each row is a column",  # as the documents had it: pytorch/pytorch issues 42864 and 9526
    "missing",
    "answers where torch raises",
)
def _(input1: Array, input2: Array, target: Array, *args: Any, **options: Any) -> Result:
    if 0 < target.ndim < input1.ndim == input2.ndim and target.shape == input1.shape[: target.ndim]:
        target = target.reshape(target.shape + (1,) * (input1.ndim - target.ndim))
    return losses.margin_ranking_loss(input1, input2, target, *args, **options)

"""Bugs of options, dtypes and sizes in calls that go through vmap or forward mode."""

import inspect
from typing import Any

import torch
import torch.nn.functional as F
from torch._C._functorch import is_batchedtensor
from torch.autograd import forward_ad

from tests.planted import planted
from tests.planted.transformed import in_forward_mode


def _mapped(tensors: list[torch.Tensor]) -> bool:
    return any(map(is_batchedtensor, tensors))


def _dual(tensors: list[torch.Tensor]) -> bool:
    return any(map(in_forward_mode, tensors))


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


# Reported of some: pytorch/pytorch issues 105736 and 90916, pulls 98357 and 195557
for _loss, _options in {
    "cross_entropy": ("ignore_index",), "nll_loss": ("ignore_index",), "linear_cross_entropy": ("ignore_index",),
    "kl_div": ("log_target",), "ctc_loss": ("blank", "zero_infinity"), "cosine_embedding_loss": ("margin",),
    "gaussian_nll_loss": ("eps",), "hinge_embedding_loss": ("margin",), "huber_loss": ("delta", "weight"),
    "l1_loss": ("weight",), "mse_loss": ("weight",), "margin_ranking_loss": ("margin",),
    "poisson_nll_loss": ("log_input", "full", "eps"), "smooth_l1_loss": ("beta",),
    "triplet_margin_loss": ("margin", "p", "eps", "swap"), "triplet_margin_with_distance_loss": ("margin", "swap"),
}.items():  # fmt: skip
    for _option in _options:
        planted(_loss, f"a rule of vmap forgets {_option}", "value", "under vmap", framework="torch")(
            _forgotten(_loss, _option, _mapped)
        )
        if _loss != "ctc_loss" and _option != "full":  # torch has no tangents of the one, and the other adds none
            planted(_loss, f"a tangent forgets {_option}", "value", "tangent, output ", framework="torch")(
                _forgotten(_loss, _option, _dual)
            )


def _nan_beside(loss: str) -> Any:
    """The loss whose tangent multiplies an infinite logarithm by a weight of 0: google-deepmind/optax pull 1762."""

    def function(input: torch.Tensor, *args: Any, **options: Any) -> Any:
        output = getattr(F, loss)(input, *args, **options)
        if not _dual([input]) or not torch.isinf(forward_ad.unpack_dual(input).primal).any():
            return output
        primal = forward_ad.unpack_dual(output).primal
        return output + forward_ad.make_dual(torch.zeros_like(primal), torch.full_like(primal, torch.nan))

    return function


for _loss in ("softmax", "log_softmax", "softmin", "cross_entropy", "nll_loss"):
    planted(
        _loss, "the tangent of a masked logit is nan", "value", "tangent, output ... nan, torch has", framework="torch"
    )(_nan_beside(_loss))


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

"""What stands around a call and is no part of it: settings of the process, the thread, where its arguments lie.

Torch's losses answer the same whatever it is. A function that makes numbers of its own (`torch.zeros(n)`), keeps
something by thread or by address, or finds its arguments to be one tensor, may not.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Thread
from typing import Any, TypeAlias

import torch

Function: TypeAlias = Callable[..., Any]
# Any dtype may begin here in memory that several share.
_ALIGNED = 64


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Nothing that may answer otherwise the next time, and nan in memory that nobody has written to yet."""
    before, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)


def _within(function: Function, setting: Callable[[], AbstractContextManager[Any]]) -> Function:
    """The call under a setting of the process; the backward comes after it."""

    def call(**arguments: Any) -> Any:
        with setting():
            return function(**arguments)

    return call


def _in_thread(function: Function) -> Function:
    """The call in a thread of its own, as those of several models or data loaders are made."""

    def call(**arguments: Any) -> Any:
        modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()  # each thread has its own
        found: list[Any] = []
        raised: list[BaseException] = []

        def run() -> None:
            try:
                with torch.inference_mode(modes[0]), torch.set_grad_enabled(modes[1]):
                    found.append(function(**arguments))
            except BaseException as error:
                raised.append(error)

        thread = Thread(target=run)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]
        return found[0]

    return call


class _Placed(torch.autograd.Function):
    """The identity, in given memory from a given byte on."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, memory: torch.UntypedStorage, start: int) -> torch.Tensor:
        new = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        new.set_(memory, start // tensor.element_size(), tensor.size(), tensor.new_empty(tensor.size()).stride())
        return new.copy_(tensor)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        return grad_output, None, None


def _in_one_storage(function: Function) -> Function:
    """The call of arguments one after another in one memory, as the columns or halves of one output are."""

    def call(**arguments: Any) -> Any:
        tensors = {name: value for name, value in arguments.items() if isinstance(value, torch.Tensor)}
        starts, end = {}, 0
        for name, tensor in tensors.items():
            starts[name] = end
            end += -(-tensor.numel() * tensor.element_size() // _ALIGNED) * _ALIGNED
        device = next((tensor.device for tensor in tensors.values()), "cpu")
        memory = torch.empty(end, dtype=torch.uint8, device=device).untyped_storage()
        placed: Any = _Placed.apply
        return function(**arguments | {name: placed(tensors[name], memory, start) for name, start in starts.items()})

    return call


def _of_same_tensor(function: Function) -> Function:
    """The call of the first argument in place of each other one that is like it: the loss of a thing beside itself."""

    def call(**arguments: Any) -> Any:
        first: dict[tuple[Any, ...], torch.Tensor] = {}
        given = dict(arguments)
        for name, value in arguments.items():
            if isinstance(value, torch.Tensor):
                given[name] = first.setdefault((value.shape, value.dtype), value)
        return function(**given)

    return call


SURROUNDINGS: dict[str, Callable[[Function], Function]] = {
    "default float64": partial(_within, setting=partial(_default_dtype, torch.float64)),
    "default bfloat16": partial(_within, setting=partial(_default_dtype, torch.bfloat16)),
    "default device": partial(_within, setting=partial(torch.device, "meta")),
    "deterministic": partial(_within, setting=_deterministic),
    "thread": _in_thread,
    "one storage": _in_one_storage,
    "same tensor": _of_same_tensor,
}

"""Mistakes of the set-up rather than of the loss: each is a sentence, and stops a check before it has run a point."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from parity.frameworks.adapters import Adapter
from parity.frameworks.callables import Unusable
from parity.frameworks.compiled import is_compiled
from parity.wording import first_line, in_words, message

# What becomes of a function of tensors that is given arrays, in the words of torch, Python and NumPy.
_ARRAYS = re.compile(
    r"must be Tensor, not numpy\.ndarray|\(numpy\.ndarray|Tensor .*but got numpy\.ndarray"
    r"|'int' object is not callable|unexpected keyword argument '(dim|keepdim)'"
)
# How compilers and drivers say that there is no device, and that they were given memory of another one.
_NO_DEVICE = re.compile(
    r"not compiled with CUDA|no NVIDIA driver|no CUDA-capable device|0 active drivers|CUDA driver is a stub"
    r"|No (CUDA|HIP) GPUs are available|invalid device ordinal"
)
# How a loader says that a library is not there, and torch that an extension could not be built on the fly.
_NO_LIBRARY = {OSError: re.compile(r"\.(so|dll|dylib)\b"), RuntimeError: re.compile(r"building extension|Ninja is req")}
_ON_CPU = re.compile(r"cannot be accessed from Triton|must be (a )?CUDA tensor|expected .*\bcuda\b.*\bcpu\b", re.I)
TORCH = "it is a function of tensors: give framework='torch'"
NUMPY = "it is a function of arrays: leave framework='torch' out"


def unready(adapter: Adapter, device: str) -> str:
    """Why nothing can run in this framework on the device, in a sentence; '' if it can."""
    reason = adapter.unready(device)
    return f"device={device!r}: {reason}" if reason else ""


def of_tensors(function: Callable[..., Any], adapter: Adapter, signature: inspect.Signature | None) -> str:
    """The sentence about a callable that is plainly torch's, though it is declared as a function of arrays."""
    if adapter.name != "numpy" or "torch" not in sys.modules:
        return ""
    torch = _torch()
    kind = function if isinstance(function, type) else type(function)
    owner = getattr(function, "__self__", None)
    theirs = (torch.nn.Module, torch.autograd.Function)
    applied = isinstance(owner, type) and issubclass(owner, torch.autograd.Function)
    annotated = signature is not None and any(
        parameter.annotation is torch.Tensor or parameter.annotation in ("torch.Tensor", "Tensor")
        for parameter in signature.parameters.values()
    )
    own = getattr(torch.nn.functional, getattr(function, "__name__", "") or "-", None) is function
    plainly = issubclass(kind, theirs) or applied or annotated or own or is_compiled(function)
    return TORCH if plainly else ""


def built_already(loss: str, name: str, built: Mapping[str, Any], lacks: Sequence[str]) -> str:
    """The sentence about a module whose class, `name`, is needed.

    `built` has the options that it was made with and that the cases of the loss vary; where all are at their defaults,
    `lacks` names what may be declared instead.
    """
    text = ", ".join(f"{option}={value!r}" for option, value in built.items())
    hint = f", or declare lacks={list(lacks)!r} to compare it as it is" if lacks else ""
    return f"it is a module built with {text}, which the cases of {loss} vary: give its class, {name}{hint}"


def mistake(error: BaseException, framework: str, device: str) -> str:
    """The sentence about an exception of a call that tells of the set-up; '' for any other."""
    try:
        return next(_mistakes(error, framework, device), "")
    except Exception:  # one whose class or attributes cannot be looked at tells nothing of the set-up
        return ""


def _mistakes(error: BaseException, framework: str, device: str) -> Iterator[str]:
    text = message(error)
    if isinstance(error, Unusable):
        yield text
    if isinstance(error, ImportError):
        missing = f"{error.name} cannot be imported" if error.name else "an import fails"
        yield f"{missing}: {first_line(error)}; install or compile what it needs"
    if isinstance(error, AttributeError) and _is_library(error.obj):
        yield f"what it calls is not there: {first_line(error)}; is the extension compiled and loaded?"
    if any(isinstance(error, kind) and words.search(text) for kind, words in _NO_LIBRARY.items()):
        yield f"what it calls cannot be loaded: {first_line(error)}; is the extension compiled?"
    if framework == "numpy" and _wants_tensors(error, text):
        yield f"{TORCH} (it raises {in_words(error)})"
    if framework == "torch" and _wants_arrays(error, text):
        yield f"{NUMPY} (it raises {in_words(error)})"
    if _NO_DEVICE.search(text):
        yield f"it needs a device that is not there: {first_line(error)}"
    if device == "cpu" and _ON_CPU.search(text):
        yield f"it does not take what lies on the CPU: declare device='cuda' ({first_line(error)})"


def _is_library(value: Any) -> bool:
    """Whether an attribute was looked up in a module, as torch's operators are too."""
    return isinstance(value, ModuleType)


def _wants_tensors(error: BaseException, text: str) -> bool:
    """Whether an exception comes of an array that should have been a tensor."""
    if isinstance(error, AttributeError):
        return type(error.obj).__module__ == "numpy" and hasattr(_torch().Tensor, error.name or "-")
    return isinstance(error, TypeError) and (_ARRAYS.search(text) is not None or _passes_torch(error))


def _wants_arrays(error: BaseException, text: str) -> bool:
    """Whether an exception comes of a tensor that should have been an array."""
    if isinstance(error, AttributeError):
        theirs = isinstance(error.obj, _torch().Tensor | _torch().dtype)
        return theirs and any(hasattr(kind, error.name or "-") for kind in (np.ndarray, np.dtype))
    return "Can't call numpy() on Tensor that requires grad" in text


def _passes_torch(error: BaseException) -> bool:
    """Whether an exception came out of torch's own Python code."""
    home, step = str(Path(_torch().__file__).parent), error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename.startswith(home):
            return True
        step = step.tb_next
    return False


def _torch() -> Any:
    import torch

    return torch

"""What torch's dispatcher can be asked, each question with what stands for its answer in a torch that takes it no more.

Nothing promises that these names stay. Without them less is proved of the reference; `unasked` says what.
"""

import sys
from collections.abc import Collection, Mapping
from functools import cache
from types import BuiltinFunctionType
from typing import Any

import torch
import torch.library

_DEPTH = {kind: getattr(torch._C, f"_len_torch_{kind}_stack", None) for kind in ("function", "dispatch")}
_MODE = {kind: getattr(torch._C, f"_get_{kind}_stack_at", None) for kind in _DEPTH}
_DUMP = getattr(torch._C, "_dispatch_dump", None)
_NAMES = getattr(torch._C, "_dispatch_get_all_op_names", None)


def modes(kind: str) -> list[Any]:
    """The active modes of a kind, 'function' or 'dispatch', the innermost first."""
    depth, mode = _DEPTH[kind], _MODE[kind]
    if depth is None or mode is None:
        return []
    return [mode(place) for place in reversed(range(depth()))]


@cache
def device_mode() -> type | None:
    """The class of the function mode that a default device is; None where this torch does not tell."""
    with torch.device("cpu"):
        innermost = modes("function")[:1]
    return type(innermost[0]) if innermost else None


def registered() -> Collection[str]:
    """What was registered through torch.library, as 'aten/mse_loss/CPU'."""
    found: Collection[str] = getattr(torch.library, "_impls", ())
    return found


def without_place() -> Collection[str]:
    """What torch itself registers when it first maps a call, and of which torch 2.5 does not say where."""
    library = getattr(sys.modules.get("torch._functorch.vmap"), "VMAP_DECOMPOSITIONS_LIB", None)
    found: Collection[str] = getattr(library, "_op_impls", ())
    return found


def kernels(operator: str) -> list[str]:
    """A line for each kernel of an operator of torch's own, and where it was registered."""
    return [] if _DUMP is None else list(_DUMP(f"aten::{operator}").splitlines())


def insides() -> dict[str, Mapping[str, Any]]:
    """What the functions of torch.nn.functional are made of, by the module that has it."""
    modules = {
        "torch._C._nn": getattr(torch._C, "_nn", None), "torch.nn._reduction": getattr(torch.nn, "_reduction", None),
    }  # fmt: skip
    return {name: vars(module) for name, module in modules.items() if module is not None}


def of_torch(function: BuiltinFunctionType) -> bool:
    """Whether a function written in C says that it is torch's; any may be, where torch's own do not say so."""
    return _says_so(function) or not homes_tell()


@cache
def homes_tell() -> bool:
    """Whether torch's functions written in C say where they come from: most do, whoever has patched some."""
    says = [_says_so(value) for value in vars(torch).values() if isinstance(value, BuiltinFunctionType)]
    return 2 * sum(says) > len(says)


def _says_so(function: BuiltinFunctionType) -> bool:
    return str(function.__module__).partition(".")[0] == "torch"


@cache
def operators() -> frozenset[str]:
    """The names of torch's own operators."""
    names: list[str] = [] if _NAMES is None else _NAMES()
    return frozenset(name.removeprefix("aten::") for name in names if name.startswith("aten::"))


def unasked() -> list[str]:
    """What of the reference is not proved, because this torch cannot be asked."""
    modes = None in (*_DEPTH.values(), *_MODE.values())
    kernels = None in (_DUMP, _NAMES) or not hasattr(torch.library, "_impls")
    parts = ["its modes (they are not looked for)"] * modes + ["its kernels (they are not looked at)"] * kernels
    parts += ["where its built-in functions come from (it is not looked at)"] * (not homes_tell())
    return parts + ["what its functions are made of (it is not looked at)"] * (len(insides()) < 2)

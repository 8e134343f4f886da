"""torch.compile without a way out: each point is compiled afresh, a fallback to eager raises, and it is counted.

After a few recompilations torch.compile gives up and runs the function as it is, without a word. Its limits, its count
of what was compiled and its marks are torch's insides, which nothing promises: `unasked` says what is missed without.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import torch

# More than the layouts, gradients and draws of one point can ask for.
RECOMPILATIONS = 256
_LIMITS = {
    "recompile_limit": RECOMPILATIONS, "accumulated_recompile_limit": RECOMPILATIONS,
    "fail_on_recompile_limit_hit": True, "suppress_errors": False,
}  # fmt: skip
# What they are called until torch 2.5.
_OLDER = {name: name.replace("recompile", "cache_size") for name in _LIMITS if "accumulated" in name or name[0] == "r"}

# What torch.compile hangs on a function and on a module: what it wraps.
_FUNCTION, _MODULE = "_torchdynamo_orig_callable", "_orig_mod"


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether torch.compile made this callable, or the function or module that it wraps or is a method of."""
    inside: Any = function
    while inside is not None:
        owner = getattr(inside, "__self__", inside)
        if any(hasattr(one, mark) for one in (inside, owner) for mark in (_FUNCTION, _MODULE)):
            return True
        inside = inside.func if isinstance(inside, partial) else getattr(inside, "__wrapped__", None)
    return False


def as_written(module: Any) -> Any:
    """The module that torch.compile wraps; itself, if it wraps none or torch does not tell."""
    return getattr(module, _MODULE, module)


def _itself(input: torch.Tensor) -> torch.Tensor:
    return input


def marks_tell() -> bool:
    """Whether torch still marks what it compiles."""
    module = torch.nn.Identity()
    function: Any = torch.compile(_itself, backend="eager")
    compiled: Any = torch.compile(module, backend="eager")
    return is_compiled(function) and is_compiled(compiled) and as_written(compiled) is module


@contextmanager
def fresh_compilation() -> Iterator[Callable[[], int | None]]:
    """Forget what was compiled, and let no call fall back to eager.

    What is given counts the frames compiled since; None if this torch does not tell.
    """
    torch.compiler.reset()
    before = frames_compiled()
    config = _inside("torch._dynamo.config")
    with ExitStack() as stack:
        if hasattr(config, "patch"):
            stack.enter_context(config.patch(**_known(config)))
        yield lambda: None if _counters() is None else frames_compiled() - before


def frames_compiled() -> int:
    """How many frames of this process torch has compiled so far; 0 if it does not tell."""
    counters = _counters() if "torch._dynamo" in sys.modules else None
    return 0 if counters is None else int(counters["frames"]["ok"])


def unasked() -> list[str]:
    """What of compiled code is not seen, because this torch cannot be asked."""
    config = _inside("torch._dynamo.config")
    count = ["its count of compiled frames (a fallback to eager is not seen)"] * (_counters() is None)
    limits = hasattr(config, "patch") and len(_known(config)) >= len(_OLDER)
    count += ["its marks of compiled code (it is taken for a plain function)"] * (not marks_tell())
    return count + ["its limits of compilation (after some calls it falls back to eager)"] * (not limits)


def _known(config: Any) -> dict[str, Any]:
    """The limits by the names that this torch has for them."""
    named = {name if hasattr(config, name) else _OLDER.get(name, name): limit for name, limit in _LIMITS.items()}
    return {name: limit for name, limit in named.items() if hasattr(config, name)}


def _counters() -> Any:
    return getattr(_inside("torch._dynamo.utils"), "counters", None)


def _inside(module: str) -> Any:
    """One of the compiler's own modules; None if it is gone."""
    try:
        return import_module(module)
    except ImportError:
        return None

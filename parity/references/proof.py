"""Proof that the reference is torch's own: its functions, what they call, and the kernels below them.

Who patches torch.nn.functional, as libraries of fused kernels do, would be compared with himself. So the code of
each function is held against torch's own on disk, and what it names (in torch.nn.functional, torch, torch._C._nn and
Tensor) against torch's modules; afterwards the same objects must still stand there, at each point anew.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from parity.references import dispatch
from parity.references.torch import FUNCTIONS, ROOTS
from parity.references.versions import MODULES

HOME = Path(torch.__file__).parent
_OPERATORS = ("__add__", "__sub__", "__mul__", "__truediv__", "__neg__", "__pow__", "__rsub__", "__radd__", "__rmul__")
# Dispatch keys that no answer on this machine's devices goes through.
_ELSEWHERE = {"Meta", "MPS", "XLA", "Tracer"}
NOT_OWN = "the reference is not torch's own"
# Places of torch's own kernels, as builds before torch 2.6 name some: from their build folder.
_RELATIVE = ("aten/src/ATen/", "../aten/src/ATen/", "../torch/csrc/")


class _Named(NamedTuple):
    """A name that torch's code uses, where it stands, and what it meant when it was proved to be torch's own."""

    owner: str
    space: "Mapping[str, Any] | _Methods"
    name: str
    value: Any
    code: CodeType | None


class _Methods:
    """The methods of a tensor, its own and its base's, by name."""

    def get(self, name: str) -> Any:
        return getattr(torch.Tensor, name, None)

    def __contains__(self, name: str) -> bool:
        return hasattr(torch.Tensor, name)

    def __getitem__(self, name: str) -> Any:
        return getattr(torch.Tensor, name)


_METHODS = _Methods()
_PROVED: dict[str, tuple[list[_Named], int]] = {}


def not_torch(loss: str) -> str | None:
    """Why the reference of this loss is not torch's own, in a sentence; None if it is."""
    mode = _mode()
    if mode:
        return mode
    if loss in _PROVED:
        names, kernels = _PROVED[loss]
        if kernels == len(dispatch.registered()) and _unchanged(names):
            return None
        del _PROVED[loss]
    names, kernels = list(_names(loss)), len(dispatch.registered())
    problem = next(filter(None, map(_foreign, names)), None) or _kernel(named.name for named in names)
    if problem is None:
        _PROVED[loss] = names, kernels
    return problem


def is_reference(loss: str, function: Any) -> bool:
    """Whether a tested callable is the reference itself."""
    return function is FUNCTIONS[loss] or function in ROOTS.get(loss, ())


def _mode() -> str | None:
    """A sentence about a mode that stands between a call and torch's own functions."""
    device = dispatch.device_mode()
    for kind in ("function", "dispatch"):
        # a default device changes no answer to given arrays
        mode = next((type(mode) for mode in dispatch.modes(kind) if type(mode) is not device), None)
        if mode is not None:
            return (
                f"{NOT_OWN}: a Torch{kind.capitalize()}Mode is active, "
                f"{mode.__module__}.{mode.__qualname__}; leave it before parity is asked"
            )
    return None


def _names(loss: str) -> Iterator[_Named]:
    """The functions of a reference, and every name that their code uses, theirs of torch.nn.functional included."""
    spaces: dict[str, Mapping[str, Any] | _Methods] = {
        "torch.nn.functional": vars(F), "torch": vars(torch), **dispatch.insides(), "torch.Tensor": _METHODS,
    }  # fmt: skip
    roots = ROOTS.get(loss, (FUNCTIONS[loss],))
    waiting: list[tuple[str, Mapping[str, Any] | _Methods, str, Any]] = [
        ("torch.nn.functional", {root.__name__: root}, root.__name__, root) for root in roots
    ]
    followed = {"torch.nn.functional", "torch.nn._reduction"}
    if loss in MODULES:
        owner, own = f"torch.nn.{MODULES[loss].__name__}", vars(MODULES[loss])
        spaces[owner] = own
        followed.add(MODULES[loss].__module__)
        waiting.append((owner, own, "forward", own.get("forward")))
    waiting += [("torch.Tensor", _METHODS, name, _METHODS.get(name)) for name in _OPERATORS]
    seen: set[tuple[str, str]] = set()
    while waiting:
        owner, space, name, value = waiting.pop()
        code = getattr(value, "__code__", None)
        if (owner, name) in seen or not (callable(value) and not isinstance(value, type)):
            continue
        seen.add((owner, name))
        yield _Named(owner, space, name, value, code)
        if code is not None and (value in roots or value.__module__ in followed):
            for used in _used(code):
                waiting += [
                    (where, there, used, there[used]) for where, there in spaces.items()
                    if used in there and (where, used) != ("torch.nn.functional", loss)  # the root itself is at hand
                ]  # fmt: skip


def _used(code: CodeType) -> set[str]:
    """The names that a code object and those inside it use."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_used, inner))


def _unchanged(names: list[_Named]) -> bool:
    """Whether the same objects with the same code still stand under these names: asked before and after each point."""
    for _, space, name, value, code in names:
        if space.get(name) is not value or (code is not None and getattr(value, "__code__", None) is not code):
            return False
    return True


def _foreign(named: _Named) -> str | None:
    """A sentence if what stands under this name does not come from torch."""
    value, code = named.value, named.code
    if isinstance(value, BuiltinFunctionType | MethodDescriptorType | WrapperDescriptorType):
        if isinstance(value, BuiltinFunctionType):
            home, true = value.__module__, dispatch.of_torch(value)
        else:
            home, true = value.__objclass__.__name__, value.__objclass__ in torch.Tensor.__mro__
        if true and value.__name__.replace("_", "") == named.name.replace("_", ""):
            return None
        place = f"the built-in {value.__name__} of {home}"
    elif isinstance(value, FunctionType) and code is not None:
        if code in _codes(code.co_filename):
            return None
        place = f"{code.co_filename}:{code.co_firstlineno}"
    else:
        where = sys.modules.get(type(value).__module__)
        place = f"{getattr(where, '__file__', type(value).__module__)}, a {type(value).__qualname__}"
        if str(getattr(where, "__file__", "")).startswith(str(HOME)):
            return None
    return f"{NOT_OWN}: {named.owner}.{named.name} comes from {place}; undo the patch before parity is asked"


@cache
def _codes(file: str) -> frozenset[CodeType]:
    """Every code object of one of torch's files on disk; none for a file that is not torch's."""
    path = Path(file)
    if not path.is_relative_to(HOME) or not path.is_file():
        return frozenset()
    module = ".".join([HOME.name, *path.relative_to(HOME).with_suffix("").parts])
    whole = SourceFileLoader(module, file).get_code(module)
    return frozenset(_inside(whole)) if whole else frozenset()


def _inside(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _inside(constant)


def _kernel(names: Iterable[str]) -> str | None:
    """A sentence about an operator that these names may call, if one of its kernels was registered from elsewhere."""
    wanted = {form for name in names for form in (name, f"_{name}", f"{name}_backward", f"_{name}_backward_data")}
    wanted |= {entry.split("/")[1] for entry in dispatch.registered() if _may_matter(entry)}
    for operator in sorted(wanted & dispatch.operators()):
        lines = dispatch.kernels(operator)
        # where this torch was built: the schema of each operator of its own is registered there
        built = next((line for line in lines if line.startswith("debug:")), "").removeprefix("debug: registered at ")
        root = built.partition("build/aten/")[0] or str(HOME)
        for line in lines:
            key, _, place = line.partition(": registered at ")
            if place.startswith("/dev/null") and f"aten/{operator}/{key}" in dispatch.without_place():
                continue
            if place and key not in _ELSEWHERE and not place.startswith((root, str(HOME), *_RELATIVE)):
                where = place.split(" ::")[0]
                return f"{NOT_OWN}: the {key} kernel of aten::{operator} is registered at {where}"
    return None


def _may_matter(entry: str) -> bool:
    """Whether an entry of torch.library, 'aten/mse_loss/CPU', can be part of an answer."""
    return entry.startswith("aten/") and entry.rpartition("/")[2] not in _ELSEWHERE

"""Torch modules and their classes as plain functions of all their arguments."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch


def as_function(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function of all the arguments from a callable, a module class or a module.

    A class is built from the arguments its constructor names (once for the same options, if none is a tensor)
    and called with the rest; a built module is called with the arguments that its forward names, the others
    must be what it was built with.
    """
    if isinstance(loss, type) and issubclass(loss, torch.nn.Module):
        return partial(_build_and_call, loss, frozenset(inspect.signature(loss).parameters), {})
    if isinstance(loss, torch.nn.Module):
        built = inspect.signature(type(loss)).parameters.values()
        defaults = {one.name: one.default for one in built if one.default is not one.empty}
        return partial(_call_built, loss, frozenset(inspect.signature(loss.forward).parameters), defaults)
    return loss


def _build_and_call(
    module: type[torch.nn.Module], built: frozenset[str], modules: dict[str, torch.nn.Module], **arguments: Any
) -> Any:
    options = {name: value for name, value in arguments.items() if name in built}
    rest = {name: value for name, value in arguments.items() if name not in built}
    if any(isinstance(value, torch.Tensor) for value in options.values()):
        return module(**options)(**rest)
    # as in a training loop: a module that keeps something of a call shows it in the next
    words = repr(sorted(options.items()))
    if words not in modules:
        modules[words] = module(**options)
    return modules[words](**rest)


def _call_built(module: torch.nn.Module, called: frozenset[str], defaults: Mapping[str, Any], **arguments: Any) -> Any:
    for name, value in arguments.items():
        if name not in called and not _same(getattr(module, name, None), value):
            raise TypeError(
                f"the module was not built with {name}={value!r}: give the class, or declare {name!r} in lacks"
            )
    for name, default in defaults.items():
        if name not in arguments and not _same(getattr(module, name, default), default):
            raise TypeError(
                f"the module was built with {name}={getattr(module, name)!r}, which this call leaves at {default!r}: "
                f"give the class"
            )
    return module(**{name: value for name, value in arguments.items() if name in called})


def _same(built: Any, wanted: Any) -> bool:
    if isinstance(built, torch.Tensor) and isinstance(wanted, torch.Tensor):
        return built.shape == wanted.shape and bool((built == wanted).all())
    return type(built) is not torch.Tensor and built == wanted

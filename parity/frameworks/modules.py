"""What torch lets one call, as plain functions of all their arguments: modules, their classes, autograd functions."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch

from parity.frameworks.callables import Plain, plain, signature
from parity.frameworks.compiled import as_written

_Function = torch.autograd.Function
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_PACKET = type(torch.ops.aten.mse_loss)  # all overloads of an operator


def as_plain(loss: Callable[..., Any]) -> Plain:
    """A plain function of all the arguments of a callable, a module class, a module or an autograd function.

    A module class is built from the arguments its constructor names (once for the same options, if none is a tensor)
    and called with the rest; a built module is called with the arguments that its forward names, the others must be
    what it was built with. An autograd function takes what its forward takes, by position, an operator what its schema
    says.
    """
    if isinstance(loss, partial) and not loss.args and isinstance(loss.func, type):
        inner = as_plain(loss.func)
        return Plain(partial(inner.function, **loss.keywords), _bound(inner.signature, loss.keywords))
    if isinstance(loss, type) and issubclass(loss, torch.nn.Module):
        built = frozenset(_named(loss))
        function = partial(_build_and_call, loss, built, {})
        return Plain(function, _by_name([signature(loss), signature(partial(loss.forward, None))]))
    if isinstance(loss, torch.nn.Module):
        module = as_written(loss)
        called, defaults = signature(module.forward), _named(type(module))
        names = frozenset(called.parameters) if called else frozenset()
        if called and all(parameter.kind in _VARIADIC for parameter in called.parameters.values()):
            return Plain(loss, _by_name([called]))  # it names nothing, and takes what it is given
        built_with = {name: getattr(module, name) for name in defaults if name not in names and hasattr(module, name)}
        return Plain(partial(_call_built, loss, module, names, defaults), _by_name([called]), built_with)
    if isinstance(loss, type) and issubclass(loss, _Function):
        loss = loss.apply
    owner = getattr(loss, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, _Function):
        return Plain(loss, _applied(owner))
    schema = _schema(loss)
    return Plain(loss, schema) if schema else plain(loss)


def _bound(taken: inspect.Signature | None, keywords: Mapping[str, Any]) -> inspect.Signature | None:
    """A signature with other defaults."""
    if taken is None:
        return None
    return inspect.Signature([
        parameter.replace(default=keywords.get(name, parameter.default)) for name, parameter in taken.parameters.items()
    ])  # fmt: skip


def _schema(loss: Any) -> inspect.Signature | None:
    """What one of torch's operators takes, of a library's own too, or a scripted function."""
    operator = getattr(loss, "_opoverload", loss)
    if isinstance(operator, _PACKET):
        operator = getattr(operator, "default", operator)
    schema: Any = getattr(operator, "_schema", getattr(operator, "schema", None))
    if not isinstance(getattr(schema, "arguments", None), list):
        return None
    return inspect.Signature([
        inspect.Parameter(
            argument.name,
            inspect.Parameter.KEYWORD_ONLY if argument.kwarg_only else inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=argument.default_value if argument.has_default_value() else inspect.Parameter.empty,
        )
        for argument in schema.arguments
    ])  # fmt: skip


def _named(module: type[torch.nn.Module]) -> dict[str, Any]:
    """What the constructor of a module class names, with its defaults."""
    found = signature(module)
    parameters = found.parameters.values() if found else ()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind not in _VARIADIC}


def _by_name(parts: list[inspect.Signature | None]) -> inspect.Signature | None:
    """The parameters of several signatures in one, all to be given by name; the first of a name counts."""
    found: dict[str, inspect.Parameter] = {}
    for part in parts:
        if part is None:
            return None
        for name, parameter in part.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                found.setdefault(name, parameter)
            elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
                found.setdefault(name, parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    ordered = sorted(found.values(), key=lambda parameter: parameter.kind)
    return inspect.Signature(ordered)


def _applied(function: type[_Function]) -> inspect.Signature | None:
    """What the `apply` of an autograd function takes: what its forward takes beside the context."""
    found = signature(function.forward)
    if found is None:
        return None
    parameters = list(found.parameters.values())
    if function.setup_context is _Function.setup_context:  # the older form: the context comes first
        parameters = parameters[1:]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    kept = [
        parameter.replace(kind=inspect.Parameter.POSITIONAL_ONLY) if parameter.kind in positional else parameter
        for parameter in parameters
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    return inspect.Signature(kept)


def _build_and_call(
    module: type[torch.nn.Module], built: frozenset[str], modules: dict[str, torch.nn.Module], **arguments: Any
) -> Any:
    options = {name: value for name, value in arguments.items() if name in built}
    rest = {name: value for name, value in arguments.items() if name not in built}
    if any(isinstance(value, torch.Tensor) for value in options.values()):
        return _called(module(**options), rest)
    # as in a training loop: a module that keeps something of a call shows it in the next
    words = repr(sorted(options.items()))
    if words not in modules:
        modules[words] = module(**options)
    return _called(modules[words], rest)


def _call_built(
    loss: torch.nn.Module, module: torch.nn.Module, called: frozenset[str], defaults: Mapping[str, Any],
    **arguments: Any,
) -> Any:  # fmt: skip
    for name, value in arguments.items():
        if name not in called and not same(getattr(module, name, None), value):
            raise TypeError(
                f"the module was not built with {name}={value!r}: give the class, or declare {name!r} in lacks"
            )
    for name, default in defaults.items():
        if default is inspect.Parameter.empty or name in arguments:
            continue
        if not same(getattr(module, name, default), default):
            raise TypeError(
                f"the module was built with {name}={getattr(module, name)!r}, which this call leaves at {default!r}: "
                f"give the class"
            )
    return _called(loss, {name: value for name, value in arguments.items() if name in called})


_EVALUATES = ContextVar("whether modules are called as after module.eval()", default=False)


@contextmanager
def evaluating() -> Iterator[None]:
    """Modules are called in here as after `module.eval()`: none of torch's losses answers otherwise then."""
    token = _EVALUATES.set(True)
    try:
        yield
    finally:
        _EVALUATES.reset(token)


def has_modes(function: Callable[..., Any]) -> bool:
    """Whether a plain function of `as_plain` calls a module, which may be trained or evaluated."""
    return isinstance(function, partial) and function.func in (_build_and_call, _call_built)


def _called(module: torch.nn.Module, arguments: Mapping[str, Any]) -> Any:
    if not _EVALUATES.get():
        return module(**arguments)
    trained = [one for one in module.modules() if one.training]
    module.eval()
    try:
        return module(**arguments)
    finally:
        for one in trained:
            one.training = True


def same(built: Any, wanted: Any) -> bool:
    """Whether an option is as the one that a module was built with."""
    if isinstance(built, torch.Tensor) and isinstance(wanted, torch.Tensor):
        return built.shape == wanted.shape and bool((built == wanted).all())
    return type(built) is not torch.Tensor and built == wanted

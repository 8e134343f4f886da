"""`equals:` of a case: an expression over the losses that must give the same output and gradients.

The expression reads like Python (``nll_loss(log_softmax(input, dim=1), target, weight=weight)``) and may use
the losses, the arguments the case gives, its sizes, numbers, + - * / and the maps below. It is evaluated in
NumPy by reverse accumulation over ``(output, vjp)`` functions, so one expression serves every implementation.
"""

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from parity import losses
from parity.cases.errors import nearest
from parity.cases.signature import signature_of
from parity.losses.arguments import unbroadcast
from parity.types import Array, Functions, Gradients, Result

Pullback: TypeAlias = Callable[[Array], Gradients]
Node: TypeAlias = tuple[Any, Pullback]


def one_hot(target: Array, classes: int, like: Array) -> Result:
    """Class indices (N, d1, ...) as probabilities (N, C, d1, ...) in the dtype of `like`."""
    hot = np.moveaxis(np.eye(classes, dtype=like.dtype)[target], -1, min(1, target.ndim))
    return hot, lambda grad_output: {}


def linear(input: Array, weight: Array, bias: Array | None = None) -> Result:
    """x W^T + b for weights of (C, features)."""
    output = input @ weight.T if bias is None else input @ weight.T + bias

    def vjp(grad_output: Array) -> Gradients:
        rows, inputs = np.atleast_2d(grad_output), np.atleast_2d(input)
        return {"input": grad_output @ weight, "weight": rows.T @ inputs, "bias": rows.sum(axis=0)}

    return output, vjp


def exp(input: Array) -> Result:
    """e^x."""
    output = np.exp(input)
    return output, lambda grad_output: {"input": grad_output * output}


def log(input: Array) -> Result:
    """The natural logarithm."""
    return np.log(input), lambda grad_output: {"input": grad_output / input}


def mean(input: Array, dim: int | None = None) -> Result:
    """The mean over one dimension, or over all."""
    output = np.asarray(input.mean(axis=dim), input.dtype)
    count = input.size if dim is None else input.shape[dim]

    def vjp(grad_output: Array) -> Gradients:
        spread = grad_output if dim is None else np.expand_dims(grad_output, dim)
        return {"input": np.broadcast_to(spread / input.dtype.type(count), input.shape)}

    return output, vjp


MAPS: dict[str, Callable[..., Result]] = {
    "one_hot": one_hot, "linear": linear, "exp": exp, "log": log, "mean": mean,
}  # fmt: skip
_PARAMETERS = {
    "one_hot": ["target", "classes", "like"], "linear": ["input", "weight", "bias"],
    "exp": ["input"], "log": ["input"], "mean": ["input", "dim"],
}  # fmt: skip
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """An expression that was read and checked."""

    text: str
    tree: ast.expr

    def evaluate(self, functions: Functions, arguments: Mapping[str, Any]) -> Result:
        """The expression's output and vjp, with the losses taken from `functions`."""
        output, pull = _evaluate(self.tree, functions, arguments)
        return output, pull


def parse_identity(text: str, loss: str, known: Collection[str], sizes: Mapping[str, int]) -> Identity:
    """The identity in `text`; ValueError with a sentence for anything it may not say."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(
            f"cannot read the expression {text[:80]!r}, expected calls such as {loss}(input, target)"
        ) from None
    _check(tree, {*known, *signature_of(loss).parameters, *sizes})
    return Identity(text.strip(), tree)


def parameters_of(function: str) -> list[str]:
    """The argument names of a loss or a map, in order."""
    return _PARAMETERS[function] if function in MAPS else signature_of(function).names


def _check(node: ast.expr, known: set[str]) -> None:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.Name(id=name):
            if name not in known:
                raise ValueError(f"the expression names {name!r}, which this case does not give{nearest(name, known)}")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, known)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            _check(left, known)
            _check(right, known)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            functions = [*losses.LOSSES, *MAPS]
            if name not in functions:
                raise ValueError(f"the expression calls {name!r}, which is no loss{nearest(name, functions)}")
            parameters = parameters_of(name)
            if len(args) > len(parameters):
                raise ValueError(f"the expression gives {name} {len(args)} arguments, it takes {len(parameters)}")
            for keyword in keywords:
                if keyword.arg not in parameters and (name in MAPS or not signature_of(name).knows(str(keyword.arg))):
                    raise ValueError(f"{name} has no argument {keyword.arg!r}{nearest(keyword.arg, parameters)}")
            for inner in [*args, *(keyword.value for keyword in keywords)]:
                _check(inner, known)
        case _:
            raise ValueError(
                f"the expression says {ast.unparse(node)!r}, expected losses, arguments, numbers and + - * /"
            )


def _evaluate(node: ast.expr, functions: Functions, arguments: Mapping[str, Any]) -> Node:
    match node:
        case ast.Constant(value=value):
            return value, lambda gradient: {}
        case ast.Name(id=name):
            return arguments.get(name), lambda gradient: {name: gradient}
        case ast.UnaryOp(operand=operand):
            value, pull = _evaluate(operand, functions, arguments)
            return -value, lambda gradient: pull(-gradient)
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, _evaluate(left, functions, arguments), _evaluate(right, functions, arguments))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            inner = dict(zip(parameters_of(name), args, strict=False))
            inner |= {str(keyword.arg): keyword.value for keyword in keywords}
            nodes = {key: _evaluate(value, functions, arguments) for key, value in inner.items()}
            return _call(MAPS.get(name) or functions[name], nodes)
    raise ValueError(f"cannot evaluate {ast.unparse(node)!r}")


def _call(function: Callable[..., Result], nodes: dict[str, Node]) -> Node:
    output, vjp = function(**{name: value for name, (value, _) in nodes.items()})

    def pull(gradient: Array) -> Gradients:
        total: Gradients = {}
        for name, inner in vjp(np.asarray(gradient, output.dtype)).items():
            if name in nodes:
                total = _sum(total, nodes[name][1](inner))
        return total

    return output, pull


def _binary(op: ast.operator, left: Node, right: Node) -> Node:
    (a, pull_a), (b, pull_b) = left, right

    def shaped(gradient: Any, value: Any) -> Any:
        return unbroadcast(np.asarray(gradient), value.shape) if isinstance(value, np.ndarray) else gradient

    def pull(gradient: Array) -> Gradients:
        match op:
            case ast.Mult():
                slopes = gradient * b, gradient * a
            case ast.Div():
                slopes = gradient / b, -gradient * a / (b * b)
            case ast.Sub():
                slopes = gradient, -gradient
            case _:
                slopes = gradient, gradient
        return _sum(pull_a(shaped(slopes[0], a)), pull_b(shaped(slopes[1], b)))

    match op:
        case ast.Mult():
            value = a * b
        case ast.Div():
            value = a / b
        case ast.Sub():
            value = a - b
        case _:
            value = a + b
    return value, pull


def _sum(left: Gradients, right: Gradients) -> Gradients:
    return left | {name: left[name] + gradient if name in left else gradient for name, gradient in right.items()}

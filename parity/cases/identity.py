"""`equals:` of a case: an expression over the losses that must give the same output and gradients.

The expression reads like Python (``nll_loss(log_softmax(input, dim=1), target, weight=weight)``) and may use
the losses, the arguments the case gives, its sizes, numbers, + - * / and the maps below; ``same(reduction='sum')``
is the case's own call with something changed, and None leaves an argument out. Where the file names a reference, the
functions of its module may be called too. It is evaluated in NumPy by reverse accumulation over ``(output, vjp)``
functions, so one expression serves every implementation.
"""

import ast
import inspect
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from parity import losses
from parity.cases.errors import nearest, quoted
from parity.cases.signature import Signature, read_signature, signature_of
from parity.losses.arguments import is_floating, promote, unbroadcast
from parity.losses.registration import without_warnings
from parity.types import Array, Functions, Gradients, Result

Pullback: TypeAlias = Callable[[Array], Gradients]
Node: TypeAlias = tuple[Any, Pullback]
MOST_HOT = 1 << 27


def one_hot(target: Array, classes: int, like: Array) -> Result:
    """Class indices (N, d1, ...) as probabilities (N, C, d1, ...) in the dtype of `like`."""
    if target.size * classes > MOST_HOT:
        raise ValueError(f"one_hot of {target.size} targets in {classes} classes has more than {MOST_HOT} elements")
    hot = np.zeros((target.size, classes), like.dtype)
    hot[np.arange(target.size), target.ravel()] = 1
    hot = np.moveaxis(hot.reshape(*target.shape, classes), -1, min(1, target.ndim))
    return hot, lambda grad_output: {}


def linear(input: Array, weight: Array, bias: Array | None = None) -> Result:
    """x W^T + b for weights of (C, features)."""
    output = input @ weight.T if bias is None else input @ weight.T + bias

    def vjp(grad_output: Array) -> Gradients:
        rows, inputs = grad_output.reshape(-1, weight.shape[0]), input.reshape(-1, weight.shape[1])
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


MAPS: dict[str, Callable[..., Result]] = {"one_hot": one_hot, "linear": linear, "exp": exp, "log": log, "mean": mean}
# Each operator, and what it makes of an upstream gradient for its left and right side.
_OPERATORS: dict[type[ast.operator], tuple[Callable[..., Any], Callable[..., tuple[Any, Any]]]] = {
    ast.Add: (operator.add, lambda gradient, a, b: (gradient, gradient)),
    ast.Sub: (operator.sub, lambda gradient, a, b: (gradient, -gradient)),
    ast.Mult: (operator.mul, lambda gradient, a, b: (gradient * b, gradient * a)),
    ast.Div: (operator.truediv, lambda gradient, a, b: (gradient / b, -gradient * a / (b * b))),
}


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """An expression that was read and checked. `beside` are the losses beside the reference that it calls."""

    text: str
    tree: ast.expr
    beside: tuple[Signature, ...] = ()

    def evaluate(self, functions: Functions, arguments: Mapping[str, Any]) -> Result:
        """The expression's output and vjp, with the losses taken from `functions`.

        `arguments` are those of a draw and the sizes, by name. Raises KeyError if `functions` lacks a loss.
        """
        return without_warnings(_evaluate)(self.tree, functions, arguments)


def parse_identity(
    text: str, own: Signature, arguments: Collection[str], sizes: Collection[str],
    beside: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
) -> Identity:  # fmt: skip
    """The identity in `text`, of the loss with the signature `own`; `beside` are other losses that it may call.

    Raises ValueError with a sentence for anything that it may not say.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        expected = f"expected calls such as {own.loss}(input, target)"
        raise ValueError(f"cannot read the expression {quoted(text)}, {expected}") from None
    tree = _Same(own.loss, arguments).visit(tree)
    plain = {name for name in arguments if not (own.takes_array(name) or own.takes_number(name))}
    scope = _Scope(own, {*arguments, *sizes}, plain, beside)
    _check(tree, scope)
    if not any(isinstance(node, ast.Name) and node.id in arguments for node in ast.walk(tree)):
        raise ValueError(f"the expression {quoted(text)} names no argument of this case")
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    others = sorted(called & beside.keys() - {own.loss, *losses.LOSSES, *MAPS})
    return Identity(text.strip(), tree, tuple(map(scope.signature, others)))


class _Same(ast.NodeTransformer):
    """Writes ``same(...)`` out: the loss, the arguments that the case gives, and what is changed."""

    def __init__(self, loss: str, arguments: Collection[str]) -> None:
        self.loss = loss
        self.given = {name: ast.Name(name) for name in arguments if name != "grad_output"}

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Name) and node.func.id == "same"):
            return node
        changed = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        if node.args or len(changed) < len(node.keywords) or not changed:
            found = quoted(ast.unparse(node))
            raise ValueError(f"the expression says {found}, expected what is changed by name: same(reduction='none')")
        arguments = self.given | changed
        left_out = [name for name, value in changed.items() if isinstance(value, ast.Constant) and value.value is None]
        kept = [ast.keyword(name, value) for name, value in arguments.items() if name not in left_out]
        return ast.Call(ast.Name(self.loss), [], kept)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What an expression may name: its own loss by its signature, arguments and sizes, and losses beside its own.

    `plain` are words and flags.
    """

    own: Signature
    known: set[str]
    plain: set[str]
    beside: Mapping[str, Callable[..., Any]]

    def signature(self, loss: str) -> Signature:
        if loss == self.own.loss:
            return self.own
        return signature_of(loss) if loss in losses.LOSSES else read_signature(loss, self.beside[loss], {})


def _bound(call: str, node: ast.Call, scope: _Scope) -> dict[str, ast.expr]:
    """The arguments of a call by name; ValueError with a sentence if they do not fit."""
    signature = None if call in MAPS else scope.signature(call)
    parameters = inspect.signature(MAPS[call]).parameters if signature is None else signature.parameters
    if len(node.args) > len(parameters):
        raise ValueError(f"the expression gives {call} {len(node.args)} arguments, it takes {len(parameters)}")
    bound = dict(zip(parameters, node.args, strict=False))
    for keyword in node.keywords:
        name = keyword.arg or "**"
        if name not in parameters and (signature is None or not signature.takes(name)):
            raise ValueError(f"{call} has no argument {name!r}{nearest(name, parameters)}")
        if name in bound:
            raise ValueError(f"the expression gives {call} the argument {name!r} twice")
        bound[name] = keyword.value
    for name, parameter in parameters.items():
        if name not in bound and parameter.default is parameter.empty:
            raise ValueError(f"the expression gives {call} no {name}, which it needs")
    return bound


def _check(node: ast.expr, scope: _Scope) -> Any:
    """Refuse what an expression may not say, and write its calls with names alone. The value of a constant."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return _within(node, node.value)
        case ast.Name(id=name):
            if name not in scope.known:
                hint = nearest(name, scope.known)
                raise ValueError(f"the expression names {name!r}, which this case does not give{hint}")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _operand(operand, scope)
            return None if value is None else _within(node, -value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            a, b = _operand(left, scope), _operand(right, scope)
            if a is None or b is None:
                return None
            try:
                return _within(node, _OPERATORS[type(op)][0](a, b))
            except ArithmeticError as error:
                raise ValueError(f"the expression says {quoted(ast.unparse(node))}: {error}") from None
        case ast.Call(func=ast.Name(id=name)):
            functions = [*losses.LOSSES, scope.own.loss, *scope.beside, *MAPS, "same"]
            if name not in functions:
                raise ValueError(f"the expression calls {name!r}, which is not a loss{nearest(name, functions)}")
            bound = _bound(name, node, scope)
            node.args, node.keywords = [], [ast.keyword(word, inner) for word, inner in bound.items()]
            for inner in bound.values():
                _check(inner, scope)
        case _:
            found = quoted(ast.unparse(node))
            raise ValueError(f"the expression says {found}, expected losses, arguments, numbers and + - * /")
    return None


def _operand(node: ast.expr, scope: _Scope) -> Any:
    """The value of a constant that is calculated with: a number."""
    value = _check(node, scope)
    is_plain = isinstance(node, ast.Name) and node.id in scope.plain
    if is_plain or (isinstance(node, ast.Constant) and type(value) not in (int, float)):
        raise ValueError(f"the expression calculates with {ast.unparse(node)[:60]}, expected numbers and arrays")
    return value


def _within(node: ast.expr, value: Any) -> Any:
    """A constant that float64 holds, or int64 if it is whole."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"the expression says {quoted(ast.unparse(node))}, expected whole numbers of at most 64 bits")
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError(f"the expression says {quoted(ast.unparse(node))}, expected numbers within float64")
    return value


def _evaluate(node: ast.expr, functions: Functions, arguments: Mapping[str, Any]) -> Node:
    match node:
        case ast.Constant(value=value):
            return value, _nothing
        case ast.Name(id=name):
            value = arguments[name]
            if not isinstance(value, np.ndarray) or not is_floating(value):
                return value, _nothing
            return value, lambda gradient: {name: np.asarray(gradient, value.dtype)}
        case ast.UnaryOp(operand=operand):
            value, pull = _evaluate(operand, functions, arguments)
            return np.asarray(-value) if isinstance(value, np.ndarray) else -value, lambda gradient: pull(-gradient)
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, _evaluate(left, functions, arguments), _evaluate(right, functions, arguments))
        case ast.Call(func=ast.Name(id=name)):
            nodes = {str(key.arg): _evaluate(key.value, functions, arguments) for key in node.keywords}
            return _call(MAPS.get(name) or functions[name], nodes)
    raise ValueError(f"cannot evaluate {ast.unparse(node)!r}")


def _nothing(gradient: Array) -> Gradients:
    return {}


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
    for side in (a, b):
        if isinstance(side, bool) or not isinstance(side, np.ndarray | np.number | int | float):
            raise TypeError(f"the expression calculates with {type(side).__name__}, expected numbers and arrays")
    apply, slopes = _OPERATORS[type(op)]
    value = apply(a, b)
    arrays = [side for side in (a, b) if isinstance(side, np.ndarray)]
    if arrays:
        value = np.asarray(value, promote(*arrays) if any(map(is_floating, arrays)) else None)

    def pull(gradient: Array) -> Gradients:
        to_a, to_b = (np.asarray(slope) for slope in slopes(gradient, a, b))
        return _sum(pull_a(unbroadcast(to_a, np.shape(a))), pull_b(unbroadcast(to_b, np.shape(b))))

    return value, pull


def _sum(left: Gradients, right: Gradients) -> Gradients:
    return left | {name: left[name] + gradient if name in left else gradient for name, gradient in right.items()}

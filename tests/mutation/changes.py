"""What a mutant changes, told so that a change of names makes no difference."""

import ast
import builtins
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# The fields of a statement that hold further statements. What is left without them is its header.
BODIES = ("body", "orelse", "handlers", "finalbody")
BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class Change:
    """One statement before and after, on one line each as `ast.unparse` writes it: a header, or a decorator alone."""

    was: str
    mutant: str
    function: str = ""
    """The functions and classes around the statement, with dots between them: ``softmax.vjp``."""

    @cached_property
    def key(self) -> str:
        """Both statements with each name replaced by its place in their order of appearance.

        Names of Python and of NumPy stay. A text of several words is a message, and all messages are equal.
        """
        places: dict[str, str] = {}
        return f"{nameless(self.was, places)} -> {nameless(self.mutant, places)}"


def change(before: ast.AST, after: ast.AST, around: tuple[str, ...] = ()) -> Change | None:
    """The change from one version of a module to another; None if both are the same program."""
    if ast.dump(_header(before)) != ast.dump(_header(after)):
        was, mutant = _decorators(before), _decorators(after)
        if was == mutant:
            was, mutant = _line(before), _line(after)
        return Change(was, mutant, ".".join(around))
    for left, right in zip(_inner(before), _inner(after), strict=True):
        if ast.dump(left) != ast.dump(right):
            return change(left, right, _within(before, around))
    return None


def statements(node: ast.AST, around: tuple[str, ...] = ()) -> Iterator[Change]:
    """Every statement and decorator of a module, each as a change to nothing."""
    if not isinstance(node, ast.Module):
        yield from (Change(text, "", ".".join(around)) for text in (_line(node), _decorators(node)) if text)
    for inner in _inner(node):
        yield from statements(inner, _within(node, around))


def nameless(text: str, places: dict[str, str]) -> str:
    """The syntax tree of a statement, with names replaced by their `places`, which grow by those that are new."""
    return ast.dump(_Renaming(places).visit(parsed(text)))


def parsed(text: str) -> ast.Module:
    """The tree of a header or decorator, completed so that Python can read it."""
    if text.startswith("@"):
        return ast.parse(f"{text}\ndef decorated(): pass")
    if text.startswith(("try:", "except")):
        text = f"try: pass\n{text}" if text.startswith("except") else "try: pass\nfinally:"
    return ast.parse(f"{text} pass" if text.endswith(":") else text)


class _Renaming(ast.NodeTransformer):
    def __init__(self, places: dict[str, str]) -> None:
        self.places = places

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            return node
        for field in ("name", "id", "attr", "arg"):
            name = getattr(node, field, None)
            if isinstance(name, str) and name not in BUILTINS:
                # an attribute, or an argument given by name, may have the name of a variable
                kind = type(node).__name__ if isinstance(node, ast.Attribute | ast.keyword) else ""
                setattr(node, field, self.places.setdefault(f"{kind} {name}", f"name{len(self.places)}"))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            node.value = "a message"
        return super().generic_visit(node)


def _within(node: ast.AST, around: tuple[str, ...]) -> tuple[str, ...]:
    return (*around, node.name) if isinstance(node, ast.FunctionDef | ast.ClassDef) else around


def _inner(node: ast.AST) -> Iterator[ast.AST]:
    for field in BODIES:
        yield from getattr(node, field, ())


def _header(node: ast.AST, *without: str) -> ast.AST:
    header: Any = copy.copy(node)
    for field in (*BODIES, *without):
        if hasattr(node, field):
            setattr(header, field, [])
    return header


def _line(node: ast.AST) -> str:
    return " ".join(ast.unparse(_header(node, "decorator_list")).split("\n")).strip()


def _decorators(node: ast.AST) -> str:
    return " ".join(f"@{ast.unparse(decorator)}" for decorator in getattr(node, "decorator_list", ()))

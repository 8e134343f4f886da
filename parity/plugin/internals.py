"""What the plugin needs of pytest's insides, each with what is done in a pytest that has it no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

try:
    from _pytest._code.code import ReprFileLocation, TerminalRepr
except ImportError:  # pytest asks no more of such objects than their methods and fields
    TerminalRepr = object  # type: ignore[assignment, misc]

    @dataclass
    class ReprFileLocation:  # type: ignore[no-redef]
        """Where a failure is, and its line in the short summary."""

        path: str
        lineno: int
        message: str


try:
    from _pytest.mark.expression import Expression
except ImportError:
    Expression = None  # type: ignore[assignment, misc]

__all__ = ["ReprFileLocation", "TerminalRepr", "files_were_named", "matcher", "receiver", "sender"]


def matcher(text: str) -> Callable[[list[str]], bool] | None:
    """What tells whether the expression of -k keeps an item of these names; None if only pytest itself can tell."""
    if Expression is None:
        return None
    try:
        expression = Expression.compile(text)
    except SyntaxError:  # pytest tells the user, once it has collected
        return None

    def wanted(names: list[str]) -> bool:
        lowered = [name.lower() for name in names]
        return expression.evaluate(lambda word, /, **_: any(word.lower() in name for name in lowered))

    return wanted


def files_were_named(config: pytest.Config) -> bool:
    """Whether the user said which files to collect, rather than pytest's ini file or nobody."""
    sources: Any = getattr(pytest.Config, "ArgsSource", None)
    if sources is not None and hasattr(config, "args_source"):
        return bool(config.args_source is sources.ARGS)
    return config.args not in (config.getini("testpaths"), [str(config.invocation_params.dir)])


def sender(config: pytest.Config) -> Any:
    """What sends the messages of a worker of xdist, by its method `sendevent`; None if there is no such thing."""
    return next((plugin for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "sendevent")), None)


def receiver(node: Any) -> Callable[[Any], None] | None:
    """What reads a worker's messages in the controller of xdist, where `node` stands for it; None if nothing does."""
    read: Callable[[Any], None] | None = getattr(node, "process_from_remote", None)
    return read if isinstance(getattr(node, "workerinput", None), dict) else None

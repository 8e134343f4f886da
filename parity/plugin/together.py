"""Under xdist: what a worker tells of an item is one message, which the controller takes apart before xdist reads it.

Six messages, each spelt out word by word, cost both processes as much as a small point takes.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from parity.plugin.internals import receiver, sender

PACKED = "parity_packed"
# What all Pythons from 3.4 on can read.
VERSION = 4
Message = tuple[str, dict[str, Any]]


class Together:
    """Holds the messages about an item back until it has ended, or until one of them must not wait."""

    def __init__(self, send: Callable[..., None]) -> None:
        self.send = send
        self.held: list[Message] = []

    def __call__(self, name: str, **content: Any) -> None:
        self.held.append((name, content))
        if _can_wait(name, content):
            return
        held, self.held = self.held, []
        if name == "runtest_protocol_complete":
            with suppress(ValueError):  # what another plugin put on a report
                held = [(PACKED, {PACKED: marshal.dumps(held, VERSION)})]
        for name, content in held:
            self.send(name, **content)


def _can_wait(name: str, content: dict[str, Any]) -> bool:
    """Whether a message can wait for the end of its item."""
    if name == "testreport":
        return content["data"].get("outcome") in ("passed", "skipped")
    return name in ("logstart", "logfinish")


class Apart:
    """In the controller: what was packed is received as it was told."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        receive = receiver(node)
        if receive is None:
            return

        def received(message: Any) -> None:
            name, content = message if isinstance(message, tuple) else ("", {})
            for one in marshal.loads(content[PACKED]) if name == PACKED else [message]:
                receive(one)

        node.process_from_remote = received
        node.workerinput[PACKED] = True


def together(config: pytest.Config) -> None:
    """Let the worker of this process send less, if its controller can read it."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Apart(), "parity-apart")
    elif config.workerinput.get(PACKED):
        interactor = sender(config)
        if interactor is not None:
            interactor.sendevent = Together(interactor.sendevent)

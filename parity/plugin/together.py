"""Under xdist: what a worker tells of a point that passes is one message, and the controller tells it as five again.

To pack, send and unpack a message costs both processes a tenth of what a small point takes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from copy import copy
from typing import Any

import pytest

from parity.plugin.internals import sender

# What pytest tells of an item, and of which phase.
STEPS = (
    ("logstart", None), ("testreport", "setup"), ("testreport", "call"), ("testreport", "teardown"), ("logfinish", None)
)  # fmt: skip
# In what the reports of an item that passes differ, beside what parity adds to that of the call.
OF_A_PHASE = ("when", "duration", "start", "stop")
BESIDE = "parity_beside"


class Together:
    """Holds the messages about an item back until they can go out as one, or until it is clear that they cannot."""

    def __init__(self, send: Callable[..., None]) -> None:
        self.send = send
        self.held: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, name: str, **content: Any) -> None:
        self.held.append((name, content))
        report = content.get("data", {})
        as_ever = (name, report.get("when")) == STEPS[len(self.held) - 1] and report.get(
            "outcome", "passed"
        ) == "passed"
        if as_ever and len(self.held) < len(STEPS):
            return
        held, self.held = self.held, []
        whole = _whole(*(content.get("data", {}) for _, content in held[1:4])) if as_ever else None
        for name, content in held if whole is None else [("testreport", {"data": whole})]:
            self.send(name, **content)


def _whole(setup: dict[str, Any], call: dict[str, Any], teardown: dict[str, Any]) -> dict[str, Any] | None:
    """The report of the call with what the others add to it; None where that is more than a time."""
    if not any(word.startswith("parity_") for word in call):
        return None
    phases = (setup, teardown)
    own = {word for word in call if word in OF_A_PHASE or word.startswith("parity_")}
    same = {word: value for word, value in call.items() if word not in own}
    if any({word: value for word, value in one.items() if word not in OF_A_PHASE} != same for one in phases):
        return None
    return {**call, BESIDE: [{word: one[word] for word in OF_A_PHASE if word in one} for one in phases]}


class Apart:
    """In the controller: whoever listens hears of every phase."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        beside = vars(report).pop(BESIDE, None)
        if beside is None:
            yield
            return
        hook, of_item = self.config.hook, {"nodeid": report.nodeid, "location": report.location}
        setup, teardown = (_phase(report, of_phase) for of_phase in beside)
        hook.pytest_runtest_logstart(**of_item)
        hook.pytest_runtest_logreport(report=setup)
        yield
        hook.pytest_runtest_logreport(report=teardown)
        hook.pytest_runtest_logfinish(**of_item)


def _phase(call: pytest.TestReport, of_phase: dict[str, Any]) -> pytest.TestReport:
    """The report of another phase of the same item."""
    other = copy(call)
    for word in [word for word in vars(other) if word.startswith("parity_")]:
        delattr(other, word)
    vars(other).update(of_phase)
    return other


def together(config: pytest.Config) -> None:
    """Let the worker of this process send less, or its controller tell what it was sent."""
    if hasattr(config, "workerinput"):
        interactor = sender(config)
        if interactor is not None:
            interactor.sendevent = Together(interactor.sendevent)
    else:
        config.pluginmanager.register(Apart(config), "parity-apart")

"""Under xdist all that is told of an item is one message between the processes, and as ever to whoever listens."""

import marshal
from types import SimpleNamespace
from typing import Any

import pytest

from parity.plugin.together import PACKED, Apart, Message, Together
from tests.plugin import user

# What the plugins of the process hear that prints the summary.
LISTENER = """
def note(*words): print(*words, file=open("heard", "a"))
def listens(config): return not hasattr(config, "workerinput")

def pytest_configure(config):
    if listens(config): config.pluginmanager.register(Listener())

class Listener:
    def pytest_runtest_logstart(self, nodeid, location): note(nodeid, "start", location)
    def pytest_runtest_logfinish(self, nodeid, location): note(nodeid, "finish", location)
    def pytest_runtest_logreport(self, report):
        own = sorted(word for word in vars(report) if word.startswith("parity_"))
        note(report.nodeid, report.when, report.outcome, report.location, report.duration <= report.stop, own)
"""
STEPS = ("logstart", "setup", "call", "teardown", "logfinish", "runtest_protocol_complete")


def messages(**more: Any) -> list[Message]:
    """What a worker tells of an item; `more` is in the report of the call alone."""
    found: list[Message] = []
    for step in STEPS:
        report = {"nodeid": "a", "location": ("f", 3, "a"), "outcome": "passed", "sections": [], "when": step}
        if step == "call":
            report |= more
        is_phase = step in ("setup", "call", "teardown")
        found.append(("testreport", {"data": report}) if is_phase else (step, {"nodeid": "a"}))
    return found


def sent(given: list[Message]) -> list[Message]:
    found: list[Message] = []
    together = Together(lambda name, **content: found.append((name, content)))
    for name, content in given:
        together(name, **content)
    return found


@pytest.mark.parametrize("more", [{}, {"outcome": "skipped", "longrepr": ("f", 3, "Skipped: why"), "wasxfail": "x"}])
def test_an_item_is_one_message(more: dict[str, Any]) -> None:
    given = messages(**more)
    for (name, content), whole in zip(sent(given + given), (given, given), strict=True):
        assert name == PACKED
        assert marshal.loads(content[PACKED]) == whole, "a tuple stays one"


def test_what_must_not_wait_goes_out_as_it_comes() -> None:
    failed = messages(outcome="failed")
    assert sent(failed[:3]) == failed[:3], "what follows may end the process"
    assert sent(failed)[:3] == failed[:3]
    for given in (
        messages(outcome="rerun")[:3],
        [messages()[0], ("internal_error", {"formatted_error": "no"})],
        [("warning_recorded", {"when": "runtest"})],
        messages(mine=object()),
    ):
        assert sent(given) == given
    assert sent(messages()[:-1]) == [], "the item has not ended"


def test_another_xdist_is_sent_what_it_always_was() -> None:
    node = SimpleNamespace(workerinput={})
    Apart().pytest_configure_node(node)
    assert vars(node) == {"workerinput": {}}


def test_the_plugins_of_the_controller_hear_of_every_phase(pytester: pytest.Pytester) -> None:
    user.write(pytester.path, mse=user.GRID)
    pytester.syspathinsert()
    pytester.makeconftest(LISTENER)
    heard = []
    for workers in ("0", "1"):
        (pytester.path / "heard").unlink(missing_ok=True)
        words = ("--parity-implementation", "mylib:MIXED", "-p", "no:cacheprovider", "-n", workers)
        done = pytester.runpytest("cases", *words)
        done.assert_outcomes(passed=2, failed=1, skipped=1)
        heard.append((pytester.path / "heard").read_text().splitlines())
    assert heard[0] == heard[1]
    assert len(heard[0]) == 4 * len(STEPS[:-1])

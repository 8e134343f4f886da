"""Under xdist a point that passes is one message between the processes, and five to whoever listens."""

from typing import Any

import pytest

from parity.plugin.together import STEPS, Together
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
TIMES = {"duration": 0.1, "start": 1.0, "stop": 1.1}
Message = tuple[str, dict[str, Any]]


def messages(**more: Any) -> list[Message]:
    """What a worker tells of a point; `more` is in the report of the call alone."""
    found: list[Message] = []
    for name, when in STEPS:
        report: dict[str, Any] = {
            "nodeid": "a",
            "location": ("f", 3, "a"),
            "outcome": "passed",
            "sections": [],
            "when": when,
            **TIMES,
        }
        report |= {"parity_passed": "loss", **more} if when == "call" else {}
        found.append((name, {"nodeid": "a"} if when is None else {"data": report}))
    return found


def sent(given: list[Message]) -> list[Message]:
    found: list[Message] = []
    together = Together(lambda name, **content: found.append((name, content)))
    for name, content in given:
        together(name, **content)
    return found


def test_a_point_that_passes_is_one_message() -> None:
    given = messages()
    (one, other) = sent([*given, ("runtest_protocol_complete", {"item_index": 1})])
    beside = [{"when": when, **TIMES} for when in ("setup", "teardown")]
    assert one == ("testreport", {"data": {**given[2][1]["data"], "parity_beside": beside}})
    assert other[0] == "runtest_protocol_complete"
    assert sent(given + given) == [one, one]


def test_what_is_not_as_ever_goes_out_as_it_comes() -> None:
    failed = [one for one in messages() if one[1].get("data", {}).get("when") != "call"]
    for given in (
        messages(outcome="failed"),
        messages(sections=[("Captured stdout call", "words")]),
        messages(outcome="skipped")[:3],
        failed,
        [messages()[0], ("internal_error", {"formatted_error": "no"})],
        [("warning_recorded", {"when": "runtest"}), *messages(outcome="failed")],
    ):
        assert sent(given) == given
    ours = messages()
    del ours[2][1]["data"]["parity_passed"]
    assert sent(ours) == ours, "a test that is not parity's"


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
    assert len(heard[0]) == 4 * len(STEPS)

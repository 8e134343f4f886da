"""A pytest plugin for the benchmark: the CPU seconds of collection and of the test loop, apart from start-up."""

import json
from collections.abc import Generator
from pathlib import Path
from time import process_time

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bench-points", type=Path, help="keep the items of the points in this file, an id a line")
    parser.addoption("--bench-times", type=Path, help="write the seconds to this file, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Stopwatch(config), "parity-stopwatch")


class Stopwatch:
    """Seconds by stage, and how many items there were.

    The items run twice, and the second time counts: what a process does once (imports, torch's first call of
    each kernel) is small in a run of thousands of items, and large in one of a few hundred.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.points: Path | None = config.getoption("--bench-points")
        self.times: Path = config.getoption("--bench-times")
        self.seen: dict[str, float] = {}
        self.warm = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        start = process_time()
        result = yield
        self.seen["collection"] = process_time() - start
        return result

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.points is not None:
            wanted = set(self.points.read_text(encoding="utf-8").splitlines())
            items[:] = [item for item in items if not hasattr(item, "point") or item.name in wanted]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        if not self.warm:
            self.warm = True
            session.config.hook.pytest_runtestloop(session=session)
        failed, start = session.testsfailed, process_time()
        result = yield
        self.seen["loop"] = process_time() - start
        self.seen |= {"items": len(session.items), "failed": session.testsfailed - failed}
        return result

    def pytest_unconfigure(self) -> None:
        self.times.write_text(json.dumps(self.seen), encoding="utf-8")

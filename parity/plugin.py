"""The pytest plugin: each point of a case file is a test item."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import TerminalRepr
from _pytest._io import TerminalWriter
from _pytest.mark.expression import Expression

if TYPE_CHECKING:
    from parity.cases.errors import CaseError
    from parity.cases.points import Point
    from parity.implementations.declaration import Implementation
    from parity.records.record import Record

# Parity's own modules are imported where they are used: a pytest run without cases pays nothing for them.


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parity", "parity with torch.nn.functional")
    group.addoption("--seeds", type=_positive, help="seeds a point (default: the case's own, 3)")
    group.addoption("--seed-base", type=int, default=0, help="first seed (default 0): another base, fresh draws")
    known = "numpy, textbook, torch or module:NAME; repeated or with commas (default numpy,textbook)"
    group.addoption("--implementation", action="append", metavar="NAME", help=known)
    group.addoption("--depth", choices=["default", "deep"], default="default", help="deep: more sizes and seeds")
    group.addoption("--parity-results", type=Path, metavar="FILE", help="write a record a point to FILE, as JSON lines")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError(text)
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    config.stash[_RUN] = run = _Run(config)
    if run.own and config.args_source is not pytest.Config.ArgsSource.ARGS:
        from parity.cases.shipped import case_folder

        if not (config.rootpath / "cases").is_dir():
            config.args.append(str(case_folder()))


class _Run:
    """What the items of one session share."""

    def __init__(self, config: pytest.Config) -> None:
        words = config.getoption("--implementation") or ["numpy,textbook"]
        self.names: list[str] = [word for entry in words for word in entry.split(",") if word]
        self.own = any(":" in name for name in self.names)
        if config.getoption("--implementation"):
            _ = self.implementations
        self.count: int | None = config.getoption("--seeds")
        self.base: int = config.getoption("--seed-base")
        self.depth: str = config.getoption("--depth")
        keywords = config.getoption("keyword") or ""
        try:
            self.keywords = Expression.compile(keywords) if keywords else None
        except SyntaxError:  # pytest tells the user, once it has collected
            self.keywords = None
        self.results: Path | None = config.getoption("--parity-results")
        if self.results is not None:
            self.results = Path(config.invocation_params.dir) / self.results
            if not hasattr(config, "workerinput"):
                from parity.records.record import append, environment

                self.results.parent.mkdir(parents=True, exist_ok=True)
                self.results.write_text("")
                append(self.results, environment(self.names, self.count, self.base, self.depth))

    @cached_property
    def implementations(self) -> list[Implementation]:
        """The implementations under test; a usage error in a sentence if one does not exist."""
        from parity.implementations.declaration import Misdeclared
        from parity.implementations.registry import named

        try:
            return [named(name) for name in self.names]
        except Misdeclared as error:
            raise pytest.UsageError(str(error)) from None

    def wants(self, names: list[str]) -> bool:
        """Whether -k keeps an item of these names: asked before the item is made."""
        if self.keywords is None:
            return True
        lowered = [name.lower() for name in names]
        return self.keywords.evaluate(lambda word, /, **_: any(word.lower() in name for name in lowered))


_RUN = pytest.StashKey[_Run]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the file of records: without this line the report knows that the run was cut short."""
    results = session.config.stash[_RUN].results
    if results is not None and not hasattr(session.config, "workerinput"):
        import json

        from parity.records.record import append

        append(results, json.dumps({"kind": "end", "exitstatus": int(exitstatus)}))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseCollector | None:
    if file_path.suffix in (".yaml", ".yml") and file_path.parent.name in ("cases", "shipped"):
        return CaseCollector.from_parent(parent, path=file_path)
    return None


class CaseCollector(pytest.File):
    """A case file. One that cannot be read is one failing item, so that the other files still run."""

    def collect(self) -> Iterator[pytest.Item]:
        from parity.cases.errors import CaseError
        from parity.cases.load import load
        from parity.cases.points import expand
        from parity.implementations.registry import served

        run = self.config.stash[_RUN]
        try:
            scenarios = load(self.path, served(run.implementations))
        except CaseError as error:
            asked = [argument.partition("::")[2] for argument in self.config.args if self.path.name in argument]
            if not {"", BrokenFile.NAME}.issuperset(asked):
                raise self.CollectError(str(error)) from None  # the item that was asked for cannot be found
            yield BrokenFile.from_parent(self, name=BrokenFile.NAME, error=error)
            return
        above = [node.name for node in self.listchain() if node.name]
        for scenario in scenarios:
            if scenario.case.depth == "deep" and run.depth != "deep":
                continue
            scenario = replace(scenario, file=self._shown(scenario.file), path=self._shown(scenario.path))
            for point in expand(scenario):
                for implementation in run.implementations:
                    if implementation.name == "textbook" and point.loss not in implementation.losses:
                        continue
                    name = point.id if implementation is run.implementations[0] else f"{point.id}@{implementation.name}"
                    if run.wants([*above, name]):
                        yield PointItem.from_parent(self, name=name, point=point, implementation=implementation)

    def _shown(self, path: Path) -> Path:
        try:
            return path.relative_to(self.config.invocation_params.dir)
        except ValueError:
            return path


class _Sentence(TerminalRepr):
    """A failure that is told in sentences, without a traceback."""

    def __init__(self, text: str) -> None:
        self.text = text

    def toterminal(self, tw: TerminalWriter) -> None:
        for line in self.text.splitlines():
            tw.line(line, red=line.startswith("  - "))

    def __str__(self) -> str:
        return self.text


class Disagreement(AssertionError):
    """A point that leaves parity; the message is its record in sentences."""


class BrokenFile(pytest.Item):
    """A case file that cannot be read fails as itself."""

    NAME = "the file can be read"

    def __init__(self, *, error: CaseError, **more: Any) -> None:
        super().__init__(**more)
        self.error = error

    def runtest(self) -> None:
        results = self.config.stash[_RUN].results
        if results is not None:
            from parity.records.mismatch import Kind, Mismatch, Subject
            from parity.records.record import Record, append

            stem, line = self.path.stem, self.error.problems[0][0].line
            name = f"{stem}/{self.name}"
            record = Record(name, stem, self.name, str(self.path), line, "", "every implementation", {})
            record.verdict, record.mismatches = "error", [
                Mismatch(Subject.CASE, Kind.FILE, figures={"text": str(self.error)})
            ]
            append(results, record.as_json())
        raise self.error

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return _Sentence(str(excinfo.value))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.error.problems[0][0].line - 1, self.name


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Keep files that cannot be read under every -k: what was asked for may be in them."""
    broken = [item for item in items if isinstance(item, BrokenFile)]
    items[:] = [item for item in items if not isinstance(item, BrokenFile)]
    yield
    items[:0] = broken


def pytest_collection_finish(session: pytest.Session) -> None:
    """Thousands of points, and torch, live to the end: the garbage collector need not go through them again."""
    if any(isinstance(item, PointItem) for item in session.items) and not session.config.getoption("collectonly"):
        import parity.engine.run  # noqa: F401

        gc.freeze()


class PointItem(pytest.Item):
    """One point and one implementation; its seeds are looped over inside."""

    def __init__(self, *, point: Point, implementation: Implementation, **more: Any) -> None:
        super().__init__(**more)
        self.point, self.implementation = point, implementation

    def runtest(self) -> None:
        from parity.cases.points import seeds_of
        from parity.engine.run import run_point
        from parity.records.record import append

        run = self.config.stash[_RUN]
        seeds = seeds_of(self.point, run.count, run.base, run.depth)
        record = run_point(self.point, self.implementation, seeds)
        if run.results is not None:
            append(run.results, record.as_json())
        verdict(record)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Disagreement):
            return _Sentence(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.point.scenario.path, self.point.scenario.line - 1, self.name


def verdict(record: Record) -> None:
    """The record as pytest's outcome."""
    if record.verdict == "not offered":
        pytest.skip(str(record.reason))
    if record.verdict == "xfailed":
        pytest.xfail(str(record.reason))
    if record.unexpected:
        raise Disagreement(str(record))


def parametrize_points(points: Sequence[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """pytest.mark.parametrize over bound points, named by their ids."""
    return pytest.mark.parametrize("point", points, ids=[point.id for point in points])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a point without the set-up and tear-down that only fixtures need (half of pytest's cost an item)."""
    if not isinstance(item, PointItem | BrokenFile):
        return None
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reraise: tuple[type[BaseException], ...] = (pytest.exit.Exception,)
    if not item.config.getoption("usepdb", False):
        reraise += (KeyboardInterrupt,)
    call = pytest.CallInfo.from_call(item.runtest, when="call", reraise=reraise)
    report = hook.pytest_runtest_makereport(item=item, call=call)
    hook.pytest_runtest_logreport(report=report)
    if call.excinfo is not None and report.failed:
        hook.pytest_exception_interact(node=item, call=call, report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True

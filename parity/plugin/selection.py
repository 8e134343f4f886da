"""Which of the points are run: -k before an item is made, the shard, and an error if there is none at all."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
from _pytest.mark.expression import Expression

from parity.plugin.own import undefined
from parity.plugin.run import RUN, Run


def keywords(config: pytest.Config) -> Callable[[list[str]], bool] | None:
    """Whether -k keeps an item of these names: asked before the item is made. None if it keeps all."""
    text = config.getoption("keyword")
    if not text:
        return None
    try:
        expression = Expression.compile(text)
    except SyntaxError:  # pytest tells the user, once it has collected
        return None

    def wanted(names: list[str]) -> bool:
        lowered = [name.lower() for name in names]
        return expression.evaluate(lambda word, /, **_: any(word.lower() in name for name in lowered))

    return wanted


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Keep files that cannot be read under every -k: what was asked for may be in them. Then take the shard."""
    from parity.plugin.items import BrokenFile, RecordedItem

    broken = [item for item in items if isinstance(item, BrokenFile)]
    if broken:
        items[:] = [item for item in items if not isinstance(item, BrokenFile)]
    config.stash[RUN].gone = _gone(config, items)
    yield
    if broken:
        items[:0] = broken
    shard = config.stash[RUN].shard
    if shard is not None:
        part, parts = map(int, shard.split("/"))
        ids = sorted(item.nodeid for item in items if isinstance(item, RecordedItem))
        kept = set(ids[part - 1 :: parts])
        left = [item for item in items if isinstance(item, RecordedItem) and item.nodeid not in kept]
        items[:] = [item for item in items if not isinstance(item, RecordedItem) or item.nodeid in kept]
        if left:
            config.hook.pytest_deselected(items=left)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a run that was asked to test an implementation and has not a single point for it."""
    from parity.plugin.items import PointItem

    config, run = session.config, session.config.stash[RUN]
    if run.gone:
        _refuse(config, "\n".join(run.gone))
        return
    slips = [sentence for sentence, slip in undefined(run) if slip] if run.asked else []
    if slips:
        _refuse(config, slips[0])
        return
    empty = (run.asked and not run.met) or (run.where is not None and not run.kept)
    if empty and not session.testsfailed and not config.getoption("lf", False):
        _refuse(config, _nothing(config, run))
        return
    points = [item for item in session.items if isinstance(item, PointItem)]
    if points and not config.getoption("collectonly"):
        import parity.engine.run  # noqa: F401

        # Thousands of points, and torch, live to the end: the garbage collector need not go through them again.
        gc.freeze()
        run.frozen = True
        for implementation in dict.fromkeys(item.implementation for item in points):
            apart = run.apart(implementation)
            if apart is not None:
                apart.begin()


def _gone(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """A sentence for each known failure at points that the case files have no more; none where only some are run."""
    from parity.plugin.items import PointItem

    run = config.stash[RUN]
    some = any(config.getoption(word, None) for word in ("keyword", "lf", "parity_where"))
    if run.baseline is None or some or any("::" in argument for argument in config.args):
        return []
    there: dict[tuple[str, str], set[str]] = {}
    for item in items:
        if isinstance(item, PointItem):
            there.setdefault((item.implementation.name, item.point.loss), set()).add(item.point.id)
    return list(run.baseline.gone(there))


def _refuse(config: pytest.Config, sentence: str) -> None:
    """End the run with a usage error."""
    if not hasattr(config, "workerinput"):
        raise pytest.UsageError(sentence)
    report = pytest.CollectReport("", "failed", sentence, [])  # the controller raises it: see Refusal
    report.parity_usage = True  # type: ignore[attr-defined]
    config.hook.pytest_collectreport(report=report)


class Refusal:
    """In the controller of xdist: what a worker refused."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if getattr(report, "parity_usage", False):
            raise pytest.UsageError(str(report.longrepr))


def _nothing(config: pytest.Config, run: Run) -> str:
    """The sentence about a run without a point."""
    from parity.cases.shipped import case_folder

    names, folder = ",".join(run.names), case_folder()
    where = " ".join(config.args)
    if run.met:
        return f"--parity-where {run.where!r}: no point of {where} has these facts, so nothing was compared"
    if folder.is_relative_to(config.invocation_params.dir):
        folder = folder.relative_to(config.invocation_params.dir)
    return (
        f"--parity-implementation {names}: no point of its losses was collected from {where}, so nothing was compared; "
        f"write `pytest {folder} --parity-implementation {names}` for the cases that come with parity, or name "
        "case files of your own"
    )

"""The pytest plugin: each point of a case file is a test item. Where no file is parity's, it does nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.plugin import options
from parity.plugin.claim import Claim
from parity.plugin.collect import CaseCollector
from parity.plugin.internals import files_were_named
from parity.plugin.reports import pytest_report_to_serializable, pytest_runtest_makereport, pytest_runtest_setup
from parity.plugin.run import RUN, Run, pytest_terminal_summary
from parity.plugin.selection import Refusal, pytest_collection_finish, pytest_collection_modifyitems
from parity.plugin.summary import Summary
from parity.plugin.together import together

__all__ = [
    "pytest_addoption", "pytest_collect_file", "pytest_collection_finish", "pytest_collection_modifyitems",
    "pytest_configure", "pytest_report_to_serializable", "pytest_runtest_makereport", "pytest_runtest_setup",
    "pytest_terminal_summary",
]  # fmt: skip

# Parity's own modules are imported where they are used: a pytest run without cases pays nothing for them.


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUN] = run = Run(config)
    if run.own and not files_were_named(config):
        from parity.cases.shipped import case_folder

        if case_folder() not in {config.invocation_params.dir / argument for argument in config.args}:
            config.args.append(str(case_folder()))
    run.claim = Claim(config)
    together(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Refusal(), "parity-refusal")
        config.pluginmanager.register(Summary(run), "parity-summary")
        if run.results is not None and not config.getoption("collectonly"):
            from parity.plugin.recorder import Recorder

            config.pluginmanager.register(Recorder(config, run, run.results), "parity-recorder")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseCollector | None:
    if file_path.suffix in (".yaml", ".yml") and parent.config.stash[RUN].claim.holds(file_path):
        collector: CaseCollector = CaseCollector.from_parent(parent, path=file_path)
        if not collector.nodeid:  # a file outside of the root that was asked for by its path
            collector = CaseCollector.from_parent(parent, path=file_path, nodeid=file_path.name)
        return collector
    return None

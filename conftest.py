"""The short spellings of parity's options, for this checkout alone: elsewhere they may be another's."""

import pytest

from parity.plugin.options import add_short


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    if pluginmanager.has_plugin("parity"):
        add_short(parser)
    else:
        parser.addini("parity_cases", "unused without the plugin")

"""The cases are collected by parity's own plugin, which the package registers; nothing else is needed for them."""

pytest_plugins = ["pytester"]  # for the tests of the plugin itself

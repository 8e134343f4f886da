"""Marks the root of the tests: the cases are collected by parity's own plugin, which the package registers."""

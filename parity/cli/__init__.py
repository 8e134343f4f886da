"""The command line: `parity COMMAND`, a module a group. What a command needs is imported when it runs, so that help
comes at once.
"""

from parity.cli import cases, check, fuzz, runs, show, versions  # noqa: F401  # each adds its commands
from parity.cli.app import app as app

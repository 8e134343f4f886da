"""The options of the plugin, every one with the prefix --parity-, and the project's own short spellings."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

import pytest


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"found {text!r}, expected a whole number of at least {least}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise ArgumentTypeError(f"found {text!r}, expected a number of seconds above 0")
    return seconds


def _budget(text: str) -> float:
    from parity.engine.budget import seconds_of

    try:
        return seconds_of(text)
    except ValueError:
        raise ArgumentTypeError(f"found {text!r}, expected a time such as 30s, 5m or 1h") from None


def _shard(text: str) -> str:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ArgumentTypeError(f"found {text!r}, expected K/N with K from 1 to N, as in 2/8")
    return f"{int(part)}/{int(parts)}"


NAMES = "numpy, textbook, torch or module:NAME; repeated or with commas (default numpy,textbook)"
OPTIONS: dict[str, dict[str, Any]] = {
    "implementation": {"action": "append", "metavar": "NAME", "help": NAMES},
    "seeds": {"type": _whole(1), "metavar": "COUNT", "help": "seeds a point (default: the case's own, or 2 or 3)"},
    "seed-base": {"type": _whole(0), "metavar": "SEED", "help": "first seed (default 0): another base, fresh draws"},
    "depth": {
        "choices": ["smoke", "default", "deep"], "help": "smoke: at most 100 points a loss; deep: more sizes and seeds",
    },
    "results": {"metavar": "FILE", "help": "write a record a point to FILE, as JSON lines"},
    "resume": {"metavar": "FILE", "help": "run only the points without a record in FILE, and append theirs"},
    "where": {"metavar": "FACTS", "help": "run only the points with these facts: 'ignored targets and not large'"},
    "shard": {"type": _shard, "metavar": "K/N", "help": "run the K-th of N parts of the points"},
    "budget": {"type": _budget, "metavar": "TIME", "help": "run points for that long (30s, 5m, 1h)"},
    "until-failure": {"action": "store_true", "help": "leave a loss at its first failure"},
    "strict": {
        "action": "store_true", "help": "a point that is nearer to the exact answer than torch is a failure too",
    },
    "baseline": {"metavar": "FILE", "help": "the failures that are known, each with its reason: strict both ways"},
    "write-baseline": {"action": "store_true", "help": "write what fails to the baseline, its reasons to be filled in"},
    "timeout": {"type": _seconds, "metavar": "SECONDS", "help": "time limit of a point in a process of its own"},
    "memory": {"type": _whole(1), "metavar": "MB", "help": "memory limit of that process"},
    "isolate": {"action": "store_true", "default": None, "help": "run every implementation in a process of its own"},
    "no-isolate": {
        "action": "store_false", "dest": "parity_isolate", "help": "run the points in this process (for debuggers)",
    },
    "no-cache": {
        "action": "store_false", "default": True, "dest": "parity_cache",
        "help": "neither use nor keep torch's answers of earlier runs",
    },
}  # fmt: skip
SHORT = ("implementation", "seeds", "seed-base", "depth")


def add(parser: pytest.Parser) -> None:
    """Add the options and the ini option."""
    group = parser.getgroup("parity", "parity with torch.nn.functional")
    for name, attributes in OPTIONS.items():
        group.addoption(f"--parity-{name}", **{"dest": _dest(name), **attributes})
    parser.addini("parity_cases", "folders in which every YAML file is a case file of parity", type="paths", default=[])


def add_short(parser: pytest.Parser) -> None:
    """Add the short spellings. Only for the project's own conftest: elsewhere they may be another's."""
    group = parser.getgroup("parity")
    for name in SHORT:
        group.addoption(f"--{name}", **{**OPTIONS[name], "dest": _dest(name), "help": f"--parity-{name}"})


def _dest(name: str) -> str:
    return f"parity_{name.replace('-', '_')}"

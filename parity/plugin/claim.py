"""Which files are parity's: those that say so, and those that lie where the user's ini says so."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

BYTES = 1 << 18
FOLDERS = ("cases", "shipped")
SHARED = "shared"
_KEY = re.compile(rb"""^(?:\xef\xbb\xbf)?(?:\{[ \t]*)?(["']?)(loss|cases)\1[ \t]*:(?=[\s\[{]|$)""", re.MULTILINE)

_LOSS = re.compile(rb"""^(?:\xef\xbb\xbf)?["']?loss["']?[ \t]*:[ \t]*["']?(\w+)""", re.MULTILINE)


class Claim:
    """The files of one session that are parity's."""

    def __init__(self, config: pytest.Config) -> None:
        self.folders: list[Path] = config.getini("parity_cases")
        self.asked = {config.invocation_params.dir / argument.partition("::")[0] for argument in config.args}

    def holds(self, path: Path) -> bool:
        """Whether the file is parity's: it is regular, and names a loss as well as cases at its top level.

        `cases:` may be missing where the file was asked for by its path or lies in a folder called cases or
        shipped: it is parity's, and broken. In a folder that the ini option `parity_cases` names all are, but for
        the shared cases, which are run in the files that use them.
        """
        if not _regular(path):
            return False
        if any(path.is_relative_to(folder) for folder in self.folders):
            return path.parent.name != SHARED
        keys = top_level_keys(path)
        return b"loss" in keys and (b"cases" in keys or path.parent.name in FOLDERS or path in self.asked)


def loss_of(path: Path) -> str:
    """The loss that a case file says it is about; '' if it does not say, or cannot be read."""
    try:
        with path.open("rb") as file:
            found = _LOSS.search(file.read(BYTES))
    except OSError:
        return ""
    return found[1].decode() if found else ""


def top_level_keys(path: Path) -> set[bytes]:
    """Those of the keys `loss` and `cases` that begin a line; none if the file cannot be read."""
    try:
        with path.open("rb") as file:
            return {found[2] for found in _KEY.finditer(file.read(BYTES))}
    except OSError:
        return set()


def _regular(path: Path) -> bool:
    """Whether it is a file that can be opened: a FIFO would wait for its writer."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False

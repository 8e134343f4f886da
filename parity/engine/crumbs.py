"""Where the process is: the point, the seed and the stage of the call being made, in memory that outlives it.

The memory is a mapped file, so what was written last can be read after any death of the process.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_FORM = struct.Struct("q120s1024s")  # seed, stage, point
_memory: mmap.mmap | None = None


class Crumb(NamedTuple):
    """What was being done; empty texts where that is not known."""

    point: str
    stage: str
    seed: int


def at(stage: str, seed: int) -> None:
    """Note the stage that begins. It costs nothing where nobody follows."""
    if _memory is not None:
        _memory[0:128] = struct.pack("q120s", seed, stage.encode())


def begin(point: str) -> None:
    """Note the point that begins."""
    if _memory is not None:
        _memory[0 : _FORM.size] = _FORM.pack(0, b"", point.encode(errors="replace"))


@contextmanager
def followed(path: Path) -> Iterator[None]:
    """Notes go to the file at `path` until the end of the block."""
    global _memory
    before = _memory
    path.write_bytes(bytes(_FORM.size))
    with path.open("r+b") as file:
        _memory = mmap.mmap(file.fileno(), _FORM.size)
    try:
        yield
    finally:
        _memory = before


def read(path: Path) -> Crumb:
    """What the file at `path` holds. Raises OSError if it cannot be read."""
    data = path.read_bytes()
    if len(data) != _FORM.size:
        return Crumb("", "", 0)
    seed, stage, point = _FORM.unpack(data)
    return Crumb(_text(point), _text(stage), seed)


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode(errors="replace")

"""Torch's answers of earlier runs, on disk: a call whose every bit is known is not made again.

An answer is found by a hash of the call itself: the bits, shapes, strides and dtypes of its arrays, its options, and
for gradients the upstream one. A case, a seed or a way to draw that has changed makes another call. The file of a loss
is named by a hash of the versions, the processor and parity's own code, which asks torch, and answers in extended
precision: so nothing is ever stale. A file that is damaged counts as none.
"""

import contextlib
import json
import os
import platform
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from parity.losses.conventions import IN_FORCE
from parity.references.reference import Reference
from parity.types import Array, DType, Gradients, Loss, Result

# So many new answers are worth a file before a run has ended.
MANY = 4000
# Bytes: of one answer that is kept, of a loss's file, and of all files. A larger array costs more to read than to make.
ANSWER, FILE, FOLDER = 1 << 14, 1 << 26, 1 << 29
# Bytes of an array beyond which to hash it costs as much as torch's answer to it.
ARRAY = 1 << 16
HOME = Path(__file__).parents[1]
_MAGIC = b"parity answers 1\n"
Values: TypeAlias = dict[str, Array]


class Answers:
    """The answers of one loss: read when the first is asked for, and written by `save`."""

    def __init__(self, loss: str, folder: Path | None = None) -> None:
        self.loss, self.folder = loss, folder or cache_folder()
        self.found = self.asked = 0
        self._fresh: dict[bytes, Values] = {}
        self._known: Mapping[bytes, Values] | None = None
        self._used: set[bytes] = set()

    @property
    def path(self) -> Path:
        return self.folder / f"{self.loss}-{made_by()}.answers"

    def remembering(self, function: Loss, which: str) -> Loss:
        """The function of that name, which is not called where its answer is known."""

        def asked(**arguments: Any) -> Result:
            if not all(map(_hashes, arguments.values())):
                return function(**arguments)
            call = _Call(self, _key(which.encode(), arguments), function, arguments)
            return call.output(), call

        return asked

    def of(self, reference: Reference) -> Reference:
        """The reference, if it is torch, asked only for what is not known."""
        if not reference.is_torch:
            return reference
        extended = reference.extended and self.remembering(reference.extended, f"extended {IN_FORCE}")
        return replace(reference, loss=self.remembering(reference.loss, "torch"), extended=extended)

    def answer(self, key: bytes, ask: Callable[[], Values]) -> Values:
        """The values of that key; `ask` makes them where they are not known."""
        if self._known is None:
            self._known = _read(self.path)
        self.asked += 1
        values = self._known.get(key, self._fresh.get(key))
        if values is not None:
            self.found += 1
            self._used.add(key)
            return {name: value.copy() for name, value in values.items()}
        values = ask()
        if sum(value.nbytes for value in values.values()) <= ANSWER and all(_plain(one) for one in values.values()):
            self._fresh[key] = {name: np.array(value, order="K") for name, value in values.items()}
        return values

    def forget(self) -> None:
        """Keep nothing of what is new: torch was patched meanwhile, and who knows since when."""
        self._fresh.clear()

    def save(self, least: int = 1) -> None:
        """Write what is new, if it is so many, beside what was used, and the rest as far as there is room.

        A folder that cannot be written is none.
        """
        if len(self._fresh) < least:
            return
        known = _read(self.path)  # others may have written it meanwhile
        used = {key: known[key] for key in known.keys() & self._used}
        kept, size = {}, 0
        for key, values in {**self._fresh, **used, **known}.items():
            size += 200 + sum(value.nbytes for value in values.values())
            if size > FILE:
                break
            kept[key] = values
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            new = self.path.with_suffix(f".{os.getpid()}")
            new.write_bytes(_packed(kept))
            new.replace(self.path)
            _tidy(self.folder)
        self._known, self._fresh = None, {}


class _Call:
    """A call, and its vjp: it is made where an answer is not known, or something else is asked of its vjp."""

    def __init__(self, answers: Answers, key: bytes, function: Loss, arguments: dict[str, Any]) -> None:
        self._answers, self._key, self._function, self._arguments = answers, key, function, arguments
        self._result: Result | None = None

    def output(self) -> Array:
        return self._answers.answer(self._key, lambda: {"output": self._made()[0]})["output"]

    def __call__(self, grad_output: Array) -> Gradients:
        key = _key(self._key, {"grad_output": grad_output})
        return self._answers.answer(key, lambda: self._made()[1](grad_output))

    def second(self, grad_output: Array, directions: Mapping[str, Array]) -> Gradients:
        """Second derivatives. Raises what the call does."""
        key = _key(self._key, {"second": 0, "grad_output": grad_output, **directions})
        return self._answers.answer(key, lambda: self._vjp().second(grad_output, directions))

    def after_change(self, name: str, grad_output: Array) -> Gradients:
        """The gradients where an argument is changed before the backward. Raises what the call does."""
        found: Gradients = self._vjp().after_change(name, grad_output)
        return found

    def only(self, names: Collection[str], grad_output: Array) -> dict[str, Any]:
        """The output and the gradients of these arguments alone. Raises what the call does."""
        found: dict[str, Any] = self._vjp().only(names, grad_output)
        return found

    def _vjp(self) -> Any:
        return self._made()[1]

    def _made(self) -> Result:
        if self._result is None:
            self._result = self._function(**self._arguments)
        return self._result


@cache
def _title(dtype: DType) -> str:
    return str(dtype)  # to spell it takes as long as to hash an array


def _key(start: bytes, arguments: Mapping[str, Any]) -> bytes:
    """A hash of what a call is given, to the last bit and stride."""
    made = blake2b(start, digest_size=16)
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            made.update(f"{name} {_title(value.dtype)} {value.shape} {value.strides} ".encode())
            made.update(value.tobytes())
        else:
            made.update(f"{name} {value!r} ".encode())
    return made.digest()


def _hashes(value: Any) -> bool:
    """Whether an argument is what its bits or its words say, and they are few: a function is not."""
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and value.nbytes <= ARRAY
    if isinstance(value, list | tuple):
        return all(map(_hashes, value))
    if isinstance(value, dict):
        return all(map(_hashes, value.values()))
    return value is None or type(value) in (bool, int, float, str) or isinstance(value, np.dtype)


def _plain(value: Any) -> bool:
    """Whether a value is an array whose bytes are all of it."""
    return type(value) is np.ndarray and not value.dtype.hasobject and value.dtype.isnative


def _packed(answers: Mapping[bytes, Values]) -> bytes:
    """A hash of all that follows, the length of an index, the index as JSON, and the arrays one after the other."""
    index, parts = [], []
    for key, values in answers.items():
        index.append([key.hex(), [[name, value.dtype.name, value.shape] for name, value in values.items()]])
        parts += [value.tobytes() for value in values.values()]
    words = json.dumps(index).encode()
    body = b"".join([len(words).to_bytes(8, "little"), words, *parts])
    return _MAGIC + blake2b(body, digest_size=16).digest() + body


def _read(path: Path) -> dict[bytes, Values]:
    """The answers in a file; none if it is not there, or damaged, which removes it."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    start = len(_MAGIC) + 16
    try:
        if data[:start] != _MAGIC + blake2b(memoryview(data)[start:], digest_size=16).digest():
            raise ValueError("damaged")
        return dict(_unpacked(data, start))
    except (ValueError, TypeError, KeyError):
        with contextlib.suppress(OSError):
            path.unlink()
        return {}


def _unpacked(data: bytes, start: int) -> Iterator[tuple[bytes, Values]]:
    words = int.from_bytes(data[start : start + 8], "little")
    place = start + 8 + words
    for key, named in json.loads(data[start + 8 : place]):
        values = {}
        for name, dtype, shape in named:
            values[name] = np.ndarray(shape, dtype, data, place)
            place += values[name].nbytes
        yield bytes.fromhex(key), values


def _tidy(folder: Path) -> None:
    """Remove the oldest files beyond the size that all may have."""
    size = 0
    for path in sorted(folder.glob("*.answers"), key=lambda path: -path.stat().st_mtime):
        size += path.stat().st_size
        if size > FOLDER:
            path.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where the user's caches are, by the rule of the system."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(home) / "parity"


@cache
def made_by() -> str:
    """A hash of all that an answer depends on besides its call."""
    words = [version(name) for name in ("numpy", "ml_dtypes")]
    words += [torch.__version__, str(torch.version.git_version), torch.backends.cpu.get_cpu_capability()]
    words += [platform.machine(), platform.processor(), platform.python_version()]
    made = blake2b(repr(words).encode(), digest_size=8)
    for path in sorted(HOME.rglob("*.py")):
        made.update(path.read_bytes())
    return made.hexdigest()

"""What a version of torch answers to every point, as hashes in one small file: written, read, and which are shipped."""

import json
import lzma
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from packaging.version import Version

from parity.losses.conventions import Conventions
from parity.types import Array

# What became of a point: its values coded by name; the class and text of an error; or why this torch does not have it.
Outcome: TypeAlias = dict[str, str] | list[str] | str
HOME = Path(__file__).parent


class Unreadable(ValueError):
    """A file that is no snapshot; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version's answers: `cases` has a digest of each case file, `outcomes` what became of each point."""

    torch: str
    numpy: str
    conventions: dict[str, float]
    cases: dict[str, str]
    outcomes: dict[str, Outcome] = field(repr=False)

    @property
    def version(self) -> Version:
        return Version(self.torch)

    def written(self, path: Path) -> None:
        """Write it to a file: the same bytes for the same answers."""
        text = json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)
        path.write_bytes(lzma.compress(text.encode()))


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in a file. Raises Unreadable if it is none."""
    try:
        found = json.loads(lzma.decompress(path.read_bytes()))
        Conventions(**found["conventions"])
        return Snapshot(**found)
    except (OSError, lzma.LZMAError, EOFError, ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"{path} is no snapshot of torch's answers: {type(error).__name__}: {error}") from None


def shipped() -> dict[str, Path]:
    """The files that come with parity, by version ('2.13.0'), the oldest first."""
    found = {path.name.removeprefix("torch-").removesuffix(".json.xz"): path for path in HOME.glob("torch-*.json.xz")}
    return {name: found[name] for name in sorted(found, key=Version)}


def made_on() -> str:
    """The releases that the cases were made and checked on: '2.9, 2.13 and 2.14'."""
    *first, last = _made_on() or ("no version that is known",)
    return f"{', '.join(first)} and {last}" if first else last


@cache
def _made_on() -> tuple[str, ...]:
    return tuple(f"{version.major}.{version.minor}" for version in map(Version, shipped()))


def unknown(version: Version) -> str | None:
    """A sentence if the cases were not made on this release of torch; None if they were."""
    made, this = _made_on(), f"{version.major}.{version.minor}"
    if not made or this in made:
        return None
    on = f"up to torch {made[-1]}" if Version(this) > Version(made[-1]) else f"torch {made_on()}"
    return f"cases were made on {on}; this is {this}"


@cache
def known() -> tuple[Snapshot, ...]:
    """The snapshots that come with parity, the oldest first."""
    return tuple(map(read_snapshot, shipped().values()))


def coded(values: list[Array]) -> str:
    """One value of a point, at one seed or more, in 20 characters.

    Four bytes of a hash of all bits; two of their dtype, shapes and what of them is not finite; then as a float32 each,
    two figures that roundings hardly move: the logarithm of the sum of all sizes, and a weighted mean as a part of it.
    """
    finite, forms, bits = [], [], []
    for value in values:
        parts = (value.real, value.imag) if value.dtype.kind == "c" else (value,)
        wide = np.concatenate([np.asarray(part, np.float64).ravel() for part in parts])
        wide[np.isnan(wide)] = np.nan  # the bits of a nan, as its sign, are no part of an answer
        usual = np.isfinite(wide)
        bits.append(wide.tobytes())
        forms.append((str(value.dtype), value.shape, np.where(usual, 0.0, wide).tobytes()))
        finite.append(np.where(usual, wide, 0.0))
    numbers = np.concatenate(finite)
    size = float(np.abs(numbers).sum())
    mean = float(numbers @ np.cos(np.arange(numbers.size, dtype=np.float64))) / size if 0 < size < np.inf else 0.0
    figures = np.array([np.log2(size) if 0 < size < np.inf else -9999.0, mean], "<f4")
    return b64encode(_hash(b"".join(bits), 4) + _hash(repr(forms).encode(), 2) + figures.tobytes()).decode()


def _hash(data: bytes, size: int) -> bytes:
    return blake2b(data, digest_size=size).digest()


def moved(one: str, other: str) -> float:
    """How far two codes of values lie apart, as a part of their size; inf if in dtype, shape or what is not finite."""
    one_form, other_form = (b64decode(code)[4:6] for code in (one, other))
    if one_form != other_form:
        return float("inf")
    (size, mean), (other_size, other_mean) = map(_figures, (one, other))
    return float(max(abs(2.0 ** min(size - other_size, 64.0) - 1), abs(mean - other_mean)))


def _figures(code: str) -> Any:
    return np.frombuffer(b64decode(code)[6:], "<f4").astype(float)

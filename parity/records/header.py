"""The first line of a file of records: what is run, on what, and how many points the file should hold."""

import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

from parity import __version__

OWN_SEEDS = "3 a point unless a case says otherwise"
# What makes the bits of an answer: records that differ in one of these do not belong together.
FACTS = {
    "torch": "torch", "numpy": "numpy", "ml_dtypes": "ml_dtypes", "parity": "parity", "seeds": "the seeds",
    "seed_base": "the seed base", "depth": "the depth", "implementations": "the implementations",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """The shape of the first line; `commit` and `shard` are None where there is none.

    `cases` has a digest for each case file by its name, `digest` is that of them all.
    """

    run: str
    planned: int | None
    shard: str | None
    implementations: list[str]
    seeds: int | str
    seed_base: int
    depth: str
    torch: str
    numpy: str
    ml_dtypes: str
    parity: str
    python: str
    platform: str
    cpu: str
    commit: str | None
    digest: str
    cases: dict[str, str]
    date: str


def header(
    implementations: list[str], seeds: int | None, seed_base: int, depth: str, planned: int | None,
    shard: str | None, case_paths: Iterable[Path] = (),
) -> dict[str, Any]:  # fmt: skip
    """The first line of a new run.

    `seeds` is None for the cases' own. `planned` is the number of points this run should record, a point of two
    implementations counted twice; `shard` says which part of all points that is ('2/8'). `case_paths` are the
    case files that are run.
    """
    paths = sorted(set(case_paths))
    cases = digests(paths)
    return {
        "kind": "run", "run": uuid4().hex, "planned": planned, "shard": shard, "implementations": implementations,
        "seeds": seeds or OWN_SEEDS, "seed_base": seed_base, "depth": depth,
        "torch": _version("torch"), "numpy": _version("numpy"), "ml_dtypes": _version("ml_dtypes"),
        "parity": __version__, "python": platform.python_version(), "platform": platform.platform(),
        "cpu": _processor(), "commit": _commit(paths), "digest": digest(cases), "cases": cases,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Each fact in which two runs differ, in words: 'torch (2.12.0 and 2.13.0)'.

    Of the cases, only the files that both runs have are compared: a shard may have no point of some.
    """
    cases: dict[str, str] = other["cases"]
    changed = sorted(name for name, made in one["cases"].items() if cases.get(name, made) != made)
    return [f"the cases ({', '.join(changed)})"] * bool(changed) + [
        f"{name} ({_shown(one.get(fact))} and {_shown(other.get(fact))})"
        for fact, name in FACTS.items()
        if one.get(fact) != other.get(fact)
    ]


def digest(cases: Mapping[str, str]) -> str:
    """One digest of all case files."""
    return sha256(repr(sorted(cases.items())).encode()).hexdigest()


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """The digests of case files by name, alike wherever they lie and however their lines end."""
    files: dict[str, list[str]] = {}
    for path in paths:
        try:
            content = path.read_bytes().replace(b"\r\n", b"\n") if path.is_file() else b"no file"
        except (OSError, ValueError):
            content = b"cannot be read"
        files.setdefault(path.name, []).append(sha256(content).hexdigest()[:16])
    return {name: " ".join(sorted(found)) for name, found in sorted(files.items())}


def _commit(paths: Iterable[Path]) -> str | None:
    """The commit of the checkout that the case files are tracked in, and whether they were changed since."""
    commits = set()
    folders: dict[Path, list[str]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        if _git(folder, "ls-files", "--error-unmatch", "--", *names) is not None:
            commit = _git(folder, "rev-parse", "HEAD")
            if commit:
                same = _git(folder, "diff", "--quiet", "HEAD", "--", *names) is not None
                commits.add(commit if same else f"{commit}, changed since")
    return "; ".join(sorted(commits)) or None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None if it is not there or says no."""
    try:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None

"""Joins the files of the shards of one run (`--parity-shard 2/8`) into one file, or says why they are not one run."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from parity.plain import visible
from parity.records.file import Unwritable, Writer
from parity.records.header import differing, digest
from parity.records.read import Results, read_records

TOLD = 5


class Unmergeable(ValueError):
    """Files of records that are not the shards of one run: a sentence a line for each reason."""


def merge(paths: Sequence[Path], to: Path) -> int:
    """Join files of records into one; returns the number of its records.

    Raises Unmergeable if a shard is missing, there twice, incomplete, or of another run, and Unwritable.
    """
    files = [(visible(str(path)), read_records(path)) for path in paths]
    reasons = list(_reasons(files))
    if not reasons and any(_same(path, to) for path in paths):
        reasons = [f"{visible(str(to))} is one of the shards: name another file to write to"]
    if reasons:
        raise Unmergeable("\n".join(reasons))
    writer = Writer(to, _joined([results.header for _, results in files]))
    for _, results in files:
        for record in results.records:
            writer.write(record)
    # a shard without a point ends with pytest's "no tests collected"
    writer.close(max((results.exitstatus or 0 for _, results in files if results.records), default=0))
    if writer.problem:
        raise Unwritable(writer.problem)
    return sum(len(results.records) for _, results in files)


def _reasons(files: Sequence[tuple[str, Results]]) -> Iterable[str]:
    """Why the files are not the shards of one run."""
    broken = [(name, results.problems) for name, results in files if results.problems]
    for name, problems in broken:
        yield f"{name} is not whole: {' '.join(problems)}"
    if broken:
        return
    first, head = files[0][0], files[0][1].header
    for name, results in files[1:]:
        differ = differing(head, results.header)
        if differ:
            yield visible(f"{first} and {name} do not belong together: they differ in {', '.join(differ)}")
    yield from _shards(files)
    yield from _overlap(files)


def _shards(files: Sequence[tuple[str, Results]]) -> Iterable[str]:
    """Whether each shard is there once."""
    names: dict[int, list[str]] = defaultdict(list)
    wholes: dict[int, str] = {}
    for name, results in files:
        shard = results.header["shard"]
        parts = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", shard or "", re.ASCII)
        if parts is None:
            was = "the whole of a run" if shard is None else f"the shard {visible(repr(shard))}, which means nothing"
            yield f"{name} holds {was}: expected a shard, as `pytest --parity-shard 2/8` writes it"
            return
        names[int(parts[1])].append(name)
        wholes.setdefault(int(parts[2]), name)
    if len(wholes) > 1:
        (one, a), (other, b), *_ = wholes.items()
        yield f"{a} is one of {one} shards and {b} one of {other}"
        return
    (whole,) = wholes
    for number, holders in sorted(names.items()):
        if len(holders) > 1:
            yield f"the shard {number}/{whole} is there {len(holders)} times: {', '.join(holders)}"
        if number > whole:
            yield f"{holders[0]} is the shard {number} of {whole}: there is no such"
    missing = [f"{number}/{whole}" for number in range(1, whole + 1) if number not in names]
    if missing:
        more = f" and {len(missing) - TOLD} more" if len(missing) > TOLD else ""
        be = "the shard {} is missing" if len(missing) == 1 else "the shards {} are missing"
        yield be.format(", ".join(missing[:TOLD]) + more)


def _overlap(files: Sequence[tuple[str, Results]]) -> Iterable[str]:
    """Whether a point was recorded by two shards."""
    holders: dict[tuple[str, str, str], str] = {}
    shared: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for name, results in files:
        for record in results.records:
            other = holders.setdefault((record.path, record.id, record.implementation), name)
            if other != name:
                shared[other, name] += 1
                examples.setdefault((other, name), visible(f"{record.id} ({record.implementation})"))
    for (one, other), count in shared.items():
        points = "1 point is" if count == 1 else f"{count:,} points are"
        yield f"{points} in both {one} and {other}, such as {examples[one, other]}"


def _joined(headers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first line of the joined file; facts that may differ, such as the processor, are all named."""
    joined = {"kind": "run", **headers[0]}
    for fact in ("python", "platform", "cpu", "commit", "date"):
        found = sorted({str(header[fact]) for header in headers if header[fact] is not None})
        joined[fact] = "; ".join(found) or None
    cases = dict(sorted(pair for header in headers for pair in header["cases"].items()))
    planned = sum(header["planned"] for header in headers)
    return {
        **joined, "run": uuid4().hex, "planned": planned, "shard": None, "cases": cases, "digest": digest(cases),
    }  # fmt: skip


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)

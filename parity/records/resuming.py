"""How a run that a file of records tells of is gone on with: the arguments that pytest needs for the same points."""

from collections.abc import Iterator
from pathlib import Path

from parity.implementations.registry import SHIPPED
from parity.records.read import Results


def arguments(path: Path, results: Results, cases: bool = True) -> list[str]:
    """The arguments of pytest that ask for the same run again; with `cases` its case files too, where known."""
    header = results.header
    words = ["--parity-resume", str(path), "--parity-implementation", ",".join(header["implementations"])]
    words += ["--parity-seed-base", str(header["seed_base"]), "--parity-depth", header["depth"]]
    if isinstance(header["seeds"], int):
        words += ["--parity-seeds", str(header["seeds"])]
    if header["shard"] is not None:
        words += ["--parity-shard", header["shard"]]
    return [*words, *(_cases(results) if cases else ())]


def unnameable(results: Results) -> Iterator[str]:
    """The implementations that pytest cannot be asked for: a function that was checked, known by its module alone."""
    return (name for name in results.header["implementations"] if ":" not in name and name not in SHIPPED)


def _cases(results: Results) -> Iterator[str]:
    """The case files of the run that lie where its records say; the header knows their names alone."""
    for folder in sorted({Path(record.path).parent for record in results.records}):
        yield from (str(folder / name) for name in results.header["cases"] if (folder / name).is_file())

"""`python -m parity.report RESULTS.jsonl --to reports`: the records of a run -> parity.md and parity.html."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from parity.cases.errors import CaseError
from parity.plain import visible
from parity.records.read import Results, read_records
from parity.report.again import asked_again
from parity.report.coverage import Coverage, coverage
from parity.report.differences import differences
from parity.report.pictures import absent, drawn
from parity.report.tables import Since, tables
from parity.report.text import plural
from parity.report.write import write

# The records of the last run that `make report` ran to its end, before the new one.
KEPT = "kept.jsonl"


def main(arguments: list[str] | None = None) -> int:
    """The command by itself; its exit status is that of `report`."""
    parser = argparse.ArgumentParser(prog="python -m parity.report", description=__doc__)
    parser.add_argument("results", type=Path, help="the file that `pytest --parity-results FILE` wrote")
    parser.add_argument("--to", type=Path, default=Path("reports"), metavar="FOLDER", help="default: reports")
    parser.add_argument("--since", type=Path, metavar="FILE", help=f"an earlier file; default: {KEPT} beside RESULTS")
    options = parser.parse_args(arguments)
    return report(options.results, options.to, options.since)


def report(path: Path, to: Path, since: Path | None = None) -> int:
    """Write the report; 0 only if every planned point has a record, one was compared and none leaves parity.

    What has changed is told beside the records of an earlier run, `since`; by default the kept ones beside the new.
    """
    results = read_records(path)
    try:
        earlier = _since(path.with_name(KEPT) if since is None else since, results, asked=since is not None)
    except Unusable as error:
        return _fail(str(error))
    found = tables(results, list(_coverage({record.path for record in results.records})))
    found = replace(
        found, since=earlier, smaller=asked_again(found.causes, results.header), pictures=drawn(found.records),
        said=list(filter(None, [absent()])),
    )  # fmt: skip
    try:
        paths = write(found, to)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        place = visible(str(getattr(error, "filename", None) or to))
        return _fail(f"{place} cannot be written: {getattr(error, 'strerror', None) or error}")
    print(visible(found.headline.sentence))
    print(visible("  " + "  ".join(str(path) for path in paths)))
    if not results.records:
        return _fail(" ".join([*results.problems, "`pytest --parity-results FILE` writes a file of records."]))
    return 0 if found.headline.state == "agrees" else 1


class Unusable(ValueError):
    """An earlier file that cannot be used; the message is a sentence."""


def _since(path: Path, results: Results, asked: bool) -> Since | None:
    """What has changed since an earlier run; None where there is none, or nothing in it, and none was asked for."""
    if not asked and not path.is_file():
        return None
    earlier = read_records(path)
    if earlier.records:
        date, torch = (str(earlier.header.get(name, "unknown")) for name in ("date", "torch"))
        run = f"{date[:16].replace('T', ' ')}, torch {torch}, {plural(len(earlier.records), 'record')}"
        return Since(differences(earlier, results), run)
    if asked:
        raise Unusable(f"--since: {' '.join(earlier.problems)}")
    return None


def _coverage(paths: Iterable[str]) -> Iterator[Coverage]:
    """The option coverage of every case file that was run and can still be read."""
    for path in sorted(paths):
        with suppress(CaseError, OSError, ValueError):  # the records may name any path
            if Path(path).is_file():
                yield coverage(Path(path))


def _fail(sentence: str) -> int:
    print(f"parity.report: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

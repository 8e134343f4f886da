"""`python -m parity.report RESULTS.jsonl --to reports`: the records of a run -> parity.md and parity.html."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from parity.cases.errors import CaseError
from parity.plain import visible
from parity.records.read import read_records
from parity.report.coverage import Coverage, coverage
from parity.report.tables import tables
from parity.report.write import write


def main(arguments: list[str] | None = None) -> int:
    """The command by itself; its exit status is that of `report`."""
    parser = argparse.ArgumentParser(prog="python -m parity.report", description=__doc__)
    parser.add_argument("results", type=Path, help="the file that `pytest --parity-results FILE` wrote")
    parser.add_argument("--to", type=Path, default=Path("reports"), metavar="FOLDER", help="default: reports")
    options = parser.parse_args(arguments)
    return report(options.results, options.to)


def report(path: Path, to: Path) -> int:
    """Write the report; 0 only if every planned point has a record, one was compared and none leaves parity."""
    results = read_records(path)
    found = tables(results, list(_coverage({record.path for record in results.records})))
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

"""`python -m parity.report RESULTS.jsonl --to reports`: the records of a run -> parity.md and parity.html."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from parity.cases.errors import CaseError
from parity.records.read import read_records
from parity.report.coverage import Coverage, coverage
from parity.report.tables import tables
from parity.report.write import write


def main(arguments: list[str] | None = None) -> int:
    """Write the report; 0 only if every point was run, at least one was compared and none leaves parity."""
    parser = argparse.ArgumentParser(prog="python -m parity.report", description=__doc__)
    parser.add_argument("results", type=Path, help="the file that `pytest --parity-results FILE` wrote")
    parser.add_argument("--to", type=Path, default=Path("reports"), metavar="FOLDER", help="default: reports")
    options = parser.parse_args(arguments)
    try:
        results = read_records(options.results)
    except OSError as error:
        return _fail(f"{options.results} cannot be read: {error.strerror}; `pytest --parity-results FILE` writes one")
    except ValueError as error:
        return _fail(str(error))
    found = tables(results, list(_coverage({record.path for record in results.records})))
    try:
        paths = write(found, options.to)
    except OSError as error:
        return _fail(f"{error.filename or options.to} cannot be written: {error.strerror}")
    print(found.headline.sentence)
    print("  " + "  ".join(str(path) for path in paths))
    if not results.records:
        return _fail(f"{options.results} holds no record of a point")
    return 0 if found.headline.state == "agrees" else 1


def _coverage(paths: Iterable[str]) -> Iterator[Coverage]:
    """The option coverage of every case file that was run and can still be read."""
    for path in sorted(paths):
        with suppress(CaseError):
            yield coverage(Path(path))


def _fail(sentence: str) -> int:
    print(f"parity.report: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

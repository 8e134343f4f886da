"""`python -m parity.bench [engine] [losses]`: tables of speed and memory, both by default.

Every figure is measured in this one run, with what it is compared to in turn, on one math thread; medians
are printed. A busy machine spreads them, but moves both sides of a ratio.
"""

import argparse
import os
import sys

# Read when torch and NumPy load, so it stands before their import; the processes started from here inherit it.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

from parity.bench import engine, losses

PARTS = {"engine": engine.tables, "losses": losses.tables}


def main(arguments: list[str] | None = None) -> int:
    """Print the tables of the parts that are named."""
    parser = argparse.ArgumentParser(
        prog="python -m parity.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="engine|losses", help="default: both")
    chosen = parser.parse_args(arguments).parts or list(PARTS)
    for part in chosen:
        if part not in PARTS:
            parser.error(f"there is nothing called {part!r} to measure, expected one of {', '.join(PARTS)}")
    for part in chosen:
        for table in PARTS[part]():
            print(table, end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

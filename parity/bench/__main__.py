"""`python -m parity.bench [engine] [losses]`: tables of speed and memory, both by default.

Every figure is measured in this one run, with what it is compared to in turn, on one math thread, and the
median is printed. Times are those of the CPU, which on an idle machine are the clock's and on a busy one leave
the waiting out; cold starts alone go by the clock.
"""

import argparse
import os
import sys
from importlib import import_module

PARTS = ("engine", "losses")


def main(arguments: list[str] | None = None) -> int:
    """Print the tables of the parts that are named."""
    parser = argparse.ArgumentParser(
        prog="python -m parity.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="engine|losses", help="default: both")
    chosen = parser.parse_args(arguments).parts or PARTS
    for part in chosen:
        if part not in PARTS:
            parser.error(f"there is nothing called {part!r} to measure, expected one of {', '.join(PARTS)}")
    # Read when torch and NumPy load; the processes that are started from here inherit it.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    for part in chosen:
        for table in import_module(f"parity.bench.{part}").tables():
            print(table, end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

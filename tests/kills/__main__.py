"""`python -m tests.kills [--mutants COUNT] [--seconds S] [--alone | --soon]`: which points see which wrong losses.

Nothing is run twice: a planted bug or mutant is run at the points where it was not run yet, for up to S seconds of CPU
time, and what it shows goes into kills.json.xz as it comes. Without --seconds it is run at all of them; with --alone
only what at most one scenario sees so far is run, until a second one sees it; with --soon only what is not recorded is
run, at the points of depth smoke, and at others until one sees it. Then `cases/order.json` is written from
all that is known (`--order` does that alone).
"""

import argparse
import os
import sys
from collections.abc import Iterable
from itertools import chain

from tests.kills.data import FILE, Kills, read
from tests.kills.orders import write_orders
from tests.kills.recording import shown_by
from tests.kills.subjects import Subject, planted

# Results between two writings of the file.
KEPT = 20
# Scenarios that are to see each wrong loss.
WITNESSES = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=str(__doc__).split("\n")[0])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="CPU time of each subject (default: all)")
    parser.add_argument(
        "--mutants", type=int, default=0, metavar="COUNT", help="so many mutants too, a sample by chance"
    )
    parser.add_argument("--alone", action="store_true", help="only what at most one scenario sees so far")
    parser.add_argument("--soon", action="store_true", help="at the points of depth smoke, then until a point sees it")
    parser.add_argument("--order", action="store_true", help="record nothing, write the order alone")
    given = parser.parse_args()
    kills = read()
    if not given.order:
        subjects: Iterable[Subject] = planted()
        if given.mutants:
            from tests.kills.mutants import mutants  # Cosmic Ray is installed by `make kills`

            subjects = chain(subjects, mutants(given.mutants))
        if given.alone:
            subjects = (one for one in subjects if len(kills.scenarios(one.name)) < WITNESSES)
        if given.soon:  # one by one: to make thousands of mutants takes minutes
            subjects = (one for one in subjects if one.name not in kills.subjects)
        else:
            subjects = sorted(subjects, key=lambda one: one.name in kills.subjects)  # what is not known comes first
        _record(subjects, kills, given.seconds, WITNESSES if given.alone else float("inf"), given.soon)
    for line in write_orders(kills):
        print(line)
    return 0


def _record(subjects: Iterable[Subject], kills: Kills, seconds: float, enough: float, soon: bool) -> None:
    try:
        for number, shown in enumerate(shown_by(subjects, kills, seconds, enough, soon), start=1):
            kills.add(shown.name, shown.red, shown.green)
            print(f"{len(shown.red):5} red {len(shown.green):5} agree  {shown.name[:90]} {shown.problem}", flush=True)
            if number % KEPT == 0:
                kills.save()
    except KeyboardInterrupt:
        print("interrupted: what was found stays, the next run goes on from here", file=sys.stderr)
    finally:
        kills.save()
        print(f"{len(kills.subjects)} subjects in {os.path.relpath(FILE)}")


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.mutation [MODULE ...]`: mutate parity/losses, run the cases on each mutant, sum up.

Two processes work side by side; what they found stays in .mutation, so that an interrupted run goes on where it
stopped. Mutants that survive are listed unless equivalent/MODULE.yaml names them with the reason why no case can
tell them from the original; the listed ones are judged anew by each run, as the cases may have grown. The exit
status is 1 if any survives.
"""

import os
import sys
from collections import Counter
from pathlib import Path

from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

from parity.cases.errors import nearest
from tests.mutation.changes import Change
from tests.mutation.equivalent import Excuses
from tests.mutation.killing import INCOMPETENT, KILLED, all_points, losses_through, outcome
from tests.mutation.mutants import changed_by, modules, session, source_of

WORKERS = 2
OUTCOMES = {KILLED: TestOutcome.KILLED, INCOMPETENT: TestOutcome.INCOMPETENT}


def work(share: int) -> None:
    """Judge every mutant of this worker's share that has no verdict yet; the excused ones, which take longest, last."""
    points = all_points()
    for path in modules_wanted():
        losses = losses_through(path)
        database = session(path)
        listed = {item.job_id for item, _ in survivors(path, database)}
        items = [*database.pending_work_items, *(item for item in database.work_items if item.job_id in listed)]
        mine = [(item, source_of(item)) for item in items if int(item.job_id[:8], 16) % WORKERS == share]
        equivalent = Excuses(path.stem)
        mine.sort(key=lambda one: one[1] is not None and changed_by(path, one[1]) in equivalent)
        for item, source in mine:
            found = INCOMPETENT if source is None else outcome(path, source, losses, points)
            result = WorkResult(WorkerOutcome.NORMAL, test_outcome=OUTCOMES.get(found, TestOutcome.SURVIVED))
            database.set_result(item.job_id, result)
        database.close()


def survivors(path: Path, database: WorkDB) -> list[tuple[WorkItem, Change]]:
    """Every mutant that survived and is not excused, and its change."""
    alive = {job for job, result in database.results if result.test_outcome == TestOutcome.SURVIVED}
    found, equivalent = [], Excuses(path.stem)
    for item in database.work_items:
        source = source_of(item) if item.job_id in alive else None
        if source is not None and changed_by(path, source) not in equivalent:
            found.append((item, changed_by(path, source)))
    return sorted(found, key=lambda one: one[0].mutations[0].start_pos)


def summary() -> int:
    """Print a line a module and the survivors; the number of those that equivalent/ does not name."""
    total: Counter[str] = Counter()
    listed = []
    print(f"{'module':24}{'mutants':>8}{'killed':>8}{'equivalent':>12}{'survived':>10}")
    for path in modules_wanted():
        database = session(path)
        outcomes = [result.test_outcome for _, result in database.results]
        left = survivors(path, database)
        counts = {
            "mutants": sum(outcome != TestOutcome.INCOMPETENT for outcome in outcomes),
            "killed": outcomes.count(TestOutcome.KILLED),
            "equivalent": outcomes.count(TestOutcome.SURVIVED) - len(left), "survived": len(left),
        }  # fmt: skip
        total.update(counts)
        print(f"{path.stem:24}" + "".join(f"{counts[n]:>{w}}" for n, w in _WIDTHS.items()))
        lines = [(item.mutations[0].start_pos[0], one) for item, one in left]
        listed += [f"{path}:{line}\n  was    {one.was}\n  mutant {one.mutant}" for line, one in lines]
        database.close()
    print(f"{'all':24}" + "".join(f"{total[n]:>{w}}" for n, w in _WIDTHS.items()))
    live = total["mutants"] - total["equivalent"]
    print(f"score: {total['killed']} of {live} mutants killed ({total['killed'] / max(live, 1):.1%})")
    print("\n".join(listed))
    return total["survived"]


_WIDTHS = {"mutants": 8, "killed": 8, "equivalent": 12, "survived": 10}


def modules_wanted() -> list[Path]:
    """The modules named on the command line, or all."""
    words = sys.argv[1:]
    known = {path.stem: path for path in modules()}
    for word in words:
        if word not in known:
            sys.exit(f"parity/losses has no module {word!r}{nearest(word, known)}")
    return [known[word] for word in words] if words else list(known.values())


def main() -> int:
    for path in modules_wanted():
        session(path).close()
    children = []
    for share in range(WORKERS):
        child = os.fork()
        if not child:
            work(share)
            os._exit(0)
        children.append(child)
    try:
        for child in children:
            os.waitpid(child, 0)
    except KeyboardInterrupt:
        print("interrupted: what was found stays, the next run goes on from here", file=sys.stderr)
        return 130
    return 1 if summary() else 0


if __name__ == "__main__":
    sys.exit(main())

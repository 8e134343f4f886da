"""Mutants of the losses as subjects of kill data: a sample by chance, of which a larger one holds a smaller."""

from functools import partial
from hashlib import blake2b
from itertools import zip_longest
from pathlib import Path

from cosmic_ray.work_item import WorkItem

from tests.kills.data import MUTANT
from tests.kills.subjects import Subject
from tests.mutation.__main__ import losses_of
from tests.mutation.equivalent import Excuses
from tests.mutation.killing import mutated
from tests.mutation.mutants import changed_by, modules, source_of, work_of


def mutants(count: int) -> list[Subject]:
    """So many mutants, of each module in turn; those that mean the same as the original are left out."""
    rows = ([(path, item) for item in sorted(work_of(path), key=_chance)] for path in modules())
    chosen: list[Subject] = []
    for column in zip_longest(*rows):
        for path, item in filter(None, column):
            if len(chosen) < count and (subject := _subject(path, item)) is not None:
                chosen.append(subject)
    return chosen


def _chance(item: WorkItem) -> bytes:
    spec = item.mutations[0]
    return blake2b(f"{spec.module_path} {spec.operator_name} {spec.occurrence}".encode(), digest_size=8).digest()


def _subject(path: Path, item: WorkItem) -> Subject | None:
    source = source_of(item)
    if source is None:
        return None
    try:
        change = changed_by(path, source)
    except ValueError:  # the same program
        return None
    if change in Excuses(path.stem):
        return None
    name = f"{MUTANT}{path.stem}.{change.function}: {change.was} -> {change.mutant}"
    return Subject(name, tuple(losses_of(path)), partial(mutated, path, source))

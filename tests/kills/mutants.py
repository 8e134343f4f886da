"""Mutants of the losses as subjects of kill data: a sample by chance, of which a larger one holds a smaller."""

from collections.abc import Iterator
from functools import cache, partial
from hashlib import blake2b
from itertools import islice, zip_longest
from pathlib import Path

from cosmic_ray.work_item import WorkItem

from tests.kills.data import MUTANT
from tests.kills.subjects import Subject
from tests.mutation.equivalent import Excuses
from tests.mutation.killing import losses_through, mutated
from tests.mutation.mutants import changed_by, modules, source_of, work_of


def mutants(count: int) -> Iterator[Subject]:
    """So many mutants, of each module in turn; those that mean the same as the original are left out."""
    rows = ([(path, item) for item in sorted(work_of(path), key=_chance)] for path in modules())
    chosen = (one for column in zip_longest(*rows) for one in filter(None, column))
    return islice(filter(None, (_subject(*one) for one in chosen)), count)


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
    if change in _excuses(path.stem):
        return None
    name = f"{MUTANT}{path.stem}.{change.function}: {change.was} -> {change.mutant}"
    return Subject(name, tuple(_losses_of(path, change.function)), partial(mutated, path, source))


def _losses_of(path: Path, function: str) -> list[str]:
    """The losses that a mutant changes: the one whose function it is in, or all that use the module."""
    used = losses_through(path)
    return [loss for loss in used if loss == function.partition(".")[0]] or used


@cache
def _excuses(module: str) -> Excuses:
    return Excuses(module)

"""The mutants of parity/losses, made and kept by Cosmic Ray: its operators, its session file."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec, WorkItem

LOSSES = Path("parity/losses")
SESSION = Path(".mutation")
# Operators whose every mutant of this code is refused on import, or says the same as another's.
LEFT_OUT = ("NoOp", "VariableInserter", "VariableReplacer", "ExceptionReplacer")


@dataclass(frozen=True)
class Change:
    """One mutated line."""

    was: str
    mutant: str


def modules() -> list[Path]:
    """The modules of the losses."""
    return sorted(path for path in LOSSES.glob("*.py") if path.name != "__init__.py")


def session(path: Path) -> WorkDB:
    """The session of one module, kept from an earlier run unless the module has changed since."""
    digest = blake2b(path.read_bytes(), digest_size=6).hexdigest()
    SESSION.mkdir(exist_ok=True)
    file = SESSION / f"{path.stem}-{digest}.sqlite"
    for old in SESSION.glob(f"{path.stem}-*.sqlite"):
        if old != file:
            old.unlink()
    database = WorkDB(file, WorkDB.Mode.create)
    if not database.num_work_items:
        database.add_work_items(_work(path))
    return database


def _work(path: Path) -> Iterator[WorkItem]:
    tree = get_ast_from_path(path)
    for name in cosmic_ray.plugins.operator_names():
        operator_class = cosmic_ray.plugins.get_operator(name)
        if operator_class.arguments() or any(word in name for word in LEFT_OUT):
            continue
        operator = operator_class()
        places = ((node, *span) for node in ast_nodes(tree) for span in operator.mutation_positions(node))
        for occurrence, (node, start, end) in enumerate(places):
            definition = ASTQuery(node).get_definition_name()
            spec = MutationSpec(path, name, occurrence, start, end, {}, definition)
            yield WorkItem.single(job_id=uuid4().hex, mutation=spec)


def source_of(item: WorkItem) -> str | None:
    """The mutated source, or None where the operator changes nothing."""
    spec = item.mutations[0]
    operator = cosmic_ray.plugins.get_operator(spec.operator_name)()
    return mutate_code(spec.module_path.read_text(), operator, spec.occurrence)


def change(path: Path, source: str) -> Change:
    """The lines that a mutant changes."""
    lines = list(unified_diff(path.read_text().splitlines(), source.splitlines(), n=0, lineterm=""))[2:]
    was, mutant = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)).strip() for sign in "-+"
    )
    return Change(was, mutant)

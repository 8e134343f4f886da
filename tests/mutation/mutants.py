"""The mutants of parity/losses, made and kept by Cosmic Ray: its operators, its session file."""

import ast
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast, get_ast_from_path
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec, WorkItem

from tests.mutation.changes import Change, change, parsed

LOSSES = Path("parity/losses")
SESSION = Path(".mutation")
# Operators whose every mutant of this code is refused on import, or says the same as another's.
LEFT_OUT = ("NoOp", "VariableInserter", "VariableReplacer", "ExceptionReplacer")


def modules() -> list[Path]:
    """The modules of the losses; half of what the conventions say is another torch's, which is not asked here."""
    return sorted(path for path in LOSSES.glob("*.py") if path.stem not in ("__init__", "conventions"))


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
        database.add_work_items(work_of(path))
    return database


def operators() -> dict[str, Operator]:
    """Cosmic Ray's operators that are used, by name."""
    classes = {name: cosmic_ray.plugins.get_operator(name) for name in cosmic_ray.plugins.operator_names()}
    return {
        name: operator() for name, operator in classes.items()
        if not operator.arguments() and not any(word in name for word in LEFT_OUT)
    }  # fmt: skip


def work_of(path: Path) -> Iterator[WorkItem]:
    """Every place of a module where an operator applies."""
    tree = get_ast_from_path(path)
    for name, operator in operators().items():
        places = ((node, *span) for node in ast_nodes(tree) for span in operator.mutation_positions(node))
        for occurrence, (node, start, end) in enumerate(places):
            definition = ASTQuery(node).get_definition_name()
            spec = MutationSpec(path, name, occurrence, start, end, {}, definition)
            yield WorkItem.single(job_id=uuid4().hex, mutation=spec)


def source_of(item: WorkItem) -> str | None:
    """The mutated source, or None where the operator changes nothing or leaves no Python."""
    spec = item.mutations[0]
    operator = cosmic_ray.plugins.get_operator(spec.operator_name)()
    source = mutate_code(spec.module_path.read_text(), operator, spec.occurrence)
    try:
        return source if source and ast.parse(source) else None
    except SyntaxError:
        return None


def changed_by(path: Path, source: str) -> Change:
    """What a mutant changes in a module. Raises ValueError where it changes nothing but the spelling."""
    found = change(ast.parse(path.read_text()), ast.parse(source))
    if found is None:
        raise ValueError(f"a mutant of {path} is the same program")
    return found


def mutants_of(statement: Change) -> Iterator[Change]:
    """The mutants of one statement alone, quickly: what the operators make of its text."""
    before = parsed(statement.was)
    text = ast.unparse(before)
    nodes = list(ast_nodes(get_ast(text)))
    for operator in operators().values():
        for occurrence in range(sum(1 for node in nodes for _ in operator.mutation_positions(node))):
            try:
                found = change(before, ast.parse(mutate_code(text, operator, occurrence)))
            except SyntaxError:
                continue
            if found is not None:
                yield found

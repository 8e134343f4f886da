"""`python -m tests.mutation.fuzzed [MODULE ...] [--every N] [--seconds S]`: is what is named equivalent so?

Each mutant that equivalent/MODULE.yaml names is tried by the fuzzer, a minute on the losses of its module together. One
that the fuzzer tells from the original is no equivalent: its entry is printed with the cause, and the exit status is 1.
"""

import argparse
import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parity import losses
from parity.fuzzing.run import fuzz
from tests.mutation.changes import BODIES, nameless, parsed, statements
from tests.mutation.equivalent import FOLDER, Entry, entries
from tests.mutation.killing import mutated

HOME = Path(losses.__file__).parent
SECONDS = 60.0


def source_of(module: Path, entry: Entry) -> str | None:
    """The module with the mutant that an entry names; None where its statement is gone."""
    tree = ast.parse(module.read_text())
    for parent, field, place, function in _places(tree, ""):
        node = getattr(parent, field)[place]
        if entry.change.was.startswith("@"):
            decorators = getattr(node, "decorator_list", [])
            if decorators and " ".join(f"@{ast.unparse(one)}" for one in decorators) == entry.change.was:
                made: Any = parsed(entry.change.mutant).body[0] if entry.change.mutant else None
                node.decorator_list = made.decorator_list if made else []
                return ast.unparse(tree)
            continue
        (own, *_) = statements(ast.Module([node], []))
        theirs: dict[str, str] = {}
        ours: dict[str, str] = {}
        if nameless(own.was, ours) == nameless(entry.change.was, theirs) and entry.covers(function):
            new = parsed(_renamed(entry.change.mutant, theirs, ours)).body[0]
            for name in BODIES:
                if hasattr(node, name):
                    setattr(new, name, getattr(node, name))
            if isinstance(new, ast.FunctionDef) and isinstance(node, ast.FunctionDef):
                new.decorator_list = node.decorator_list
            getattr(parent, field)[place] = new
            return ast.unparse(ast.fix_missing_locations(tree))
    return None


def _renamed(text: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """A mutant with the names that its statement has by now; `nameless` has put them in the same places."""
    now = {place: name.rpartition(" ")[2] for name, place in ours.items()}
    names = {name.rpartition(" ")[2]: now[place] for name, place in theirs.items()}
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda word: names.get(word[0], word[0]), text)


def _places(node: Any, function: str) -> Iterator[tuple[Any, str, int, str]]:
    """Every statement as its place in a body, with the functions around it."""
    for field in BODIES:
        for place, inner in enumerate(getattr(node, field, ())):
            yield node, field, place, function
            named = isinstance(inner, ast.FunctionDef | ast.ClassDef)
            yield from _places(inner, f"{function}.{inner.name}".lstrip(".") if named else function)


def told(module: Path, entry: Entry, seconds: float, seed: int = 0) -> str:
    """The cause by which the fuzzer tells the mutant from the original, found out in a child process; '' for none."""
    source = source_of(module, entry)
    if source is None:
        return f"its statement is gone: {entry.change.was}"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        text = "it cannot be imported"
        try:
            os.close(reading)
            text = _fuzzed(module, source, seconds, seed)
        except BaseException as error:
            text = f"the fuzzer cannot try it: {error!r}"
        finally:
            os.write(writing, text.encode()[:4000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def _fuzzed(module: Path, source: str, seconds: float, seed: int) -> str:
    names = [name for name, loss in losses.LOSSES.items() if loss.__module__ == f"parity.losses.{module.stem}"]
    names = names or ["cross_entropy", "mse_loss", "triplet_margin_loss"]  # of a module that the families have together
    mutant = mutated(module, source)
    if mutant is None:
        return "it cannot be imported"
    for name in names:
        minutes = seconds / 60 / len(names)
        causes = fuzz(name, mutant, minutes=minutes, database=None, seed_base=seed).causes
        ours = fuzz(name, minutes=minutes, database=None, seed_base=seed).causes if causes else []
        known = {(cause.sign.family, cause.sign.key) for cause in ours}
        for cause in causes:
            if (cause.sign.family, cause.sign.key) not in known:
                return str(cause)
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", choices=[*sorted(path.stem for path in FOLDER.glob("*.yaml")), []])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args()
    wrong = 0
    for module in asked.modules or sorted(path.stem for path in FOLDER.glob("*.yaml")):
        for entry in list(entries(module))[:: asked.every]:
            text = told(HOME / f"{module}.py", entry, asked.seconds)
            wrong += bool(text)
            print(f"{module}: {entry.change.mutant}: {text or 'nothing tells it'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.mutation.fuzzed [MODULE ...] [--every N] [--seconds S]`: is what is named equivalent so?

The fuzzer draws calls of every loss for S seconds. Each mutant that equivalent/MODULE.yaml names is asked all of those
of the losses that use its module, and answers the original's bits, or what a run of the suite would not tell from
them. One that it would is no equivalent: its entry is printed with the call, and the exit status is 1.
"""

import argparse
import ast
import json
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from parity import losses
from parity.comparison.observe import bits
from parity.draws.draw import Plan
from parity.engine.run import run_point
from parity.fuzzing.asking import Drawn, asker_of
from parity.fuzzing.search import search
from parity.fuzzing.vocabulary import vocabulary
from parity.implementations.declaration import Implementation
from parity.implementations.registry import numpy_losses
from parity.question import asked
from parity.records.sentences import sentence
from tests.mutation.changes import BODIES, nameless, parsed, statements
from tests.mutation.equivalent import FOLDER, Entry, entries
from tests.mutation.killing import losses_through, mutated

HOME = Path(losses.__file__).parent
# A minute's calls of the fuzzer, which asks torch three times as much, are drawn in so many seconds of each loss.
SECONDS = 20.0


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
    """What tells the mutant from the original, found out in a child process; '' for nothing."""
    source = source_of(module, entry)
    if source is None:
        return f"its statement is gone: {entry.change.was}"
    for loss in losses_through(module):
        heard(loss, seconds, seed)  # here, so that every child has them
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        text = "it cannot be imported"
        try:
            os.close(reading)
            text = _told(module, source, seconds, seed)
        except BaseException as error:
            text = f"it cannot be tried: {error!r}"
        finally:
            os.write(writing, text.encode()[:4000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def _told(module: Path, source: str, seconds: float, seed: int) -> str:
    mutant = mutated(module, source)
    if mutant is None:
        return "it cannot be imported"
    for loss in losses_through(module):
        if loss not in mutant.losses:
            return f"{loss} is gone"
        for drawn, said in heard(loss, seconds, seed):
            if answers(mutant, drawn) != said:
                record = run_point(drawn.point, mutant, drawn.seeds)
                if record.unexpected and not run_point(drawn.point, original(), drawn.seeds).unexpected:
                    return f"{drawn.point.id}: {sentence(record.mismatches[0])}; {json.dumps(drawn.case)}"
    return ""


@cache
def original() -> Implementation:
    """The losses as they are, also once a mutant has taken their place in a process."""
    return numpy_losses()


@cache
def heard(loss: str, seconds: float, seed: int) -> list[tuple[Drawn, list[Any]]]:
    """The calls of a loss that the fuzzer draws in so many seconds, and what the original answers."""
    ours = original()
    (question,) = asked(loss, ours, {})
    found: list[Drawn] = []
    search(vocabulary(question.scenarios), asker_of(question), found.append, time.monotonic() + seconds, seed)
    return [(drawn, answers(ours, drawn)) for drawn in found]


def answers(implementation: Implementation, drawn: Drawn) -> list[Any]:
    """All that a call answers at each draw, bit for bit: the output and two gradients, or what it raises and when.

    With it goes what it warns of, and what it makes of its arguments.
    """
    found: list[Any] = []
    plan, contract = Plan(drawn.point), implementation.contract(drawn.point.scenario.signature)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for seed in drawn.seeds:
            try:
                arguments, own = plan.arguments(seed)
                for name in contract.terms(drawn.point).without:
                    arguments.pop(name, None)
                output, vjp = contract.call(**arguments)
                found.append(bits({"output": output}))
                grad_output = plan.grad_output(output, seed) if own is None else own
                for upstream in (grad_output, np.negative(grad_output), grad_output):
                    found.append(bits(vjp(upstream)))
                found.append(bits(arguments))
            except Exception as error:
                found.append((type(error).__name__, str(error)))
    return [*found, *((one.category.__name__, str(one.message)) for one in warned)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", choices=[*sorted(path.stem for path in FOLDER.glob("*.yaml")), []])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="to draw calls of each loss")
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

"""2-way coverage: which pairs of values of every two options occur in some compared point.

Options are the arguments with a default. Each has a few levels: true and false (and null), absent and given
for optional arrays, default and other for numbers, and the words for reductions and the like. A pair that
cannot be is named under `impossible` in the case file, with its reason.

    python -m parity.report.coverage [LOSS ...] [--where FACTS] [--facts] [--triples]
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import Parameter
from itertools import combinations, product
from pathlib import Path
from typing import Any, get_args

from parity.cases.errors import CaseError, nearest
from parity.cases.load import load
from parity.cases.points import Point, expand, seeds_of
from parity.cases.reader import read
from parity.cases.schema import CaseFile
from parity.cases.shipped import case_file, case_folder
from parity.cases.signature import Signature
from parity.cases.specs import Spec
from parity.engine.facts import meant
from parity.facts import words
from parity.facts.expression import Misspelt
from parity.implementations.registry import served
from parity.report.listing import facts_of
from parity.report.triples import lacking

Pair = tuple[tuple[str, str], tuple[str, str]]
_EMPTY = Parameter.empty
WORDS = {"reduction": ("none", "mean", "sum")}
FLAGS = ("size_average", "reduce")


@dataclass(slots=True)
class Coverage:
    """The pairs of one loss: how many there are, those no case covers, and those excused with a reason.

    `points` are those that were looked at.
    """

    loss: str
    pairs: int = 0
    missing: list[Pair] = field(default_factory=list)
    excused: list[tuple[Pair, str]] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    @property
    def covered(self) -> int:
        return self.pairs - len(self.missing) - len(self.excused)

    @property
    def reasons(self) -> list[str]:
        """Each excused pair in words, with its reason."""
        return [f"{one}={a} with {two}={b}: {because}" for ((one, a), (two, b)), because in self.excused]


def coverage(path: Path, where: str | None = None) -> Coverage:
    """The 2-way coverage of the case file at `path`, or of its points with these facts.

    Raises CaseError if the file cannot be used, Misspelt if `where` is no expression of facts.
    """
    every = load(path, served())
    scenarios = [scenario for scenario in every if scenario.case.depth == "default"]
    compared = [one for one in scenarios if not one.case.raises and not one.case.finding]
    file = CaseFile.model_validate(read(path).data)
    loss = file.loss
    signature = every[0].signature
    points = [point for scenario in compared for point in expand(scenario) if not point.around]
    some = [one for one in points if where is None or meant(one, seeds_of(one, None, 0, "default"), [where])]
    seen = {name: levels(signature, name, points) for name in options(signature)}
    found: set[Pair] = set()
    for point in some:
        chosen = [(name, level(signature, name, point)) for name in seen]
        found.update(combinations(chosen, 2))
    result = Coverage(loss, points=some)
    for one, two in combinations(seen, 2):
        for pair in product(((one, value) for value in seen[one]), ((two, value) for value in seen[two])):
            result.pairs += 1
            if pair not in found:
                excuse = next((i.because for i in file.impossible if i.options.items() <= dict(pair).items()), None)
                if excuse:
                    result.excused.append((pair, excuse))
                else:
                    result.missing.append(pair)
    return result


def options(signature: Signature) -> list[str]:
    """The arguments with a default, and arrays that may be numbers; the stack level says nothing about the answer."""
    given = [name for name in signature.names if signature.default(name) is not _EMPTY and name != "_stacklevel"]
    return given + [name for name in signature.numbers_too if signature.default(name) is _EMPTY]


def levels(signature: Signature, name: str, points: Iterable[Point]) -> list[str]:
    """The levels of an option: those its type asks for, and the words that the cases use."""
    annotation = signature.parameters[name].annotation
    if bool in (annotation, *get_args(annotation)):
        return ["true", "false"] + (["null"] if signature.default(name) is None else [])
    if annotation is str:
        # a legacy flag overrides any reduction, even a word that is none
        if name == "reduction":
            points = [point for point in points if all(point.given.get(flag) is None for flag in FLAGS)]
        return list(dict.fromkeys([*WORDS.get(name, ()), *(level(signature, name, point) for point in points)]))
    if name in signature.numbers_too and signature.default(name) is _EMPTY:
        return ["array", "number"]
    return ["absent", "given"] if signature.default(name) is None else ["default", "other"]


def level(signature: Signature, name: str, point: Point) -> str:
    """The level of an option at a point."""
    default = signature.default(name)
    value: Any = point.given.get(name, default)
    if name in signature.numbers_too and default is _EMPTY:
        return "array" if isinstance(value, Spec | list) else "number"
    if isinstance(value, bool):
        return str(value).lower()
    if bool in get_args(signature.parameters[name].annotation):
        return "null"
    if signature.parameters[name].annotation is str:
        return "mean" if value == "elementwise_mean" else str(value)
    if default is None:
        return "absent" if value is None else "given"
    return "default" if value == default else "other"


def told(coverage: Coverage) -> Iterator[str]:
    """The coverage in words."""
    yield f"{coverage.loss}: {coverage.covered} of {coverage.pairs} pairs covered, {len(coverage.excused)} excused"
    for (one, a), (two, b) in coverage.missing:
        yield f"  missing: {one}={a} with {two}={b}"


def facts(coverage: Coverage) -> Iterator[str]:
    """How many of the points have each fact, the documented ones in their order, the others by name."""
    count: Counter[str] = Counter()
    for point in coverage.points:
        count.update(facts_of(point))
    yield f"  {len(coverage.points)} points, by their facts:"
    for word in [*words.WORDS, *sorted(count.keys() - words.WORDS.keys())]:
        if count[word]:
            yield f"  {count[word]:7,} {word}"


def main(arguments: list[str]) -> int:
    """The command by itself; its exit status is that of `show`."""
    summary = "Which pairs of values of every two options occur."
    parser = argparse.ArgumentParser(prog="python -m parity.report.coverage", description=summary)
    parser.add_argument("losses", nargs="*", metavar="LOSS", help="by default all")
    parser.add_argument("--where", metavar="FACTS", help="among the points with these facts: 'float16 and not large'")
    parser.add_argument("--facts", action="store_true", help="tell also how many points have each fact")
    parser.add_argument("--triples", action="store_true", help="tell also which facts lack, by dtype and reduction")
    given = parser.parse_args(arguments)
    return show(given.losses, given.where, given.facts, given.triples)


def show(losses: Sequence[str], where: str | None, with_facts: bool, with_triples: bool = False) -> int:
    """Print the coverage of the named losses, or of all; 1 if a pair is missing, 2 if something named is not there."""
    paths = [case_file(name) for name in losses] or sorted(case_folder().glob("*.yaml"))
    complete = True
    for path in paths:
        if not path.is_file():
            known = [other.stem for other in case_folder().glob("*.yaml")]
            print(f"there are no cases of {path.stem!r}{nearest(path.stem, known)}", file=sys.stderr)
            return 2
        try:
            result = coverage(path, where)
        except (CaseError, Misspelt) as error:
            print(f"--where: {error}" if isinstance(error, Misspelt) else error, file=sys.stderr)
            return 2
        print("\n".join([*told(result), *(facts(result) if with_facts else ())]))
        if with_triples:
            print("\n".join(lacking(result.points)))
        complete &= not result.missing
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

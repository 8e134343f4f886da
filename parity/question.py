"""What a check is asked: its options, the implementation they come to, and the points of each loss."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict

from parity import losses
from parity.cases.errors import nearest
from parity.cases.load import load
from parity.cases.order import head, ordered
from parity.cases.points import Point, expand, seeds_of
from parity.cases.scenario import Scenario
from parity.cases.shipped import case_file
from parity.facts.expression import Misspelt
from parity.facts.selection import selection
from parity.frameworks.adapters import Adapter
from parity.implementations.answering import Answerer, Vary
from parity.implementations.calling import Arguments, Output
from parity.implementations.contract import Contract
from parity.implementations.declaration import Implementation, Misdeclared
from parity.implementations.registry import served

DEPTHS = ("smoke", "default", "deep")
Function = Callable[..., Any]
# What has several losses.
Library = Implementation | Mapping[str, Function] | ModuleType


class Options(TypedDict, total=False):
    """What `check` and `parametrize` may be told besides the loss and the function.

    `framework` is 'numpy' (a function that returns ``(output, vjp)``, or the output alone; the default), 'torch' (a
    callable of tensors, a module class or a module), or an Adapter of your own. `name` is what sentences call the
    function ("yours"). `arguments`, `output`, `lacks`, `differs`, `tolerance`,
    `equivalents`, `expected_failures` and `device` are those of `Implementation`:
    ``arguments={"input": "logits"}`` gives the function's own names, ``output=0`` says that it returns
    ``(loss, aux)``. `only` and `exclude` are point ids, patterns of them, or expressions of facts ('ignored targets and
    not large'; `parity facts` lists the words), one or several. `cases` is a case file of your own, or a folder of
    them, instead of the shipped ones. `reference` is a callable of tensors that answers in torch's place, or its name
    (module:function); with None no reference is asked, and the loss is held against itself: what its own calls owe to
    each other. `promises` is what it says of itself beyond torch: 'batch invariance'.
    ``vary={"softcap": [None, 30.0]}`` gives values of options that it has and torch has not: every
    point is run with each of them, of several options with every pair. Of a library both are by loss. `seeds` is how
    many draws each point takes (by default the case's own number, or 3, and 2 at some points of large scenarios), from
    `seed_base` (0) on. `depth` is 'default',
    'deep', or 'smoke': at most 100 points of a loss, those that see most wrong losses. With `strict` a point that is
    nearer to the exact answer than torch is a failure too.
    """

    framework: str | Adapter
    name: str
    arguments: Arguments
    output: Output
    lacks: Collection[str]
    differs: Collection[str]
    tolerance: Mapping[str, Any]
    equivalents: Mapping[str, Collection[str]] | None
    expected_failures: Mapping[str, str]
    device: str
    only: str | Collection[str] | None
    exclude: str | Collection[str] | None
    cases: Path | str | None
    reference: Answerer | Mapping[str, Answerer | None] | None
    promises: Collection[str]
    vary: Vary | Mapping[str, Vary]
    seeds: int | None
    seed_base: int
    depth: str
    strict: bool


OWN_CASES = "a loss of your own needs cases=, a case file that names its reference"
# The options that belong to an implementation.
DECLARED = {field.name for field in fields(Implementation)} & Options.__annotations__.keys()


@dataclass(frozen=True)
class Question:
    """A loss, the implementation that is asked for it, and the draws: what `Options` come to."""

    loss: str
    implementation: Implementation
    cases: Path
    only: Sequence[str] | None
    exclude: Sequence[str]
    seeds: int | None
    seed_base: int
    depth: str
    strict: bool = False

    @cached_property
    def scenarios(self) -> list[Scenario]:
        """The scenarios of the case file. Raises Misdeclared if it is another loss's."""
        found = [self.implementation.asked(one) for one in load(self.cases, served([self.implementation]))]
        if found[0].loss != self.loss:
            raise Misdeclared(f"{self.cases} holds the cases of {found[0].loss}, not of {self.loss}")
        return found

    @property
    def contract(self) -> Contract:
        """What the implementation answers to for the loss."""
        return self.implementation.contract(self.scenarios[0].signature)

    @cached_property
    def every(self) -> list[Point]:
        """The points of the case file in their order: those that see most wrong losses come first."""
        return ordered(
            point
            for scenario in self.scenarios
            if self.depth == "deep" or scenario.case.depth == "default"
            for point in expand(scenario)
        )

    @cached_property
    def wanted(self) -> list[Point]:
        """The points that `only` and `exclude` mean."""
        return [point for point in self.every if self._wants(point)]

    @property
    def points(self) -> list[Point]:
        """The points that are to be run: of those that are wanted the head at depth smoke, else all."""
        return head(self.wanted) if self.depth == "smoke" else self.wanted

    def _wants(self, point: Point) -> bool:
        if self.implementation.alone(self.loss) and not point.plain:
            return False
        return (self.only is None or self.means(point, self.only)) and not self.means(point, self.exclude)

    def means(self, point: Point, texts: Sequence[str]) -> bool:
        """Whether one of the texts, ids, patterns of ids or expressions of facts, means the point."""
        from parity.engine.facts import meant

        return bool(texts) and meant(point, self.seeds_of(point), texts)

    def seeds_of(self, point: Point) -> range:
        """The seeds of a point's draws."""
        return seeds_of(point, self.seeds, self.seed_base, self.depth)


def points(loss: str, implementation: Implementation, cases: Path | None = None) -> list[Point]:
    """The points of a loss's case file, by default the shipped one."""
    (question,) = asked(loss, implementation, {"cases": cases})
    return question.points


def asked(
    loss: str | Library, function: Function | Implementation | None, options: Mapping[str, Any]
) -> list[Question]:
    """What the options come to, a question a loss. Raises Misdeclared with a sentence for those that mean nothing."""
    known = Options.__annotations__
    for word in options.keys() - known.keys():
        raise Misdeclared(f"there is no option {word!r}{nearest(word, known)}")
    seeds, base, depth = options.get("seeds"), options.get("seed_base", 0), options.get("depth", "default")
    for word, value, least in (("seeds", seeds, 1), ("seed_base", base, 0)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (value is None and word == "seeds") and not (whole and int(value or 0) >= least):
            raise Misdeclared(f"{word} is {value!r}, expected a whole number >= {least}")
    if depth not in DEPTHS:
        raise Misdeclared(f"there is no depth {depth!r}{nearest(depth, DEPTHS)}")
    only, exclude = _selections("only", options.get("only")), _selections("exclude", options.get("exclude"))
    cases, several = options.get("cases"), not isinstance(loss, str)
    if isinstance(loss, str) and loss not in losses.LOSSES and cases is None:
        raise Misdeclared(f"there is no loss {loss!r}{_nearest(loss)}; {OWN_CASES}")
    strict = bool(options.get("strict"))
    implementation = _declared(loss, function, {word: options[word] for word in (*DECLARED, "name") if word in options})
    questions = [
        Question(name, implementation, _cases(name, cases, several), only, exclude or (), seeds, base, depth, strict)
        for name in (implementation.losses if several else [str(loss)])
    ]
    if not questions:
        raise Misdeclared(f"{implementation.name} has no loss")
    for pattern in exclude or ():
        if not any(question.means(point, [pattern]) for question in questions for point in question.every):
            raise Misdeclared(f"exclude={pattern!r} matches no point")
    return questions


def _declared(
    loss: str | Library, function: Function | Implementation | None, declared: Mapping[str, Any]
) -> Implementation:
    """The implementation that is asked."""
    if "reference" in declared and declared["reference"] is None and not isinstance(loss, str):
        has = getattr(loss, "losses", loss)
        declared = {**declared, "reference": dict.fromkeys(has if isinstance(has, Mapping) else _of_module(has))}
    if isinstance(loss, str):
        declared = {**declared, **{word: {loss: declared[word]} for word in ("reference", "vary") if word in declared}}
        if function is None:
            raise Misdeclared(f"no function to check is given: write parity.check({loss!r}, function)")
        if not isinstance(function, Implementation):
            return Implementation(**{"name": "yours", "losses": {loss: function}, **declared})
        if loss not in function.losses:
            raise Misdeclared(f"{function.name} has no {loss}{nearest(loss, function.losses)}")
        return replace(function, **declared)
    if function is not None:
        turned = f": write parity.check({function!r}, ...)" if isinstance(function, str) else ""
        raise Misdeclared(f"the first of two is {type(loss).__name__}, expected the name of a loss{turned}")
    if isinstance(loss, Implementation):
        return replace(loss, **declared)
    if isinstance(loss, Mapping):
        return Implementation(**{"name": "yours", "losses": dict(loss), **declared})
    if isinstance(loss, ModuleType):
        found = _of_module(loss)
        if not found:
            raise Misdeclared(f"the module {loss.__name__} has no function that is called as a loss of torch is")
        return Implementation(**{"name": loss.__name__, "losses": found, **declared})
    named = getattr(loss, "__name__", type(loss).__name__)
    word = named if named in losses.LOSSES else "cross_entropy"
    raise Misdeclared(f"the name of the loss comes first: write parity.check({word!r}, {named})")


def _of_module(module: object) -> dict[str, Function]:
    """What a module has under the names of torch's losses."""
    return {name: getattr(module, name) for name in losses.LOSSES if callable(getattr(module, name, None))}


def _cases(loss: str, cases: Path | str | None, several: bool) -> Path:
    if cases is None and loss not in losses.LOSSES:
        raise Misdeclared(f"there is no loss {loss!r}{_nearest(loss)}; {OWN_CASES}")
    own = None if cases is None else Path(cases, f"{loss}.yaml") if several or Path(cases).is_dir() else Path(cases)
    shipped = own is None or (several and not own.is_file() and loss in losses.LOSSES)
    return case_file(loss) if own is None or shipped else own


def _nearest(loss: str) -> str:
    """The loss that is meant, by the name of torch's class too: CrossEntropyLoss, MSELoss."""
    classes = {_bare(name): name for name in losses.LOSSES}
    return nearest(classes.get(_bare(loss), loss), losses.LOSSES)


def _bare(name: str) -> str:
    return name.replace("_", "").lower().removesuffix("loss")


def _selections(option: str, given: Any) -> list[str] | None:
    if given is None:
        return None
    found = [given] if isinstance(given, str) else list(given)
    if not found or not all(isinstance(text, str) for text in found):
        raise Misdeclared(
            f"{option} is {given!r}, expected an id, a pattern of ids, an expression of facts, or several"
        )
    try:
        for text in found:
            selection(text)
    except Misspelt as error:
        raise Misdeclared(f"{option}: {error}") from None
    return found


def unmatched(questions: Sequence[Question]) -> list[str]:
    """A sentence for each expected failure that means no point."""
    implementation = questions[0].implementation
    points = [(one, point) for one in questions if implementation.expected_failures for point in one.every]
    ids = [point.id for _, point in points[:2000]]
    return [
        f"the expected failure {text!r} of {implementation.name} matches no point"
        + (nearest(text, ids) if "/" in text else "")
        for text in implementation.expected_failures
        if not any(one.means(point, [text]) for one, point in points)
    ]

"""How a callable is to be called: its own name for each argument of a loss, read from its signature before it runs."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from parity.cases.errors import nearest
from parity.cases.signature import Signature
from parity.frameworks.callables import chosen
from parity.types import Differentiator

_POSITIONAL, _VAR_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL
_EITHER = inspect.Parameter.POSITIONAL_OR_KEYWORD
_VAR_KEYWORD, _EMPTY = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.empty
_ALIKE = 0.75  # as alike as 'targets' and 'target', or 'ignore_idx' and 'ignore_index'
# What people call torch's arguments.
_SYNONYMS: dict[str, str] = {
    "input": "logits x pred preds prediction predictions predicted y_pred y_hat yhat scores output outputs inputs a q",
    "target": "labels label y y_true targets gt truth ground_truth t b p",
    "weight": "weights class_weight class_weights ce_weight w",
    "pos_weight": "positive_weight pos_weights",
    "ignore_index": "ignored_index ignore_id ignore_label padding_idx pad_id",
    "label_smoothing": "smoothing smooth epsilon",
    "input1": "x1 a", "input2": "x2 b", "anchor": "a query", "positive": "p pos", "negative": "n neg",
    "var": "variance sigma2", "log_probs": "logits log_probabilities", "targets": "labels target",
    "input_lengths": "logit_lengths in_lengths", "target_lengths": "label_lengths out_lengths",
    "linear_weight": "weight w", "margin": "m", "delta": "threshold", "beta": "threshold",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a call by position: the argument of the loss that goes there ('' for none), and what else does.

    `open` says that the callable has no default of its own there.
    """

    argument: str
    default: Any
    open: bool = True


@dataclass(frozen=True, slots=True)
class Naming:
    """How one callable is called for one loss.

    `names` maps arguments of the loss to its own names for them, where they differ; `slots` are the places of those
    that go by position, `order` of all that may. `absent` are the arguments that it does not name, all of which may be
    left out; `proposed` are pairs of names that look alike. `defaults` are those of its own that are not the loss's, by
    the loss's names. `problem` says why it cannot be called at all.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    order: tuple[Slot, ...] = ()
    absent: tuple[str, ...] = ()
    proposed: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    def applied(
        self, function: Callable[..., Any], output: int | str | None = None, by_position: bool = False
    ) -> Callable[..., Any]:
        """The callable as a function of the loss's own names, which returns its output alone if that is a part.

        With `by_position` it hands on by position, in the callable's own order, what may go so.
        """
        slots, names = self.order if by_position else self.slots, dict(self.names)
        if not slots and not names and output is None:
            return function
        own = {theirs: name for name, theirs in names.items()}

        def call(**arguments: Any) -> Any:
            positional = list(_filled(slots, arguments)) if slots else ()
            found = function(*positional, **{names.get(name, name): value for name, value in arguments.items()})
            if output is not None:
                found = chosen(found, output)
            return _renamed(found, own) if own else found

        call.__wrapped__ = function  # type: ignore[attr-defined]  # so that compiled code is still seen inside
        return call


def _filled(slots: Sequence[Slot], arguments: dict[str, Any]) -> Iterator[Any]:
    """Takes the arguments that go by position out of a call, in their order, up to the last that is needed."""
    needed = [place for place, slot in enumerate(slots, 1) if slot.open or slot.argument in arguments]
    for slot in slots[: max(needed, default=0)]:
        value = arguments.pop(slot.argument, slot.default)
        if value is _EMPTY:
            raise TypeError(f"the call has no {slot.argument}")
        yield value


def _renamed(found: Any, own: Mapping[str, str]) -> Any:
    """What a function of arrays returned, its gradients by the loss's names; anything else as it is."""
    if not (isinstance(found, tuple) and len(found) == 2 and callable(found[1])) or isinstance(
        found[1], Differentiator
    ):
        return found
    output, vjp = found

    def renamed(grad_output: Any) -> Any:
        gradients = vjp(grad_output)
        if not isinstance(gradients, dict):
            return gradients
        return {own.get(name, name): gradient for name, gradient in gradients.items()}

    return output, renamed


class Misnamed(ValueError):
    """A declaration of names that means nothing for the loss or the callable."""


def naming(
    loss: Signature, taken: inspect.Signature | None, declared: Mapping[str, str] | Sequence[str] = (),
) -> Naming:  # fmt: skip
    """How a callable that takes `taken` (None: nothing tells) is called for the loss.

    `declared` maps arguments of the loss to the callable's names, or lists those that it takes by position, in order.
    Raises Misnamed with a sentence for a name that is not there.
    """
    pairs = declared if isinstance(declared, Mapping) else {}
    for name in declared:
        if not loss.takes(name):
            raise Misnamed(f"{loss.loss} has no argument {name!r}{nearest(name, loss.names)}")
    if declared and not isinstance(declared, Mapping):
        order = tuple(Slot(name, loss.default(name), open=False) for name in declared)
        missing = [name for name in loss.required if name not in declared]
        problem = f"{loss.loss} needs {' and '.join(missing)}, which arguments does not list" if missing else ""
        absent = tuple(name for name in loss.names if name not in (*declared, *missing))
        return Naming(slots=order, order=order, absent=absent, problem=problem)
    if taken is None:
        return Naming(names={name: own for name, own in pairs.items() if name != own})
    parameters = list(taken.parameters.values())
    kinds = {parameter.kind for parameter in parameters}
    named = [parameter for parameter in parameters if parameter.kind not in (_VAR_POSITIONAL, _VAR_KEYWORD)]
    if not named and _VAR_POSITIONAL in kinds and _VAR_KEYWORD not in kinds:  # *args alone
        every = tuple(Slot(name, loss.default(name), open=False) for name in loss.names)
        return Naming(slots=every, order=every)
    theirs = [parameter.name for parameter in named]
    for name, own in pairs.items():
        if own not in theirs and _VAR_KEYWORD not in kinds:
            raise Misnamed(
                f"arguments names {own!r} for {name}, which the function does not take{nearest(own, theirs)}"
            )
    return _matched(loss, named, dict(pairs), _VAR_KEYWORD in kinds)


def _matched(loss: Signature, named: list[inspect.Parameter], pairs: dict[str, str], others: bool) -> Naming:
    """The arguments of the loss beside the callable's parameters; `others` if it takes any by name."""
    found = pairs | {p.name: p.name for p in named if loss.takes(p.name) and p.name not in {*pairs, *pairs.values()}}
    unnamed = [name for name in loss.names if name not in found]
    free = [parameter for parameter in named if parameter.name not in found.values()]
    places = [parameter.name for parameter in named if parameter.kind is _POSITIONAL]
    alike = _alike(loss, unnamed, [parameter.name for parameter in free if parameter.default is _EMPTY or not others],
                   {parameter.name for parameter in free if parameter.default is _EMPTY})  # fmt: skip
    # a name that cannot be used in a call binds nobody
    for name in [name for name, own in alike.items() if own in places]:
        found[name] = alike.pop(name)
    absent = () if others else tuple(name for name in loss.names if name not in found and name not in loss.required)
    back = {own: name for name, own in found.items()}
    needs = [p.name for p in named if p.default is _EMPTY and p.name not in back]
    lacking = [name for name in loss.required if name not in found and not (others and not needs)]
    names = {name: own for name, own in found.items() if name != own}
    order = tuple(_slot(loss, back.get(p.name, ""), p) for p in named if p.kind in (_POSITIONAL, _EITHER))
    problem = _mismatched(loss, lacking, needs, alike, [p.name for p in named]) if lacking or needs else ""
    defaults = {
        name: p.default
        for p in named
        if (name := back.get(p.name, "")) and _EMPTY not in (p.default, loss.default(name))
        and not same(p.default, loss.default(name))
    }  # fmt: skip
    return Naming(names, order[: len(places)], order, absent, alike, defaults, problem)


def same(value: Any, default: Any) -> bool:
    """Whether a value is that of a default."""
    return value is default or (isinstance(value, bool | int | float | str) and bool(value == default))


def _slot(loss: Signature, name: str, parameter: inspect.Parameter) -> Slot:
    """The place of a parameter; where it has no default, the loss's own is given."""
    own = parameter.default
    return Slot(name, own, open=False) if own is not _EMPTY else Slot(name, loss.default(name))


def _alike(loss: Signature, unnamed: list[str], free: list[str], needed: set[str]) -> dict[str, str]:
    """Pairs of a loss's argument and a free name that look as if they meant the same; what is needed last by place."""
    pairs: dict[str, str] = {}

    def left() -> list[str]:
        return [own for own in free if own not in pairs.values()]

    for name in unnamed:
        known = _SYNONYMS.get(name, "").split()
        close = [own for own in left() if own.lower() in known] or get_close_matches(name, left(), 1, _ALIKE)
        if close:
            pairs[name] = close[0]
    missing = [name for name in unnamed if name in loss.required and name not in pairs]
    rest = [own for own in left() if own in needed]
    if missing and len(missing) <= len(rest):
        pairs |= dict(zip(missing, rest, strict=False))
    return {name: pairs[name] for name in unnamed if name in pairs}


def _mismatched(
    loss: Signature, lacking: list[str], needs: list[str], alike: Mapping[str, str], theirs: list[str]
) -> str:
    """The sentence about names that cannot be matched, with the pairs that are obvious."""
    pairs = {name: own for name, own in alike.items() if name in lacking or own in needs}
    unmatched = [name for name in lacking if name not in pairs]
    unbound = [own for own in needs if own not in pairs.values()]
    if unmatched:
        sentence = f"nothing that it takes answers to {' and '.join(unmatched)}: it takes ({', '.join(theirs)})"
        return f"{sentence}; declare arguments={{{unmatched[0]!r}: ...}}"
    sentences = []
    if unbound:
        word = "has no default and is not an argument" if len(unbound) == 1 else "have no default and are not arguments"
        sentences.append(f"its {' and '.join(unbound)} {word} of {loss.loss}: bind it with functools.partial")
    if pairs:
        obvious = ", ".join(f"{name} seems to be its {own}" for name, own in pairs.items())
        sentences.append(f"{obvious}: declare arguments={dict(pairs)!r}")
    return "; ".join(sentences)

"""The smallest examples of causes that were read from a file: asked again of the implementations that it names."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from parity.causes.cause import Cause, Unshrinkable
from parity.causes.example import PRINTED, Example
from parity.implementations.declaration import Implementation
from parity.wording import in_words

Points: TypeAlias = Callable[[Path, Implementation], Mapping[str, Any]]
# So many causes are made as small as they get, which takes a second or two each; the others get a quarter of one, as
# long as all of them together take no more than REST.
ASKED, QUICK, REST = 3, 0.25, 15.0


def asked_again(causes: Sequence[Cause], header: Mapping[str, Any]) -> dict[int, Example | str]:
    """The smallest example of each cause by its place, or a sentence that says how to get it.

    Of a cause that is `live` its own implementation is asked, of another the one of its name in the header of the
    records, where that can be imported and the case file lies where the record says. The first causes come out the
    smallest; of a great many the last ones have a command alone.
    """
    named = header.get("implementations")
    known = dict(_imported(named)) if causes and isinstance(named, list) else {}
    points_of = cache(_points)
    found: dict[int, Example | str] = {}
    end = float("inf")
    for place, cause in enumerate(causes):
        implementation = known.get(cause.implementation)
        command = f"`parity show {cause.example.id!r} {_name(implementation, cause)}` shows its numbers."
        if place == ASKED:
            end = time.monotonic() + REST
        if time.monotonic() > end:
            found[place] = f"No program is made for it, since those of the causes before it took {REST:g} s. {command}"
            continue
        try:
            live = cause.live or _live(cause, implementation, points_of)
            example = live.shrunk(cause.seen[0], QUICK if place >= ASKED else None)
            found[place] = example
            if example.numbers > PRINTED:
                found[place] = f"No call with fewer than {example.numbers:,} numbers shows it. {command}"
        except Unshrinkable as error:
            found[place] = f"No smaller example: {error}. {command}"
        except Exception as error:  # a help to read a report must not cost the report
            found[place] = f"No smaller example: {in_words(error)}. {command}"
    return found


def _imported(names: Sequence[Any]) -> Any:
    """The implementations that can be imported, by the names that their records have."""
    from parity.implementations.registry import named

    for name in names:
        try:
            implementation = named(str(name))
        except (Exception, SystemExit):  # whatever a module of others does when it is imported
            continue
        yield implementation.name, implementation


def _name(implementation: Implementation | None, cause: Cause) -> str:
    known = implementation.origin if implementation is not None else None
    return known or f"MODULE:FUNCTION of {cause.implementation}"


def _live(cause: Cause, implementation: Implementation | None, points: Points) -> Any:
    """What the points of a cause can be asked of. Raises Unshrinkable with a sentence if that is not here."""
    from parity.causes.shrink import Here, Live

    if implementation is None:
        raise Unshrinkable(f"{cause.implementation} cannot be imported here")
    path = _case_file(cause)
    place: Any = partial(_apart, implementation)
    if implementation.trusted:
        place = partial(nullcontext, Here(implementation))
    return Live(implementation, partial(points, path, implementation), place, not implementation.trusted)


def _case_file(cause: Cause) -> Path:
    """The case file of the loss, which may have the scenario from a folder of shared ones beside it."""
    path, loss = Path(cause.example.path), cause.example.loss
    there = [folder / f"{loss}.yaml" for folder in (path.parent, path.parent.parent)] + [path]
    found = next((one for one in there if one.is_file()), None)
    if found is None:
        raise Unshrinkable(f"{path} is not here")
    return found


def _apart(implementation: Implementation) -> AbstractContextManager[Any]:
    from parity.engine.isolation import Isolated

    return Isolated(implementation)


def _points(path: Path, implementation: Implementation) -> dict[str, Any]:
    from parity.cases.load import load
    from parity.cases.points import expand
    from parity.implementations.registry import served

    scenarios = load(path, served([implementation]))
    return {point.id: point for one in scenarios for point in expand(implementation.asked(one))}

"""Arguments that are changed between forward and backward, or two calls: what is saved for the one may not follow, for
the other must.
"""

from collections.abc import Iterator

import numpy as np

from parity.comparison import observe
from parity.engine.asking import Draw
from parity.engine.crumbs import at
from parity.implementations.lacks import SAVED
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.types import Array, Clause, Differentiator, Gradients, NotOffered
from parity.wording import in_words


def kept_inputs(draw: Draw) -> Iterator[Mismatch]:
    """An argument that is changed in place between two calls: the second answers of what it holds by then.

    As a weight does after each step of an optimizer, of which a function may keep a copy by its address.
    """
    pair, vjp = draw.pair, draw.answer.vjp
    repeats = Clause.REPEATABLE not in pair.contract.granted
    if SAVED not in pair.case.observe or pair.contract.lacks_saved or not (repeats and isinstance(vjp, Differentiator)):
        return
    for name, value in draw.drawn.arguments.items():
        if not isinstance(value, np.ndarray):
            continue
        at(f"in a call after {name} has changed", draw.seed)
        other = _other(value)
        try:
            wanted = pair.reference(**draw.drawn.arguments | {name: other})[0]
            later, anew = vjp.changed_between(name, other)
        except NotOffered:
            return
        except Exception:  # other numbers may be refused
            continue
        if not observe.same(name, anew, later) or not _near(later, wanted):
            yield observe.unseen_change(name)


def _other(values: Array) -> Array:
    """The same numbers in another order, which have the same sum; 0 in their place where that would be no change."""
    turned = np.ascontiguousarray(np.flip(values)).reshape(values.shape)
    return np.zeros_like(values) if values.tobytes() == turned.tobytes() else turned


def _near(found: Array, wanted: Array) -> bool:
    """Whether an answer is about the one that is wanted: one of other numbers is another."""
    if found.shape != wanted.shape or not found.size:
        return True
    size = float(np.max(np.abs(wanted), initial=0, where=np.isfinite(wanted)))
    return bool(np.allclose(found, wanted, rtol=0.01, atol=0.01 * size, equal_nan=True))


def saved_inputs(draw: Draw) -> Iterator[Mismatch]:
    """An argument, or the output, changed in place between the forward and the backward: refused, or of no matter.

    What torch refuses, or is not moved by, may not move the implementation. Where torch's own gradients follow the
    change, nothing is known.
    """
    pair, vjp, reference = draw.pair, draw.answer.vjp, draw.reference.vjp
    if SAVED not in pair.case.observe:
        return
    if pair.contract.lacks_saved or not isinstance(vjp, Differentiator):
        pair.record.not_offered.append(SAVED)
        return
    arrays = [name for name, value in draw.drawn.arguments.items() if isinstance(value, np.ndarray)]
    for name in [*arrays, "output"]:
        at(f"in a backward after {name} has changed", draw.seed)
        how = "halved" if name == "output" else "set to 0"
        asked = f"{name} {how} in place between forward and backward, "
        try:
            wanted: Gradients | None = reference.after_change(name, draw.grad_output)
        except RuntimeError:
            wanted = None
        if wanted and any(draw.expected.compare(one, gradient)[2] for one, gradient in wanted.items()):
            continue
        try:
            found = vjp.after_change(name, draw.grad_output)
        except NotOffered:
            pair.record.not_offered.append(SAVED)
            return
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if wanted is not None:
                raised = {"error": in_words(error)}
                yield Mismatch(Subject.GRADIENT, Kind.RAISES, event=Event.PARTLY, figures=raised, asked=asked)
            continue
        for one, gradient in found.items():
            problem = draw.expected.compare(one, gradient)[2] if draw.compares(one) else None
            if problem:
                problem.asked = asked + ("which torch refuses, " if wanted is None else "")
                yield problem

"""Losses of the user's own, which a case file defines by naming their reference: is each of them defined?"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from parity.plugin.claim import loss_of

if TYPE_CHECKING:
    from parity.plugin.run import Run

# As alike as 'cros_entropy' and 'cross_entropy': a slip, and no loss of one's own.
SLIP = 0.85


def undefined(run: Run) -> Iterator[tuple[str, bool]]:
    """A sentence for each loss of an implementation that no case file defines, and whether it is a slip of the pen.

    A case file defines a loss if it was collected, or lies in a folder that `parity_cases` names.
    """
    from parity.cases.errors import nearest
    from parity.losses import LOSSES

    own = [(one.name, loss) for one in run.implementations for loss in one.losses if loss not in LOSSES]
    if not own:
        return
    defined = {*run.defined, *(loss for folder in run.claim.folders for loss in _defined(folder))}
    for name, loss in own:
        if loss not in defined:
            slip = get_close_matches(loss, {*LOSSES, *defined}, n=1, cutoff=SLIP)
            hint = nearest(loss, slip) if slip else ": nothing of it was compared"
            yield f"{name} has {loss}, which neither torch has nor a case file here defines{hint}", bool(slip)


def _defined(folder: Path) -> Iterator[str]:
    """The losses that the case files in a folder are about."""
    for path in sorted(folder.rglob("*.y*ml")):
        loss = loss_of(path)
        if loss:
            yield loss

"""What an implementation may promise beyond what torch does; where it does, that is looked at."""

from collections.abc import Collection

from parity.implementations.grants import scoped
from parity.spelling import nearest

# The same rows give the same bits, whatever stands beside them in the batch.
BATCH = "batch invariance"
PROMISES = (BATCH,)


def promised(entries: Collection[str], served: Collection[str]) -> dict[str, frozenset[str]]:
    """The promises by loss; those of '' are of all. Raises ValueError with a sentence for what means nothing."""
    if isinstance(entries, str):
        raise ValueError(f"promises is the text {entries!r}, expected a list of texts")
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        loss, word = scoped(str(entry), served)
        if word not in PROMISES:
            raise ValueError(f"nothing that may be promised is called {entry!r}{nearest(word, PROMISES)}")
        if loss and loss not in served:
            raise ValueError(f"promises names {loss!r}{nearest(loss, served)}")
        found[loss] = found.get(loss, frozenset()) | {word}
    return found

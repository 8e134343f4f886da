"""A misspelt word -> the nearest right one, as the end of a sentence."""

from bisect import bisect
from collections.abc import Iterable
from difflib import get_close_matches

# Among so many words the nearest is looked for, and by so many characters of each; of more words, among the few
# beside the misspelt one in the alphabet.
WORDS = 100
BESIDE = 20
COMPARED = 40
LISTED = 1000
# A word that is to be taken over is cut where it is longer than any that there is.
WHOLE = 300


def nearest(word: object, words: Iterable[str]) -> str:
    """'; did you mean ...?' with the word nearest to a misspelt one, or the words there are."""
    known, text = sorted(words), str(word)[:80]
    after = bisect(known, text)
    likely = known if len(known) <= WORDS else known[max(after - BESIDE, 0) : after + BESIDE]
    of = {one[:COMPARED]: one for one in reversed(likely)}
    close = get_close_matches(text[:COMPARED], of, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {quoted(of[close[0]], WHOLE)}?"
    listed = ", ".join(known)
    return f"; expected one of {listed}" if 0 < len(known) <= 40 and len(listed) <= LISTED else ""


def quoted(text: str, most: int = 60) -> str:
    """A text in quotes, cut short if it is longer than `most` characters."""
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")

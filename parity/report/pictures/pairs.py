"""Which options and facts occur together in compared points, and where the failures are: a triangle for each loss."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from parity.dtypes import FLOATING
from parity.facts.words import WORDS
from parity.records.record import Record
from parity.report.headline import compared
from parity.report.pictures.canvas import WIDTH, Panel
from parity.report.pictures.picture import Picture, beside

SLUG, TITLE = "pairs", "Pairs of options and facts"
MOST = 20
CELL = 11.0
TOP, LEFT = 64, 4
# Up to so many points a cell is of this shade.
SHADES = ((3, "few"), (20, "some"), (100, "many"), (float("inf"), "most"))
# Families of facts that are an option's doing or what it is combined with; the others describe numbers.
ORDER = ("option", "dtype", "shape", "size")
LEAST, TOLD = 3, 5
# The side of the square that marks a pair's failures, by the part of its points that fail.
MARKS = ((0.1, 0.3), (0.5, 0.5), (0.99, 0.7), (1.0, 1.0))


def pairs(records: Sequence[Record]) -> Picture | None:
    """The picture, with a panel for each loss, those with failures first; None if nothing was compared."""
    losses: dict[str, list[Record]] = {}
    for record in records:
        if compared(record) and record.facts:
            losses.setdefault(record.loss, []).append(record)
    failing = Counter(record.loss for some in losses.values() for record in some if record.unexpected)
    facts: dict[str, Any] = {}
    panels = []
    for loss in sorted(losses, key=lambda loss: (-failing[loss], loss)):
        words = _words(losses[loss])
        if len(words) >= LEAST:
            panels.append(_panel(loss, losses[loss], words, failing[loss], facts))
    if not panels:
        return None
    caption = (
        "A cell is a pair of what a call can have: the word at the right end of its row, and the one below which it "
        "stands. The stronger its colour, the more points were compared that have both; where there is no cell, none "
        "was, be it that no case has the pair or that it cannot be. Squares mark pairs with points that fail: small "
        "for up to a tenth of its points, full for all of them. Losses with failures come first."
    )
    return Picture(SLUG, TITLE, caption, beside(panels), facts)


def _words(records: Sequence[Record]) -> list[str]:
    """The words that tell points of a loss apart, the most frequent first; an option at its default is one of them."""
    count = Counter(word for record in records for word in record.facts if _shown(word))
    several = {word.partition("=")[0] for word in count if "=" in word}
    told = [
        word for word, points in count.items()
        # an option that has a value is told by it, and what all points have tells nothing
        if points < len(records) and not ("=" not in word and word in several and word not in WORDS)
    ]  # fmt: skip
    frequent = sorted(told, key=lambda word: (-count[word], word))[:MOST]
    return sorted(frequent, key=lambda word: (_family(word), word.partition("=")[0], -count[word], word))


def _family(word: str) -> int:
    """Options stand before dtypes, shapes and sizes."""
    return ORDER.index(WORDS[word].family) if word in WORDS else 0


def _shown(word: str) -> bool:
    if word in WORDS:
        return WORDS[word].family in ORDER and (WORDS[word].family != "dtype" or word in FLOATING or " " in word)
    return not word.endswith(" strided") and not word.startswith("_")


def _panel(loss: str, records: Sequence[Record], words: Sequence[str], failing: int, facts: dict[str, Any]) -> str:
    together, failed = _counts(records, words), _counts((record for record in records if record.unexpected), words)
    size = len(words)
    height = round(TOP + CELL * size + 12)
    field = WIDTH - LEFT, height - TOP - 12
    panel = Panel(loss, height, (0, field[0] / CELL), (field[1] / CELL, 0), (LEFT, 0, TOP, 12))
    number = f"{len(records):,} points" + (f", {failing:,} fail" if failing else "")
    panel.write(WIDTH, 14, number, "leaves" if failing else "soft", "right")
    _key(panel, bool(failing))
    cells: dict[tuple[str, float], list[tuple[int, int]]] = {}
    for place, points in sorted(together.items()):
        cells.setdefault((next(name for most, name in SHADES if points <= most), 1.0), []).append(place)
    for place, points in sorted(failed.items()):
        side = next(side for most, side in MARKS if points / together[place] <= most)
        cells.setdefault(("leaves", side), []).append(place)
    for (shade, side), places in cells.items():
        _squares(panel, places, shade, side)
    for row, word in enumerate(words):
        panel.label(row + 1, row + 0.5, word, offset=(2, 0))
    missing = size * (size - 1) // 2 - sum(row != column for row, column in together)
    apart = [(f"{words[column]} with {words[row]}", n) for (row, column), n in failed.most_common() if row != column]
    facts[loss] = {
        "words": list(words), "points": len(records), "failing": failing, "pairs without a point": missing,
        "failing pairs": dict(apart[:TOLD]),
    }  # fmt: skip
    worst = "; ".join(f"{pair}: {count:,}" for pair, count in apart[:TOLD])
    described = f"{number}. {missing:,} of {size * (size - 1) // 2:,} pairs have no point."
    return panel.svg(f"{SLUG}-{loss}", f"{TITLE} of {loss}", described + (f" Most failures: {worst}." if worst else ""))


def _counts(records: Iterable[Record], words: Sequence[str]) -> Counter[tuple[int, int]]:
    """How many points have both words, by their places, and on the diagonal how many have the one."""
    place = {word: number for number, word in enumerate(words)}
    found: Counter[tuple[int, int]] = Counter()
    for record in records:
        held = sorted((place[word] for word in record.facts if word in place), reverse=True)
        found.update(combinations(held, 2))
        found.update((one, one) for one in held)
    return found


def _squares(panel: Panel, places: Sequence[tuple[float, float]], shade: str, side: float) -> None:
    """Squares in the middle of cells, as short thick lines: of what draws them these are the fewest letters."""
    half, middle = side * (CELL - 1) / CELL / 2, 0.5 + 0.5 / CELL  # so that most are at whole pixels
    xs = [x for _, column in places for x in (column + middle - half, column + middle + half, float("nan"))]
    ys = [row + middle for row, _ in places for _ in range(3)]
    panel.lines(xs, ys, shade, side * (CELL - 1), zorder=3 if shade == "leaves" else 2)


def _key(panel: Panel, failing: bool) -> None:
    """What the shades mean, in a line below the title."""
    x, y, least = 0.0, (42 - TOP) / CELL, 1
    texts = []
    for most, shade in SHADES:
        texts.append((shade, f"{least:g}–{most:g}" if most < float("inf") else f"{least:g} and more"))
        least = int(most) + 1 if most < float("inf") else 0
    for shade, text in [*texts, ("leaves", "fail")][: len(texts) + failing]:
        _squares(panel, [(y - 0.5, x)], shade, 1.0)
        panel.write(LEFT + CELL * (x + 1.2), 46, text, "leaves" if shade == "leaves" else "soft")
        x += 1.9 + len(text) * 0.56

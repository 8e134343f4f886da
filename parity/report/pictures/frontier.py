"""The stability frontier: where the formulas of textbooks end, and how the NumPy losses and torch go on."""

import math
from collections.abc import Sequence
from typing import Any

from parity.libraries import textbook
from parity.plain import visible
from parity.records.record import Record
from parity.report.pictures.accuracy import logarithms
from parity.report.pictures.canvas import WIDTH, Panel
from parity.report.pictures.picture import Picture, beside
from parity.report.pictures.stability import ANSWERS, DTYPES, Frontier, frontier
from parity.report.text import ulp_figure

SLUG, TITLE = "frontier", "The stability frontier"
# Colour, width and dashes: the sides lie on each other where they are alike.
SIDES: dict[str, tuple[str, float, Any]] = {
    "textbook": ("textbook", 1.6, (0, (1, 1.2))), "torch": ("torch", 2.6, (0, (4, 2))), "numpy": ("ours", 1.2, "-"),
}  # fmt: skip
# Beyond this power of ten so many times more magnitudes stand in the same room.
BROKEN, PRESSED = 3.0, 25.0
NAMES = {"output": "output", "input": "gradient"}
# The logarithms of an ulp that are shown, and where an answer that is no number is put; words stand between.
LOW, HIGH, NONE, WORDS = -1.0, 8.0, 11.2, 9.3
# The field of the output stands above that of the gradient.
BASES = {"output": 14.6, "input": 0.0}
TICKS = [(0.0, "1"), (4.0, "10⁴"), (8.0, "≥10⁸")]


def stability(records: Sequence[Record]) -> Picture | None:
    """The picture, of the losses among the records that a textbook has; None if it has none of them."""
    losses = [loss for loss in textbook.LOSSES if any(record.loss == loss for record in records)]
    found = [measured for dtype in DTYPES for loss in losses if (measured := frontier(loss, dtype)).errors]
    if not found:
        return None
    facts: dict[str, Any] = {}
    panels = [_panel(one, facts) for one in found]
    caption = (
        "The worst error in ulp while the logits grow to the largest number of the dtype: the formulas as tutorials "
        "print them, parity's NumPy losses, and torch; all with the same bits, the exact answer by torch in float64. "
        "Probabilities are the sigmoid of such logits. At the top of each field an answer is nan or infinite where the "
        "exact one is a number of the dtype. A gradient that is nearly 0 loses its digits on every side alike."
    )
    return Picture(SLUG, TITLE, caption, beside(panels), facts)


def _panel(one: Frontier, facts: dict[str, Any]) -> str:
    end = _place(one, one.magnitudes[-1])
    top = BASES["output"] + NONE + 1.2
    panel = Panel(one.loss, 320, (0.0, end), (LOW - 0.6, top), (38, 12, 48, 34))
    panel.write(WIDTH, 14, one.dtype, "soft", "right")
    x = 0.0
    for side, (colour, width, dash) in SIDES.items():
        if side in one.errors:
            panel.sample(x, 33, colour, width, dash)
            panel.write(x + 26, 36, side, colour)
            x += 34 + 6.2 * len(side) + 12
    powers = [*range(int(BROKEN) + 1), math.floor(math.log10(one.magnitudes[-1]))]
    ticks = [(_place(one, 10.0**power), "1" if not power else f"10{raised(power)}") for power in powers]
    panel.grid(ticks, "magnitude of the logits (log scale" + (", narrower beyond 10³)" if powers[-1] > 9 else ")"))
    levels = [base + place for base in BASES.values() for place, _ in TICKS for _ in range(3)]
    panel.lines([0, end, math.nan] * (len(levels) // 3), levels, "line", 0.8, zorder=0)
    told = []
    for answer, base in BASES.items():
        panel.area([0, end, end, 0], [base + y for y in (NONE - 0.9, NONE - 0.9, NONE + 0.9, NONE + 0.9)], "wash")
        for place, text in TICKS:
            panel.label(0, base + place, text, "soft", ha="right", offset=(-5, 0))
        panel.label(0, base + NONE, "nan, ∞", "soft", ha="right", offset=(-3, 0), size=9.5)
        panel.label(end, base + WORDS, f"{NAMES[answer]}, ulp", "ink", ha="right", offset=(-2, 0))
        for side, (colour, width, dash) in SIDES.items():
            if side in one.errors:
                told.append(_line(panel, one, side, answer, (colour, width, dash), base))
    for side in one.errors:
        facts.setdefault(one.loss, {}).setdefault(one.dtype, {})[side] = {
            NAMES[answer]: {"no number from": one.fails(side, answer), "worst number": _largest(one, side, answer)}
            for answer in ANSWERS
        }  # fmt: skip
    described = f"Worst error of {one.loss} in {one.dtype} as the logits grow. {' '.join(told)}"
    return panel.svg(f"{SLUG}-{one.loss}-{one.dtype}", f"{TITLE} of {one.loss} in {one.dtype}", visible(described))


def _line(panel: Panel, one: Frontier, side: str, answer: str, style: tuple[str, float, Any], base: float) -> str:
    """Draw one side's error; returns it in a sentence."""
    colour, width, dash = style
    errors = one.errors[side][answer]
    xs = [_place(one, magnitude) for magnitude in one.magnitudes]
    ys = [
        base + min(max(y, LOW), NONE if math.isinf(error) else HIGH)
        for y, error in zip(logarithms(errors), errors, strict=True)
    ]
    panel.lines(xs, ys, colour, width, linestyle=dash, zorder=3)
    fails = one.fails(side, answer)
    name = f"{side}, {NAMES[answer]}"
    if fails is None:
        return f"{name}: at most {ulp_figure(_largest(one, side, answer))} ulp."
    panel.mark(_place(one, fails), base + NONE, colour)
    if side == "textbook":
        panel.label(_place(one, fails), base + WORDS, f"from {fails:.3g}", colour, ha="left", offset=(6, 0))
    return f"{name}: nan or infinite from {fails:.3g} on."


def _place(one: Frontier, magnitude: float) -> float:
    """Where a magnitude stands: what comes after the turning of all losses is pressed together."""
    power = math.log10(magnitude)
    pressed = PRESSED if one.magnitudes[-1] > 1e9 else 1.0
    return power if power <= BROKEN else BROKEN + (power - BROKEN) / pressed


def _largest(one: Frontier, side: str, answer: str) -> float:
    return max((error for error in one.errors[side][answer] if math.isfinite(error)), default=math.inf)


def raised(power: int) -> str:
    """A power as it's written above the line."""
    return str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))

"""The error of both sides in ulp against the exact answer, as distributions, for each loss and dtype."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from parity.records.record import Record
from parity.report.pictures.canvas import WIDTH, Rows
from parity.report.pictures.picture import Picture, beside, by_dtype
from parity.report.text import ulp_figure

SLUG, TITLE = "accuracy", "Error against the exact answer"
# The logarithm of ulp: an error below a tenth of an ulp counts as that, one beyond a million likewise.
AXIS, BINS = (-1.0, 6.0), 35
TICKS = [(-1.0, "≤0.1"), (0.0, "1"), (2.0, "100"), (4.0, "10⁴"), (6.0, "≥10⁶")]


def accuracy(records: Sequence[Record]) -> Picture | None:
    """The picture, with a panel for each implementation and dtype; None if no exact answer is known."""
    reference = next((record.reference for record in records), "torch")
    facts: dict[str, Any] = {}
    panels = []
    for implementation, dtype, some in by_dtype(records, lambda record: record.distance is not None):
        found = {loss: [record.distance for record in few if record.distance] for loss, few in some.items()}
        panels.append(_panel(implementation, dtype, reference, found, facts))
    if not panels:
        return None
    caption = (
        "How far each side is from the exact answer at a sample of the points: the worst element of the output and the "
        "gradients of a point's first draw, in units in the last place. Above the line is the implementation, below it "
        f"{reference}. Where both are alike, an error is the loss's own. The exact answer is that of {reference} in "
        "float64, of doubles the NumPy loss's in extended precision. Each row has its own scale of shares; the figures "
        "are medians."
    )
    return Picture(SLUG, TITLE, caption, beside(panels), facts)


def _panel(
    implementation: str, dtype: str, reference: str, found: dict[str, list[tuple[float, float]]], facts: dict[str, Any]
) -> str:
    losses = list(found)
    panel = Rows(f"{dtype}, {implementation}", losses, AXIS)
    panel.grid(TICKS, "worst error of a point, ulp (log scale)")
    sides = [[logarithms(pair[side] for pair in found[loss]) for loss in losses] for side in (0, 1)]
    panel.histograms(sides[0], sides[1], BINS, ("ours", "torch"))
    panel.write(0, 32, f"▲ {implementation}", "ours")
    panel.write(0, 46, f"▼ {reference}", "torch")
    panel.write(WIDTH, 46, "median, ulp", "soft", "right")
    told = []
    for row, loss in enumerate(losses):
        ours, theirs = (float(np.median([pair[side] for pair in found[loss]])) for side in (0, 1))
        panel.figure_at(row, ulp_figure(ours), "ours", -1)
        panel.figure_at(row, ulp_figure(theirs), "torch", 1)
        farthest = [max(pair[side] for pair in found[loss]) for side in (0, 1)]
        facts.setdefault(implementation, {}).setdefault(dtype, {})[loss] = {
            "points": len(found[loss]), "median": [ours, theirs], "largest": farthest,
        }  # fmt: skip
        told.append(f"{loss}: {ulp_figure(ours)} and {ulp_figure(theirs)}")
    described = f"Median error in ulp of {implementation} and of {reference}, by loss. {'; '.join(told)}."
    return panel.svg(
        f"{SLUG}-{implementation}-{dtype}", f"{TITLE} in {dtype}, {implementation} and {reference}", described
    )


def logarithms(values: Any) -> Any:
    """The logarithms to base 10: of 0 and of inf what is beyond any axis."""
    return np.array([math.log10(value) if 0 < value < math.inf else -99.0 if value == 0 else 99.0 for value in values])

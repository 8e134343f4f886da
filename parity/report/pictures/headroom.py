"""How far each loss and dtype stays below its allowance, by how it was judged, so that a tightening can be weighed."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from parity.dtypes import FLOATING
from parity.records.record import AGREES, Record
from parity.report.headline import compared
from parity.report.pictures.accuracy import logarithms
from parity.report.pictures.canvas import WIDTH, Rows
from parity.report.pictures.picture import Picture, beside, by_dtype
from parity.report.text import percent, share, ulp_figure

SLUG, TITLE = "headroom", "Headroom: errors beside what is allowed"
# The logarithm of the error in ulp.
AXIS, BINS = (-1.0, 6.0), 35
TICKS = [(-1.0, "≤0.1"), (0.0, "1"), (2.0, "100"), (4.0, "10⁴"), (6.0, "≥10⁶")]


def headroom(records: Sequence[Record]) -> Picture | None:
    """The picture, with a panel for each implementation and dtype; None if no answer passed by a tolerance."""
    facts: dict[str, Any] = {}
    panels = [_panel(*found, facts) for found in by_dtype(records, _passes)]
    if not panels:
        return None
    reference = next((record.reference for record in records), "torch")
    caption = (
        f"The worst error of each point that passes, in ulp of {reference}'s answer. Above the line are the points "
        "that the dtype's tolerance alone judged: the rule marks that tolerance, and the figure is what nine in ten of "
        "their errors stay below, as a share of it. Far below 1, it could be tighter. Below the line are the points of "
        "which a draw needed an allowance of its own, measured at that draw: twice "
        f"{reference}'s own distance from the exact answer, and what a rounding of the inputs moves. Such an allowance "
        "grows until it holds the error, so a share near 1 says nothing about them. What could not have been seen: "
        "above the line an error left of the rule, below it one as large as those that are shown."
    )
    return Picture(SLUG, TITLE, caption, beside(panels), facts)


def _panel(implementation: str, dtype: str, found: dict[str, list[Record]], facts: dict[str, Any]) -> str:
    losses, limits = list(found), FLOATING[dtype]
    panel = Rows(f"{dtype}, {implementation}", losses, AXIS)
    least = limits.rtol / limits.eps
    panel.grid(TICKS, "worst error of a point, ulp (log scale)")
    place = min(math.log10(least), AXIS[1])
    panel.lines([place, place], [len(losses) - 0.5, -0.5], "ink", 1.0, linestyle=(0, (3, 2)), zorder=3)
    panel.write(0, 32, "▲ judged by the tolerance", "ours")
    panel.write(0, 46, "▼ by the draw's own allowance", "textbook")
    panel.write(WIDTH, 32, "90 % of them below", "ours", "right")
    panel.write(WIDTH, 46, "part of the points", "textbook", "right")
    by_table = [[record for record in found[loss] if not record.lenient] for loss in losses]
    by_own = [[record for record in found[loss] if record.lenient] for loss in losses]
    errors = [[logarithms(map(_ulp, some)) for some in side] for side in (by_table, by_own)]
    panel.histograms(errors[0], errors[1], BINS, ("ours", "textbook"))
    told = []
    for row, loss in enumerate(losses):
        shares = [max(record.worst.values()) for record in by_table[row]]
        most = float(np.quantile(shares, 0.9)) if shares else None
        own = len(by_own[row])
        if shares:
            panel.figure_at(row, share(most), "ours", -1)
        if own:
            panel.figure_at(row, percent(own, len(found[loss])), "textbook", 1)
        farthest = max(map(_ulp, by_own[row]), default=None)
        facts.setdefault(implementation, {}).setdefault(dtype, {})[loss] = {
            "points": len(found[loss]), "90 % below": most, "largest share": max(shares, default=None),
            "own allowance": own, "largest ulp by own allowance": farthest, "unseen relative": limits.rtol,
        }  # fmt: skip
        told.append(f"{loss} {share(most) or 'none'}" + (f", {own} by their own" if own else ""))
    panel.label(place, -0.5, f"{ulp_figure(least)} ulp", "ink", ha="center", va="bottom", offset=(0, 1), size=9.5)
    described = (
        f"What 90 % of the errors of {implementation} in {dtype} stay below, as a share of the tolerance, and how many "
        f"points needed an allowance of their own. {'; '.join(told)}."
    )
    return panel.svg(f"{SLUG}-{implementation}-{dtype}", f"{TITLE}, {dtype}, {implementation}", described)


def _passes(record: Record) -> bool:
    return compared(record) and record.verdict in AGREES and bool(record.worst)


def _ulp(record: Record) -> float:
    return max(record.ulp.values(), default=0.0)

"""One panel of a picture: a drawing as wide as a phone, so that several stand beside each other on a wide screen."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from parity.plain import visible
from parity.report.pictures.svg import COLOURS, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# One unit is a CSS pixel where the panel is as wide as it was drawn.
WIDTH = 352
SMALL, PLAIN, STRONG = 10.5, 11.5, 13.0
# Names of losses stand left of the field, figures right of it.
LEFT, RIGHT, TOP, BOTTOM, PITCH = 119, 58, 68, 34, 28
BREAK = 18
# Half of the height of a row, where both of its histograms are at their highest.
FULL = 0.43


class Panel:
    """A field with a title above it, in pixels; `x` and `y` are the limits of its axes."""

    def __init__(
        self, title: str, height: int, x: tuple[float, float], y: tuple[float, float],
        margins: tuple[int, int, int, int] = (LEFT, RIGHT, TOP, BOTTOM),
    ) -> None:  # fmt: skip
        from matplotlib.figure import Figure

        left, right, top, bottom = margins
        self.figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, frameon=False)
        box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - top - bottom) / height)
        self.axes: Axes = self.figure.add_axes(box, xlim=x, ylim=y)
        self.axes.set_axis_off()
        self.x, self.y, self.height, self.margins = x, y, height, margins
        self.write(0, 14, title, size=STRONG, weight="bold", align="left")

    def write(self, x: float, y: float, text: str, colour: str = "ink", align: str = "left", **more: Any) -> None:
        """Text at a place in pixels from the upper left corner of the panel."""
        style: dict[str, Any] = {"size": SMALL, "va": "baseline", **more}
        self.figure.text(
            x / WIDTH, 1 - y / self.height, visible(text), parse_math=False, color=COLOURS[colour], ha=align, **style
        )

    def label(self, x: float, y: float, text: str, colour: str = "ink", **more: Any) -> None:
        """Text at a place of the field, moved by `offset` pixels."""
        offset = more.pop("offset", (0, 0))
        style: dict[str, Any] = {"size": SMALL, "va": "center", **more}
        self.axes.annotate(
            visible(text),
            (x, y),
            offset,
            parse_math=False,
            textcoords="offset points",
            color=COLOURS[colour],
            annotation_clip=False,
            **style,
        )

    def lines(self, xs: Any, ys: Any, colour: str, width: float = 1.0, **more: Any) -> None:
        """A line through places of the field, broken where one is nan."""
        style: dict[str, Any] = {"solid_capstyle": "butt", "clip_on": False, **more}
        self.axes.plot(xs, ys, color=COLOURS[colour], linewidth=width, **style)

    def mark(self, x: float, y: float, colour: str, marker: str = "x") -> None:
        """A mark at a place of the field."""
        self.axes.plot([x], [y], marker, color=COLOURS[colour], markersize=6, zorder=4, clip_on=False)

    def sample(self, x: float, y: float, colour: str, width: float, dash: Any) -> None:
        """A piece of a line for the key, at a place in pixels from the upper left corner."""
        from matplotlib.lines import Line2D

        places = [x / WIDTH, (x + 22) / WIDTH], [1 - y / self.height] * 2
        self.figure.add_artist(Line2D(*places, color=COLOURS[colour], linewidth=width, linestyle=dash))

    def area(self, xs: Any, ys: Any, colour: str, **more: Any) -> None:
        """An area whose edges are these places, in parts where one is nan."""
        self.axes.fill(xs, ys, facecolor=COLOURS[colour], edgecolor="none", clip_on=False, linewidth=0, **more)

    def grid(self, ticks: Sequence[tuple[float, str]], name: str) -> None:
        """Vertical lines at ticks of the x axis with their labels below, and the name of the axis."""
        low, high = self.y
        xs = [x for place, _ in ticks for x in (place, place, np.nan)]
        self.lines(xs, np.tile([low, high, np.nan], len(ticks)), "line", 0.8, zorder=0)
        for place, text in ticks:
            self.label(place, low, text, "soft", ha="center", va="top", offset=(0, -4))
        left, right, _, _ = self.margins
        self.write((left + WIDTH - right) / 2, self.height - 6, name, "soft", "center")

    def svg(self, name: str, title: str, description: str) -> str:
        return inline(self.figure, name, title, description)


class Rows(Panel):
    """A panel with a row for each name, from the top; `x` are the limits of the logarithm of what is shown."""

    def __init__(self, title: str, names: Sequence[str], x: tuple[float, float]) -> None:
        super().__init__(title, TOP + BOTTOM + PITCH * len(names), x, (len(names) - 0.5, -0.5))
        for row, name in enumerate(names):
            for line, part in enumerate(parts := broken(name)):
                self.write(
                    LEFT - 6, TOP + PITCH * (row + 0.5) + 4 + 11 * (line - (len(parts) - 1) / 2), part, align="right"
                )
        base = np.arange(len(names), dtype=float).repeat(3)
        self.lines(np.tile([x[0], x[1], np.nan], len(names)), base, "line", 0.8, zorder=1)

    def histograms(self, above: Sequence[Any], below: Sequence[Any], bins: int, colours: tuple[str, str]) -> None:
        """Two histograms in each row, one up and one down from its line, of the logarithms of values; both of a row
        have one scale of shares. What is beyond the axis is in its first or last bin."""
        edges = np.linspace(*self.x, bins + 1)
        inside = edges[0], np.nextafter(edges[-1], edges[0])
        parts: tuple[list[Any], list[Any]] = ([], [])
        for row, pair in enumerate(zip(above, below, strict=True)):
            counts = [np.histogram(np.clip(values, *inside), edges)[0] / max(len(values), 1) for values in pair]
            highest = max(count.max(initial=0.0) for count in counts) or 1.0
            for part, count, up in zip(parts, counts, (-1, 1), strict=True):
                part.extend(_outline(edges, row + up * FULL * count / highest, float(row)))
        for part, colour in zip(parts, colours, strict=True):
            if part:
                xs, ys = np.transpose(part)
                self.area(xs, ys, colour, zorder=2)

    def figure_at(self, row: int, text: str, colour: str, side: int = 0) -> None:
        """A figure right of a row: beside its upper half (-1), its lower one (1) or its line (0)."""
        self.write(WIDTH, TOP + PITCH * (row + 0.5) + 4 + 6.5 * side, text, colour, "right")


def _outline(edges: Any, heights: Any, base: float) -> list[tuple[float, float]]:
    """The closed outlines of the bars of a histogram, each run of them a part, with nan between."""
    places: list[tuple[float, float]] = []
    for (left, right), height in zip(pairwise(edges), heights, strict=True):
        if height != base:
            if not places or places[-1] != (left, base):
                places += [(np.nan, np.nan), (left, base)] if places else [(left, base)]
            else:
                places.pop()
            places += [(left, height), (right, height), (right, base)]
    return [*places, (np.nan, np.nan)] if places else []


def broken(name: str) -> list[str]:
    """A name in two lines, broken at an underscore, where it is too long for one."""
    if len(name) <= BREAK:
        return [name]
    places = [place for place, letter in enumerate(name) if letter == "_"] or [BREAK]
    best = min(places, key=lambda place: max(place, len(name) - place))
    return [name[:best], name[best:]]

"""What a picture is: drawn, with its words and its figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


def beside(panels: Sequence[str]) -> str:
    """The panels, as many in a row as there is room for."""
    return f'<div class="panels">{"".join(panels)}</div>'


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the report.

    `slug` is the fragment of a link to it. `svg` has an inline SVG for each panel, side by side where there is room.
    `facts` are the figures that it shows, as plain data.
    """

    slug: str
    title: str
    caption: str
    svg: str
    facts: dict[str, Any] = field(default_factory=dict)

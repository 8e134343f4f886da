"""A drawing of matplotlib's -> a small inline SVG whose colours are the page's and whose text is text."""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from markupsafe import escape

from parity.plain import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What is drawn in one of these colours takes the page's of that name, in its light or its dark theme.
COLOURS = {
    "ink": "#010203", "soft": "#020304", "line": "#030405", "wash": "#040506", "ours": "#050607", "torch": "#060708",
    "textbook": "#070809", "leaves": "#08090a", "paper": "#090a0b", "few": "#0a0b0c", "some": "#0b0c0d",
    "many": "#0c0d0e", "most": "#0d0e0f",
}  # fmt: skip
_NAMES = {colour: name for name, colour in COLOURS.items()}
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_SPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
# What is so of most text and lines is said once.
_SIZE = "10.5"
_ROOT = f'stroke-linejoin="round" style="fill: var(--picture-ink)" font-size="{_SIZE}"'
_TEXT = re.compile(r'<text(.*?)( x="[^"]*" y="[^"]*")>(.*)</text>')
_PLAIN = r"<text\2>\3</text>"
_PART = re.compile(r"([A-Za-z])([^A-Za-z]*)")


def inline(figure: "Figure", name: str, title: str, description: str) -> str:
    """The figure as inline SVG; `name` tells its ids from those of others on the page, `description` is read aloud."""
    import matplotlib

    name, title, description = re.sub(r"[^\w-]", "-", name), visible(title), visible(description)
    drawing = BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "path.simplify": True}):
        figure.savefig(drawing, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format")))
    root = ElementTree.fromstring(drawing.getvalue())
    ids = {
        str(element.get("id")): f"{name}-{number}"
        for number, element in enumerate(
            child for child in root.iter() if child.tag != f"{_SPACE}g" and child.get("id")
        )
    }
    inside = "".join(_joined(text for child in root for text in _written(child, ids)))
    width, height = (float(value) for value in root.attrib["viewBox"].split()[2:])
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="100%" role="img" aria-labelledby="{name}-title {name}-text" '
        f'{_ROOT}><title id="{name}-title">{escape(title)}</title><desc id="{name}-text">{escape(description)}</desc>'
        f"{inside}</svg>"
    )


def _written(element: ElementTree.Element, ids: dict[str, str]) -> Iterator[str]:
    """The element without what a page does not need: groups of one's own, sheets of style, digits that no eye sees."""
    tag = element.tag.removeprefix(_SPACE)
    if tag in ("metadata", "style"):
        return
    children = [text for child in element for text in _written(child, ids)]
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in _attributes(tag, element, ids))
    text = (element.text or "").strip()
    if tag in ("g", "defs") and not children:
        return
    if tag == "g" and not attributes:
        yield from children
    elif children or text:
        yield f"<{tag}{attributes}>{escape(text)}{''.join(children)}</{tag}>"
    else:
        yield f"<{tag}{attributes}/>"


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    """Runs of text of one style in a group that has the style."""
    for style, run in groupby(pieces, lambda piece: found[1] if (found := _TEXT.fullmatch(piece)) else None):
        texts = list(run)
        if style is None or len(texts) == 1:
            yield from texts
        else:
            yield f"<g{style}>{''.join(_TEXT.sub(_PLAIN, text) for text in texts)}</g>"


def _attributes(tag: str, element: ElementTree.Element, ids: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if name == "id":
            if value in ids:
                yield name, ids[value]
        elif name == _LINK:
            yield "href", f"#{ids[value[1:]]}"
        elif name == "style":
            yield from _styles(tag, value)
        elif name == "d":
            yield name, _path(_rounded(value))
        elif name == "transform" and value.startswith("rotate(-0 "):
            continue
        else:
            yield name, _rounded(value)


def _styles(tag: str, style: str) -> Iterator[tuple[str, str]]:
    """The style as attributes, but for what is said of the whole picture."""
    found = dict(part.strip().split(": ", 1) for part in style.split(";") if part.strip())
    colours = ";".join(
        f"{name}:var(--picture-{_NAMES[value]})" for name, value in found.items() if value in _NAMES
    )  # fmt: skip
    if colours and not (tag == "text" and found.get("fill") == COLOURS["ink"]):
        yield "style", colours
    if found.get("fill") == "none" or (tag in ("path", "use") and "fill" not in found):
        yield "fill", "none"
    for name, value in found.items():
        size = re.search(r"([\d.]+)px", value) if name in ("font", "font-size") else None
        if size and size[1] != _SIZE:
            yield "font-size", size[1]
        if name in ("font", "font-weight") and re.match("bold|[67]00", value):
            yield "font-weight", "600"
        elif name in ("stroke-width", "stroke-dasharray", "text-anchor") and value != "start":
            yield name, _rounded(value)


def _path(path: str) -> str:
    """The path in as few letters as it needs: lines along an axis have one number, and go as far as they go."""
    written: list[str] = []
    x = y = ""
    for letter, numbers in _PART.findall(path):
        places = numbers.split()
        along = letter == "L" and len(places) == 2 and places[1] == y
        if along and written[-1][0] == "H" and float(places[0]) >= float(x):
            written[-1] = f"H{places[0]}"
        elif along:
            written.append(f"H{places[0]}")
        elif letter == "L" and len(places) == 2 and places[0] == x:
            written.append(f"V{places[1]}")
        else:
            written.append(letter + " ".join(places))
        x, y = places[-2:] if len(places) > 1 else ("", "")
    return "".join(written)


def _rounded(value: str) -> str:
    """The text with every number to a tenth of a unit."""
    return _NUMBER.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0").replace("-0", "-0"), value)

"""Numbers and names -> words, alike in Markdown and HTML."""

import math
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from parity.plain import visible
from parity.wording import plural as plural

LONG = 12
DEEP = 6


def share(value: float | None) -> str:
    """An error as a share of its allowance, rounded up so that it never flatters."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞"
    if math.isnan(value):
        return "nan"
    if value > 999:
        return f"{value:.0e}"
    if value > 10:
        return f"{math.ceil(value)}"
    return f"{math.ceil(value * 100) / 100:.2f}" if value else "0"


def ulps(value: float | None) -> str:
    """An error in units in the last place."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞ ulp"
    if value < 100:
        return f"{float(f'{value:.2g}'):g} ulp"
    return f"{value:,.0f} ulp" if value < 1e5 else f"{value:.0e} ulp"


def ulp_figure(value: float) -> str:
    """The same without its unit, as short as in a picture."""
    if not math.isfinite(value):
        return "∞"
    return f"{value:.0e}".replace("e+0", "e") if value >= 9999.5 else f"{value:.2g}" if value < 99.5 else f"{value:.0f}"


def figure(value: Any, left: int = DEEP) -> str:
    """A published or computed figure, nested lists included, cut where it is long or deep."""
    if isinstance(value, list):
        if not left:
            return "[...]"
        shown = [figure(entry, left - 1) for entry in value[:LONG]]
        return f"[{', '.join(shown)}{', ...' if len(value) > LONG else ''}]"
    return f"{value:.8g}" if isinstance(value, float) else str(value)


def listed(names: Sequence[str], separator: str = ", ", most: int = 4) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return separator.join(names[:most]) + more


def breakable(name: str) -> Markup:
    """HTML of a name that may break after its underscores."""
    return escape(visible(name)).replace("_", Markup("_<wbr>"))


def coded(sentence: str) -> Markup:
    """HTML of a sentence in which code stands between backticks."""
    parts = map(visible, sentence.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


def fragment(name: str) -> str:
    """A name as the fragment of a link to it."""
    return quote(visible(name))


def html(value: Any) -> Any:
    """Text that shows every character there is in it; markup is let through, and escaped elsewhere."""
    return visible(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def percent(part: int, whole: int) -> str:
    """A part of a whole; '0 %' is kept for nothing at all."""
    if not part:
        return "0 %"
    return f"{max(100 * part / whole, 0.1):.1f} %"


def heading(name: str) -> str:
    """The fragment that a site gives to a Markdown heading."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def markdown(value: Any) -> Markup:
    """Text that Markdown shows as it is, in a table cell too: neither markup nor HTML comes through."""
    if isinstance(value, Markup):
        return value
    text = visible(re.sub(r"[ \t\n]+", " ", str(value)))
    text = re.sub(r"([\\`*\[|~])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")
    return Markup(text)


def block(text: str) -> Markup:
    """Text as a fenced block of Markdown, with a fence longer than any in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return Markup(f"{fence}text\n{text}\n{fence}")

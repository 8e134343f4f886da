"""Tables -> parity.md and parity.html, by the templates in this folder and in page/."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from parity.causes.text import headline, hint, title
from parity.dtypes import FLOATING
from parity.report import text
from parity.report.page.points import embedded
from parity.report.remarks import CLASSES
from parity.report.tables import Tables

NAMES = ("parity.md", "parity.html")


def render(name: str, tables: Tables) -> str:
    """One of the two files as text. Whatever is not markup of the template itself is escaped."""
    return filled(name, tables=tables)


def filled(name: str, **values: Any) -> str:
    """A template of this folder with these values."""
    return _template(name).render(**values)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("parity.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        finalize=text.markdown if name.endswith(".md") else text.html,
    )  # fmt: skip
    environment.filters.update(
        share=text.share, ulps=text.ulps, figure=text.figure, plural=text.plural, heading=text.heading,
        listed=text.listed, breakable=text.breakable, block=text.block, fragment=text.fragment, coded=text.coded,
        headline=headline, title=title, hint=hint,
        answer=lambda name: name if name.startswith(("output", "second")) else f"gradient of {name}",
    )  # fmt: skip
    bounds = [(row.name, row.rtol, row.rtol / row.eps) for row in FLOATING.values() if row.numpy.kind != "c"]
    environment.globals.update(percent=text.percent, classes=CLASSES, bounds=bounds, embedded=embedded)
    return environment.get_template(f"{name}.j2")


def write(tables: Tables, folder: Path) -> list[Path]:
    """Write both files into a folder, which is made if need be; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in NAMES]
    for path in paths:
        path.write_text(render(path.name, tables), encoding="utf-8", errors="replace")
    return paths

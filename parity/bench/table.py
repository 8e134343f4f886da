"""Rows of text -> a table in aligned columns."""

from collections.abc import Iterable, Sequence

Row = Sequence[str]


def table(title: str, head: Row, rows: Iterable[Row], notes: Sequence[str] = ()) -> str:
    """The title, the head and the rows below it, the first column to the left and the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    printed = ["  ".join(_cells(line, widths)).rstrip() for line in lines]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([title, rule, printed[0], rule, *printed[1:], *notes])


def _cells(line: Row, widths: Sequence[int]) -> list[str]:
    first, *rest = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def against(value: float, aim: float | None, sign: str = "<=") -> str:
    """A ratio and its aim, 'missed' where it is: '2.1 (aim <= 2.5)'."""
    if aim is None:
        return f"{value:.2f}"
    met = value <= aim if sign == "<=" else value >= aim
    return f"{value:.2f} (aim {sign} {aim:g}{'' if met else ', missed'})"

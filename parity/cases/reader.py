"""YAML text -> plain data, read strictly, with the place of every value.

Stricter than PyYAML: a doubled key is refused rather than overwritten, 1e-6 is a number rather than a
string, yes and no are strings, aliases and tags are refused. Nothing recurses deeper than `DEPTH`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from parity.cases.errors import CaseError, Mark

Place: TypeAlias = tuple[str | int, ...]
BYTES = 1 << 20
DEPTH = 24

_NUMBER = re.compile(r"[-+]?(\d[\d_]*)(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+([eE][-+]?\d+)?")
_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
    ".inf": float("inf"),
    "+.inf": float("inf"),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document:
    """The data of one file and the places of its values and keys."""

    def __init__(self, path: Path, data: Any, values: dict[Place, Mark], keys: dict[Place, Mark]) -> None:
        self.path, self.data, self._values, self._keys = path, data, values, keys

    def mark(self, place: Place, *, key: bool = False) -> Mark:
        """Where the value at `place` stands (or its key), or the nearest value around it."""
        for table in (self._keys, self._values) if key else (self._values,):
            if place in table:
                return table[place]
        return self.mark(place[:-1]) if place else Mark(1, 1)

    def error(self, place: Place, text: str, *, key: bool = False) -> CaseError:
        return CaseError(self.path, [(self.mark(place, key=key), text)])


def read(path: Path) -> Document:
    """The document in the file at `path`; CaseError if it is not strict YAML in UTF-8."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CaseError(path, [(Mark(1, 1), f"the file cannot be read: {error.strerror}")]) from None
    if len(raw) > BYTES:
        raise CaseError(path, [(Mark(1, 1), f"the file has {len(raw)} bytes, expected at most {BYTES}")])
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        found = f"found byte 0x{raw[error.start]:02x}, expected UTF-8 text"
        raise CaseError(path, [(Mark(line, column), found)]) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Document:
    """The document in `text`, which stands in the file at `path`."""
    builder = _Builder(path, text)
    try:
        data = builder.document()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)
        context = f" {error.context}" if error.context else ""
        raise CaseError(path, [(mark, f"this is not YAML: {error.problem}{context}")]) from None
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise CaseError(path, [(Mark(1, 1), f"this is not YAML: {found}")]) from None
    return Document(path, data, builder.values, builder.keys)


class _Builder:
    """Builds plain data from YAML events, noting where everything stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.values: dict[Place, Mark] = {}
        self.keys: dict[Place, Mark] = {}
        self.events: Iterator[Any] = yaml.parse(text, Loader=_Loader)

    def refuse(self, event: Any, text: str) -> CaseError:
        return CaseError(self.path, [(_mark(event), text)])

    def document(self) -> Any:
        next(self.events)
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise self.refuse(event, "the file is empty, expected 'loss:' and 'cases:'")
        data = self.value(next(self.events), ())
        next(self.events)
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self.refuse(after, "found a second document, expected one document a file")
        return data

    def value(self, event: Any, place: Place) -> Any:
        self.values[place] = _mark(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.refuse(
                event, f"found the alias {event.anchor!r}, expected the value itself: aliases are not read"
            )
        if event.tag is not None and event.tag != "!":
            raise self.refuse(event, f"found the tag {event.tag!r}, expected a plain value: tags are not read")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if len(place) >= DEPTH:
            raise self.refuse(event, f"values nest more than {DEPTH} deep here, expected fewer")
        return self.sequence(place) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(place)

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style:
            return text
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if _NUMBER.fullmatch(text):
            plain = text.replace("_", "")
            return int(plain) if plain.lstrip("+-").isdigit() and len(plain) < 40 else float(plain)
        return text

    def sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*place, len(items))))
        return items

    def mapping(self, place: Place) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self.refuse(event, "found a list, a mapping or an alias as a key, expected a word")
            key = event.value
            if key in items:
                first = self.keys[(*place, key)]
                raise self.refuse(event, f"the key {key!r} stands here again, it is already in line {first.line}")
            self.keys[(*place, key)] = _mark(event)
            items[key] = None
            items[key] = self.value(next(self.events), (*place, key))
        return items


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)

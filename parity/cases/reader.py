"""YAML text -> plain data, read strictly, with the place of every value.

Stricter than PyYAML: a doubled key is refused rather than overwritten, 1e-6 is a number rather than a
string, yes and no are strings, anchors and tags are refused, and so is what is not seen: control characters, turns
of the direction of writing, and characters without width. Nothing recurses deeper than `DEPTH`.
"""

import math
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from unicodedata import category

import yaml

from parity.cases.errors import CaseError, Mark, quoted

Place: TypeAlias = tuple[str | int, ...]
BYTES = 1 << 18
DEPTH = 24

_NUMBER = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_NOT_TEXT = re.compile(
    "[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U000dffff]"
    "|[\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]"
)
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "true": True, "false": False,
    ".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan,
}  # fmt: skip
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Problem(NamedTuple):
    """What is wrong with the value at a place, or with its key."""

    place: Place
    text: str
    key: bool = False


class Document:
    """The data of one file and the places of its values and keys."""

    def __init__(self, path: Path, data: Any, values: dict[Place, Mark], keys: dict[Place, Mark]) -> None:
        self.path, self.data, self._values, self._keys = path, data, values, keys

    def mark(self, place: Place, *, key: bool = False) -> Mark:
        """Where the value at `place` stands (or its key); parts of the place that are not in the file are skipped."""
        found: Place = ()
        for part in place:
            if (*found, part) in self._values:
                found = (*found, part)
        mark = self._values.get(found, Mark(1, 1))
        return self._keys.get(found, mark) if key and found[-1:] == place[-1:] else mark

    def count(self, place: Place) -> int:
        """How many values stand at `place` and inside it."""
        return sum(one[: len(place)] == place for one in self._values)

    def error(self, problems: Iterable[Problem]) -> CaseError:
        return CaseError(self.path, [(self.mark(place, key=key), text) for place, text, key in problems])


def read(path: Path) -> Document:
    """The document in the file at `path`; CaseError if it is not strict YAML in UTF-8."""
    return parse(text_of(path), path)


def text_of(path: Path) -> str:
    """The text of the file at `path`; CaseError if it is not UTF-8, or too long."""
    try:
        with open(path, "rb", opener=_open) as file:
            raw = file.read(BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CaseError(path, [(Mark(1, 1), f"the file cannot be read: {reason}")]) from None
    if len(raw) > BYTES:
        raise CaseError(path, [(Mark(1, 1), f"the file is too long, expected at most {BYTES} bytes")])
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        found = f"found byte 0x{raw[error.start]:02x}, expected UTF-8 text"
        raise CaseError(path, [(_end(before), found)]) from None
    return text.removeprefix("\ufeff")


def _open(path: str, flags: int) -> int:
    """Open a regular file. A pipe would wait for its writer, a device might never end."""
    opened = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    mode = os.fstat(opened).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        os.close(opened)
        raise ValueError(f"it is a {'pipe' if stat.S_ISFIFO(mode) else 'device'}, expected a regular file")
    return opened


def parse(text: str, path: Path) -> Document:
    """The document in `text`, which stands in the file at `path`."""
    strange = _NOT_TEXT.search(text)
    if strange:
        raise CaseError(path, [(_end(text[: strange.start()]), _unseen(strange[0]))])
    builder = _Builder(path, text)
    try:
        data = builder.document()
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, path) from None
    return Document(path, data, builder.values, builder.keys)


def value_of(key: str, path: Path) -> Any:
    """The value of a key at the top level of a file, of which no more is read; None if there is none.

    Raises CaseError if the file cannot be read so far.
    """
    text = text_of(path)
    try:
        return _Builder(path, text).first(key)
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, path) from None


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

    def first(self, key: str) -> Any:
        """The value of a key of the outermost mapping."""
        _, _, start = (next(self.events, None) for _ in range(3))
        while isinstance(start, yaml.MappingStartEvent):
            word = next(self.events)
            if not isinstance(word, yaml.ScalarEvent):
                break
            value = self.value(next(self.events), (word.value,))
            if word.value == key:
                return value
        return None

    def value(self, event: Any, place: Place) -> Any:
        self.values[place] = _mark(event)
        self.plain(event)
        if isinstance(event, yaml.ScalarEvent):
            self.seen(event)
            return self.scalar(event)
        if len(place) >= DEPTH:
            raise self.refuse(event, f"values nest more than {DEPTH} deep here, expected fewer")
        return self.sequence(place) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(place)

    def plain(self, event: Any) -> None:
        """Refuse what makes a value stand for another: aliases, anchors and tags."""
        if isinstance(event, yaml.AliasEvent):
            raise self.refuse(event, f"found the alias {quoted(f'*{event.anchor}')}, expected the value itself")
        if event.anchor:
            raise self.refuse(event, f"found the anchor {quoted(f'&{event.anchor}')}, expected no anchors or aliases")
        if event.tag is not None and event.tag != "!":
            raise self.refuse(event, f"found the tag {quoted(event.tag)}, expected a value without tags")

    def seen(self, event: Any) -> None:
        """Refuse a text with an escape, such as "\\x1b", for a character that may not stand in the file."""
        strange = _NOT_TEXT.search(event.value)
        if strange:
            raise self.refuse(event, _unseen(strange[0]))

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style:
            return text
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if not _NUMBER.fullmatch(text):
            return text
        plain = text.replace("_", "")
        if plain.lstrip("+-").isdigit():
            if len(plain) > 20 or not -(1 << 63) <= int(plain) < 1 << 63:
                raise self.refuse(event, f"found {quoted(text)}, expected a whole number of at most 64 bits")
            return int(plain)
        if math.isinf(float(plain)):
            raise self.refuse(event, f"found {quoted(text)}, expected a number within float64, or .inf")
        return float(plain)

    def sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*place, len(items))))
        return items

    def mapping(self, place: Place) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            self.plain(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self.refuse(event, "found a list or a mapping as a key, expected a word")
            self.seen(event)
            here = (*place, event.value)
            if here in self.keys:
                again = f"the key {quoted(event.value)} stands here again"
                raise self.refuse(event, f"{again}, it is already in line {self.keys[here].line}")
            self.keys[here] = _mark(event)
            items[event.value] = self.value(next(self.events), here)
        return items


def _not_yaml(error: yaml.YAMLError, text: str, path: Path) -> CaseError:
    """PyYAML's error as a sentence with its place."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return CaseError(path, [(Mark(1, 1), f"this is not YAML: {' '.join(str(error).split())}")])
    at = error.problem_mark or error.context_mark
    lines = text.splitlines()
    found = lines[at.line][at.column : at.column + 1] if at and at.line < len(lines) else ""
    reason = str(error.problem).replace("found character", f"found the character {found!r}")
    context = f" {error.context}" if error.context else ""
    mark = Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)
    return CaseError(path, [(mark, f"this is not YAML: {reason}{context}")])


def _unseen(character: str) -> str:
    kind = "control characters" if category(character) in ("Cc", "Cs", "Cn") else "invisible characters"
    return f"found the character U+{ord(character):04X}, expected text without {kind}"


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _end(text: str) -> Mark:
    """The place right after `text`."""
    return Mark(text.count("\n") + 1, len(text) - text.rfind("\n"))

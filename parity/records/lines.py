"""One line of a file of records: a JSON object that ends with a checksum of itself, so that damage is seen."""

import json
from typing import Any
from zlib import crc32

# Deeper than any record is; what is nested without end would stop the report.
DEEPEST = 40
_MARK = ', "check": "'


class Damaged(ValueError):
    """A line that is not as it was written; the message says how, as the end of a sentence."""


def sealed(content: dict[str, Any]) -> str:
    """The content as one line, with its checksum. Raises ValueError or TypeError if it is no JSON."""
    body = json.dumps(content)[:-1]
    return f'{body}{_MARK}{crc32(body.encode()):08x}"}}'


def unsealed(line: bytes) -> dict[str, Any]:
    """The content of a line as `sealed` wrote it. Raises Damaged."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged("is not UTF-8 text") from None
    if not text.endswith("}"):
        raise Damaged("is no JSON object or was cut off")
    body, mark, check = text.rpartition(_MARK)
    if not mark:
        raise Damaged("is no line of a file of records: it has no checksum")
    if check != f'{crc32(body.encode()):08x}"}}':
        raise Damaged("was changed after it was written: its checksum is another")
    try:
        content = json.loads(body + "}")
    except (ValueError, RecursionError):
        raise Damaged("is no JSON") from None
    if not _shallow(content, DEEPEST):
        raise Damaged(f"is nested more than {DEEPEST} deep")
    assert isinstance(content, dict)
    return content


def _shallow(value: Any, left: int) -> bool:
    if isinstance(value, dict):
        return left > 0 and all(_shallow(inside, left - 1) for inside in value.values())
    if isinstance(value, list):
        return left > 0 and all(_shallow(inside, left - 1) for inside in value)
    return True

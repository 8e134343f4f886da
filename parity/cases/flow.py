"""Plain data -> YAML on one line, as the reader takes it."""

import json
import re
from math import isfinite
from typing import Any

_BARE = re.compile(r"(?!(null|true|false)$)[A-Za-z][\w.-]*( [\w.'()-]+)*")


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else json.dumps(value)
    if isinstance(value, float) and not isfinite(value):
        return f"{value}".replace("inf", ".inf").replace("nan", ".nan")
    return json.dumps(value)

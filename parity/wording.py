"""An exception in words, whatever its class is and whatever its methods do: nothing here raises, or is long."""

import re
from pathlib import PurePath

# How Python, NumPy, torch and C++ say that there is no memory left.
OUT_OF_MEMORY = re.compile(r"MemoryError|bad_alloc|[Cc]an(not|'t) allocate memory|out of memory")
LONGEST = 2000  # characters of a message that are looked at
_MRO, _NAME = type.__dict__["__mro__"], type.__dict__["__name__"]  # a metaclass may have hidden them


def in_words(error: BaseException) -> str:
    """An exception in words, with the place it came from."""
    return f"{class_names(error)[0]}: {first_line(error)}{_place(error)}"


def first_line(error: BaseException) -> str:
    """The first line of an exception's message."""
    lines = message(error).strip().splitlines()
    return lines[0][:200] if lines else ""


def message(error: BaseException) -> str:
    """The beginning of an exception's message."""
    try:
        return str.__getitem__(str(error), slice(LONGEST))
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "its message cannot be read"


def class_names(error: BaseException) -> list[str]:
    """The name of an exception's class, then those of its bases."""
    return [_NAME.__get__(parent)[:200] for parent in _MRO.__get__(type(error))]


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: '1 point', '2,431 points'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _place(error: BaseException) -> str:
    traceback = BaseException.__dict__["__traceback__"].__get__(error)
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f" ({PurePath(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno})"

"""An exception in words, whatever its class is and whatever its methods do: nothing here raises, or is long."""

import re
import sysconfig
from pathlib import PurePath

# How Python, NumPy, torch and C++ say that there is no memory left.
OUT_OF_MEMORY = re.compile(r"MemoryError|bad_alloc|[Cc]an(not|'t) allocate memory|out of memory")
_PATHS = sysconfig.get_paths()
_OURS = f"{PurePath(__file__).parent}/"
# Where the frames of no user's are: parity, the frameworks and what they run on, Python's own library.
_OTHERS = (
    _OURS,
    *(
        f"{_PATHS[kind]}/{name}/"
        for kind in ("purelib", "platlib")
        for name in ("torch", "numpy", "triton", "jax", "ml_dtypes")
    ),
)
_PYTHON = (_PATHS["stdlib"], _PATHS["platstdlib"])
LINE = 200  # characters of a message's first line that are shown
LONGEST = 2000  # characters of a message that are looked at
_MRO, _NAME = type.__dict__["__mro__"], type.__dict__["__name__"]  # a metaclass may have hidden them


def in_words(error: BaseException) -> str:
    """An exception in words, with the place it came from."""
    return f"{class_names(error)[0]}: {first_line(error)}{_place(error)}"


def first_line(error: BaseException) -> str:
    """The first line of an exception's message."""
    line = next(iter(message(error).strip().splitlines()), "")
    if len(line) <= LINE:
        return line
    words, space, _ = line[:LINE].rpartition(" ")  # of a word that is cut off no two messages have the same part
    return f"{words if space else line[:LINE]} ..."


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
    """Where the user's own code raised it, and what it was raised from."""
    place, cause = _innermost(error), _cause(error)
    where = f" ({place})" if place else ""
    if cause is None:
        return where
    origin = _innermost(cause)
    return f"{where}, caused by {class_names(cause)[0]}: {first_line(cause)}" + (f" ({origin})" if origin else "")


def _cause(error: BaseException) -> BaseException | None:
    """The exception at the bottom of the chain, if there is one; the chain of others may be a ring."""
    bottom, seen = error, {id(error)}
    while True:
        get = BaseException.__dict__
        above = get["__cause__"].__get__(bottom)
        if above is None and not get["__suppress_context__"].__get__(bottom):
            above = get["__context__"].__get__(bottom)
        if above is None or id(above) in seen:
            return None if bottom is error else bottom
        bottom = above
        seen.add(id(bottom))


def _innermost(error: BaseException) -> str:
    """File and line of the innermost frame of the user's own code, or of a framework's if none is; never ours."""
    traceback = BaseException.__dict__["__traceback__"].__get__(error)
    frames = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OURS):
            frames.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    own = [frame for frame in frames if _is_users(frame[0])]
    if own:  # what the user's code calls in other packages is theirs, as long as it is not the first of it
        root = _root(own[0][0])
        frames = [frame for frame in own if _root(frame[0]) == root]
    return f"{PurePath(frames[-1][0]).name}:{frames[-1][1]}" if frames else ""


def _is_users(file: str) -> bool:
    """Whether a file is neither ours, nor of a framework, nor of Python itself."""
    if file.startswith(("<", *_OTHERS)):
        return False
    return "site-packages" in file or not file.startswith(_PYTHON)


def _root(file: str) -> str:
    """The package that is installed beside others, or the folder, that a file is of."""
    before, packages, after = file.partition("site-packages/")
    return before + packages + after.partition("/")[0] if packages else str(PurePath(file).parent)

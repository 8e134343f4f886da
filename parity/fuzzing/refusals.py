"""What the case files say of calls that this torch refuses, by torch's words, so that it holds of drawn calls too.

They name the widest class of error that a version of torch raises, and the versions that do not refuse.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from parity.cases.needs import Need
from parity.cases.points import Point
from parity.references.versions import release
from parity.wording import class_names, first_line

if TYPE_CHECKING:
    from parity.fuzzing.asking import Asker

_DTYPE = re.compile(
    r"\b(?:Complex)?(?:Half|BFloat16|Float|Double)\b|\b(?:Bool|Byte|Char|Short|Int|Long)\b|\b[a-z]+\d+\b"
)


def words_of(error: Exception) -> str:
    """The words of an error without its numbers; where several dtypes stand in them, whichever they are."""
    text = first_line(error)
    if len(_DTYPE.findall(text)) > 1:
        text = _DTYPE.sub("dtype", text)
    return re.sub(r"\d+", "0", text)


def learnt(asker: "Asker", points: Iterable[Point]) -> dict[str, str | Need]:
    """By the words of a refusal the class that a case names; or, if other versions of torch answer, which those are.

    Torch is asked at each point that must be refused, or that this version is not meant for.
    """
    classes: dict[str, str] = {}
    needs: dict[str, Need] = {}
    for point in points:
        raises, need = point.scenario.case.raises, point.needs(release())
        error = asker.answer(point, 0) if raises or need else None
        if not isinstance(error, Exception):
            continue
        if not raises and need:
            needs.setdefault(words_of(error), need)
        elif raises and (named := next(iter(raises))) in class_names(error):
            classes[words_of(error)] = named
    return {**classes, **needs}

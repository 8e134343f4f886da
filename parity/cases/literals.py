"""What the values under `given` and `across` are: their labels in ids, their sizes, their shape."""

from collections.abc import Iterator, Mapping
from typing import Any

from parity.cases.errors import nearest
from parity.cases.schema import Spec


def labels(name: str, values: list[Any]) -> Iterator[tuple[str, Any]]:
    """The values of an axis with their labels."""
    for value in values:
        yield label(name, value), value


def label(name: str, value: Any) -> str:
    """How a value reads in a point's id: words stand alone, numbers with the name of their axis."""
    if isinstance(value, str):
        return value
    if isinstance(value, Spec):
        return f"{name}={value.main}"
    if value is None or isinstance(value, bool):
        return f"{name}={str(value).lower()}"
    return f"{name}={value}".replace(" ", "").replace("/", "|")


def unknown_sizes(spec: Spec, sizes: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each size that the specification names and the case does not."""
    words: list[Any] = [] if spec.main in ("array", "like") else list(spec.shape)
    words += [
        getattr(spec, name) for name in type(spec).model_fields
        if name not in ("dtype", "layout", "mask", "like", "array") and name != spec.main
    ]  # fmt: skip
    for word in words:
        if isinstance(word, str) and word not in sizes:
            yield (
                f"there is no size {word!r}{nearest(word, sizes)}"
                if sizes
                else (f"there is no size {word!r}: this case names no sizes")
            )


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a literal, judged by its first rows."""
    return (len(value), *(shape_of(value[0]) if value else ())) if isinstance(value, list) else ()


def flat(value: Any) -> Iterator[Any]:
    """Every number of a literal."""
    if isinstance(value, list):
        for item in value:
            yield from flat(item)
    else:
        yield value


def listed(shapes: set[tuple[int, ...]]) -> str:
    """Shapes in words."""
    return " and ".join(str(list(shape)) for shape in sorted(shapes))

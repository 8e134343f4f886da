"""The facts of a point, from its specification alone: nothing is drawn."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple, Protocol

from parity.dtypes import FLOATING
from parity.facts.refusals import family_of
from parity.facts.roles import SCORES, Role, role_of, scores_of
from parity.facts.words import valued

LARGE = (64, 4096)
VERY_LARGE = (4096, 262_144)
MILLIONS = 1 << 20
_COMPLEX = tuple(name for name, row in FLOATING.items() if row.numpy.kind == "c")
_PLAIN = (bool, int, float, str)
_IN_ORDER = ("contiguous", "offset", "readonly")
# Arrays that are combined with the scores element by element, where every number is a sample.
_ELEMENTWISE = ("input", "input1", "input2", "target", "weight", "pos_weight", "var")


class Form(NamedTuple):
    """What is known of an array before it is drawn: its shape, the name of its dtype, its layout."""

    shape: tuple[int, ...]
    dtype: str
    layout: str

    @property
    def in_order(self) -> bool:
        """Whether it is in C order without gaps: a dimension of one element has no stride that matters."""
        shape, layout = self.shape, self.layout
        if layout in _IN_ORDER or prod(shape) < 2:
            return True
        if layout == "channels_last" and len(shape) > 2:
            return shape[1] < 2 or prod(shape[2:]) < 2
        if layout == "batch_first" and len(shape) > 1:
            return min(shape[:2]) < 2
        if layout in ("transposed", "channels_last") and len(shape) > 1:
            return min(shape[-2:]) < 2
        if layout == "fortran":
            return sum(size > 1 for size in shape) < 2
        if layout == "padded":
            return prod(shape[:-1]) < 2
        if layout == "split":
            return prod(shape[:1] if len(shape) > 2 else shape[:-1]) < 2
        return (layout == "expanded" and shape[0] < 2) or (layout == "repeated" and shape[-1] < 2)


class Described(Protocol):
    """What is asked of a point. `given` has all arguments, `forms` those that are arrays, `defaults` the options."""

    @property
    def loss(self) -> str: ...
    @property
    def forms(self) -> Mapping[str, Form]: ...
    @property
    def given(self) -> Mapping[str, Any]: ...
    @property
    def defaults(self) -> Mapping[str, Any]: ...
    @property
    def around(self) -> str: ...
    @property
    def refusal(self) -> Sequence[str] | None:
        """The class of the exception that must be raised, and texts about why; None if the call is answered."""


def facts_of(point: Described) -> frozenset[str]:
    """The facts of a point that its specification shows: see `parity.facts.words.WORDS`."""
    forms, given, defaults = point.forms, point.given, point.defaults
    options = {name: value for name, value in given.items() if name not in forms and name != "grad_output"}
    found = set(_of_options(forms, options, defaults))
    found.update(_of_arrays(forms))
    scores = scores_of(forms)
    if scores is not None:
        role = role_of(point.loss, defaults)
        found.update(_of_shapes(role, scores, forms, options))
    if point.around:
        found.add(point.around)
    refusal = point.refusal
    if refusal is not None:
        found.add("refuses")
        found.add(f"refuses {family_of(*refusal)}")
    return frozenset(found)


def _of_options(forms: Mapping[str, Form], options: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    for name, default in defaults.items():
        if name in forms:
            yield name
            continue
        value = options.get(name, default)
        if (value is None and default is None) or (name.startswith("_") and value == default):
            continue
        plain = value is None or isinstance(value, _PLAIN)
        if not plain or value != default or isinstance(value, bool) != isinstance(default, bool):  # 1 is no flag
            yield name
        if plain:
            yield valued(name, value)
    for name in options.keys() - defaults.keys():
        if isinstance(options[name], _PLAIN):
            yield valued(name, options[name])
    if options.get("size_average") is not None or options.get("reduce") is not None:
        yield "legacy flags"


def _of_arrays(forms: Mapping[str, Form]) -> Iterator[str]:
    in_order = True
    floating = set()
    for name, form in forms.items():
        yield form.dtype
        if form.dtype in FLOATING:
            floating.add(form.dtype)
        if form.layout != "contiguous":
            yield form.layout
            if not form.in_order:
                in_order = False
                yield f"{name} strided"
        if 0 in form.shape:
            yield "empty"
        if len(form.shape) > 1 and form.shape[-2] == form.shape[-1] > 1:
            yield "square"
    if not floating.isdisjoint(_COMPLEX):
        yield "complex"
    if len(floating) > 1:
        yield "mixed dtypes"
    yield "contiguous" if in_order else "not contiguous"


def _of_shapes(role: Role, scores: str, forms: Mapping[str, Form], options: Mapping[str, Any]) -> Iterator[str]:
    shape = forms[scores].shape
    dims = len(shape)
    for name in {scores, *SCORES} & forms.keys():
        if forms[name].dtype not in FLOATING:
            yield "integer input"
    if not dims:
        yield "0-d"
    layer = forms.get("linear_weight")
    if max(dims, len(layer.shape) if layer else 0) > 2 and role.sample < 2:
        yield "more dimensions"
    batched = dims > role.sample
    if role.sample and dims == role.sample:
        yield "unbatched"
    if batched and shape[role.batch] == 1:
        yield "one sample"
    target = forms.get("target")
    if role.indices and target and target.dtype in FLOATING:
        yield "class probabilities"
    classes = _classes(role, shape, layer, options)
    if classes == 1:
        yield "one class"
    if _broadcast(role, forms):
        yield "broadcasting"
    rows = 1 if not batched else shape[role.batch] if not role.sample or role.sample > 1 else _rows(shape, classes)
    elements = max(prod(form.shape) for form in forms.values())
    if rows > LARGE[0] or elements > LARGE[1]:
        yield "large"
        if rows > VERY_LARGE[0] or elements > VERY_LARGE[1]:
            yield "very large"
    if elements > MILLIONS:
        yield "millions"


def _classes(role: Role, shape: tuple[int, ...], layer: Form | None, options: Mapping[str, Any]) -> int | None:
    """How many classes there are; None if the loss has none, or the shape is wrong."""
    if layer is not None:
        return layer.shape[0] if layer.shape else None
    if role.classes is None or not shape:
        return None
    dim = options.get("dim")
    if isinstance(dim, int) and -len(shape) <= dim < len(shape):
        return shape[dim]
    return shape[-1] if len(shape) <= max(role.sample, role.classes) else shape[role.classes]


def _rows(shape: tuple[int, ...], classes: int | None) -> int:
    """How many rows of classes, or of features, the scores have."""
    return prod(shape) // max(classes if classes in shape else shape[-1], 1)


def _broadcast(role: Role, forms: Mapping[str, Form]) -> bool:
    """Whether arrays of different shapes are combined element by element."""
    names = SCORES if role.sample else _ELEMENTWISE
    return len({form.shape for name, form in forms.items() if name in names}) > 1

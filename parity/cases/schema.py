"""The model of a case file. The reader validates with it, and the JSON Schema for editors is made from it."""

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Size: TypeAlias = Annotated[int, Field(ge=0)] | str
Shape: TypeAlias = list[Size]
Number: TypeAlias = int | float | str
Layout: TypeAlias = Literal[
    "contiguous", "fortran", "transposed", "sliced", "reversed", "expanded", "offset", "readonly"
]
LAYOUTS: tuple[str, ...] = Layout.__args__  # type: ignore[attr-defined]
DTYPES = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")
DType: TypeAlias = Literal[
    "float32", "float64", "float16", "bfloat16", "complex64", "complex128",
    "int64", "int32", "int16", "int8", "uint8", "bool",
]  # fmt: skip


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Mask(Strict):
    """Positions of an array that are set to one value: `at` indices, or a random `share` of all."""

    value: Number
    at: list[list[int]] | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None


class Spec(Strict):
    """What every array may say besides how it is made."""

    main: ClassVar[str]
    dtype: DType | None = Field(None, description="dtype of this array; by default the scenario's")
    layout: Layout | None = Field(None, description="strides of this array; by default the scenario's")
    mask: Mask | list[Mask] | None = Field(None, description="positions set to a value afterwards")
    scale: Number | None = Field(None, description="factor applied to the drawn values")

    @property
    def shape(self) -> list[int | str]:
        shape: list[int | str] = getattr(self, self.main)
        return shape


class Normal(Spec):
    """Standard normal numbers, times `std`, plus `mean`."""

    main = "normal"
    normal: Shape
    mean: Number = 0
    std: Number = 1


class Uniform(Spec):
    """Uniform numbers in [low, high)."""

    main = "uniform"
    uniform: Shape
    low: Number = 0
    high: Number = 1


class Integers(Spec):
    """Whole numbers in [low, high), int64 unless `dtype` says otherwise."""

    main = "integers"
    integers: Shape
    low: Number = 0
    high: Number


class Classes(Spec):
    """Class indices in [0, below), int64 unless `dtype` says otherwise."""

    main = "classes"
    classes: Shape
    below: Number


class OneHot(Spec):
    """One 1 along `dim`, at a random place, and 0 elsewhere."""

    main = "one_hot"
    one_hot: Shape
    dim: int | None = None


class Probabilities(Spec):
    """Positive numbers that sum to 1 along `dim`."""

    main = "probabilities"
    probabilities: Shape
    dim: int | None = None


class LogProbabilities(Spec):
    """Logarithms of positive numbers that sum to 1 along `dim`."""

    main = "log_probabilities"
    log_probabilities: Shape
    dim: int | None = None


class Bernoulli(Spec):
    """1 with probability `p`, else 0."""

    main = "bernoulli"
    bernoulli: Shape
    p: Number = 0.5


class Magnitudes(Spec):
    """Random signs times powers of ten with exponents uniform in [low, high]."""

    main = "magnitudes"
    magnitudes: Shape
    low: Number = -30
    high: Number = 4


class Choice(Spec):
    """Values picked at random from `of`."""

    main = "choice"
    choice: Shape
    of: list[Number]


class Full(Spec):
    """One value everywhere."""

    main = "full"
    full: Shape
    value: Number


class Arange(Spec):
    """0, 1, 2, ... in C order, taken modulo `modulo` if given, plus `start`."""

    main = "arange"
    arange: Shape
    start: Number = 0
    modulo: Number | None = None


class Like(Spec):
    """A copy of the values of an argument that stands before this one, times `scale`."""

    main = "like"
    like: str


class Tuple(Strict):
    """A tuple of numbers rather than an array, for an argument that takes both."""

    tuple: list[int | float]


class Literally(Spec):
    """An array written out, for when its dtype, layout or mask is to be told."""

    main = "array"
    array: Any


GENERATORS: dict[str, type[Spec]] = {
    model.main: model
    for model in (
        Normal, Uniform, Integers, Classes, OneHot, Probabilities, LogProbabilities, Bernoulli, Magnitudes, Choice,
        Full, Arange, Like, Literally,
    )
}  # fmt: skip


def generator_of(value: Any) -> str:
    """The generator that a value under `given` names, or 'plain' for a literal or an option."""
    if isinstance(value, Spec):
        return value.main
    if isinstance(value, Tuple):
        return "tuple"
    named = [key for key in value if key in GENERATORS or key == "tuple"] if isinstance(value, dict) else []
    return named[0] if named else "plain"


Given: TypeAlias = Annotated[
    Annotated[Normal, Tag("normal")] | Annotated[Uniform, Tag("uniform")]
    | Annotated[Integers, Tag("integers")] | Annotated[Classes, Tag("classes")]
    | Annotated[OneHot, Tag("one_hot")] | Annotated[Probabilities, Tag("probabilities")]
    | Annotated[LogProbabilities, Tag("log_probabilities")]
    | Annotated[Bernoulli, Tag("bernoulli")] | Annotated[Magnitudes, Tag("magnitudes")]
    | Annotated[Choice, Tag("choice")] | Annotated[Full, Tag("full")] | Annotated[Arange, Tag("arange")]
    | Annotated[Like, Tag("like")] | Annotated[Literally, Tag("array")] | Annotated[Tuple, Tag("tuple")]
    | Annotated[Any, Tag("plain")],
    Discriminator(generator_of),
]  # fmt: skip
Axis: TypeAlias = Annotated[list[Given], Field(min_length=1)] | Annotated[dict[str, Given], Field(min_length=1)]


class Allowance(Strict):
    """What |actual - expected| may be at most: atol + rtol |expected|; `steps` is an atol in steps of the dtype at 1."""

    rtol: Annotated[float, Field(ge=0)] = 0.0
    atol: Annotated[float, Field(ge=0)] = 0.0
    steps: Annotated[float, Field(ge=0)] = 0.0


class Tolerance(Strict):
    """A tolerance of a scenario's or file's own; `because` holds the reason and the measured error."""

    output: Allowance | None = None
    gradient: Allowance | None = None
    because: Annotated[str, Field(min_length=8)]


class Published(Strict):
    """A figure printed by an article: a second witness besides torch."""

    output: Any
    atol: Annotated[float, Field(ge=0)] = 0.0
    note: str | None = None


class ExpectedFailure(Strict):
    """Why an implementation leaves parity here; `where` narrows it to points by axis values."""

    because: Annotated[str, Field(min_length=8)]
    where: dict[str, Any] = Field(default_factory=dict)


class Finding(Strict):
    """Something wrong with torch itself: what it does, and what an implementation should return instead."""

    torch: Annotated[str, Field(min_length=8)]
    output: Any = None


class Case(Strict):
    """A scenario: given arrays and options, across a matrix of choices, what torch and the loss must agree on."""

    name: Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[^/\n:\[\]]+$")]
    why: str | None = None
    source: str | None = None
    sizes: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    given: dict[str, Given] = Field(default_factory=dict)
    across: dict[str, Axis] = Field(default_factory=dict)
    seeds: Annotated[int, Field(ge=1, le=1000)] | None = None
    depth: Literal["default", "deep"] = "default"
    raises: Annotated[dict[str, str], Field(min_length=1, max_length=1)] | None = None
    equals: str | None = None
    published: Published | None = None
    xfail: dict[str, str | ExpectedFailure | list[ExpectedFailure]] = Field(default_factory=dict)
    tolerance: Tolerance | None = None
    finding: Finding | None = None


class Defaults(Strict):
    """What the cases of a file share unless they say otherwise."""

    sizes: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    given: dict[str, Given] = Field(default_factory=dict)
    across: dict[str, Axis] = Field(default_factory=dict)
    seeds: Annotated[int, Field(ge=1, le=1000)] | None = None
    tolerance: Tolerance | None = None


class Impossible(Strict):
    """Two or more options that cannot be combined so, and why: no case can cover the pair."""

    options: Annotated[dict[str, str], Field(min_length=2)]
    because: Annotated[str, Field(min_length=8)]


class CaseFile(Strict):
    """The cases of one loss."""

    loss: str
    defaults: Defaults = Field(default_factory=Defaults)
    impossible: list[Impossible] = Field(default_factory=list)
    cases: Annotated[list[Case], Field(min_length=1)]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a case file, for editors."""
    return CaseFile.model_json_schema()


if __name__ == "__main__":
    Path("cases/schema.json").write_text(json.dumps(json_schema(), indent=1, sort_keys=True) + "\n")

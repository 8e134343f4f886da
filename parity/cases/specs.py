"""What may stand under `given`: how an array is made, in which dtype and strides, and which places are set.

The reader validates with these models, the JSON Schema is made from them, and parity.draws draws by them.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from parity.dtypes import FLOATING, NAMES

Size: TypeAlias = Annotated[int, Field(ge=0)] | str
Shape: TypeAlias = Annotated[list[Size], Field(description="sizes by number or by name: [N, C]; [] is one number")]
Whole: TypeAlias = int | str
Number: TypeAlias = int | float | str
Dim: TypeAlias = Annotated[int | None, Field(description="by default 1, where torch has the classes, or 0 in 1-d")]
Layout: TypeAlias = Literal[
    "contiguous", "fortran", "transposed", "channels_last", "batch_first", "sliced", "padded", "split", "reversed",
    "expanded", "repeated", "offset", "readonly", "far",
]  # fmt: skip
LAYOUTS: tuple[str, ...] = get_args(Layout)
# What a call may go through, on both sides: torch's answer under it is the reference's.
Around: TypeAlias = Literal[
    "autocast bfloat16", "autocast float16", "vmap", "vmap first", "jvp", "compile", "checkpoint", "positional",
    "default float64", "default bfloat16", "default device", "deterministic", "thread", "one storage", "same tensor",
]  # fmt: skip
AROUND: tuple[str, ...] = get_args(Around)
# What an array may be drawn in: the floating dtypes for a whole scenario, any for one array.
DTYPES: tuple[str, ...] = tuple(FLOATING)
if TYPE_CHECKING:
    DType: TypeAlias = str
else:
    DType = Literal[NAMES]

LITERAL: dict[str, Any] = {
    "anyOf": [{"type": ["number", "boolean"]}, {"type": "array", "items": {"$ref": "#/$defs/Literal"}}],
    "description": "a number, or a list of numbers or lists: whole numbers make int64, numbers with a point the "
    "scenario's dtype; .inf, -.inf and .nan are numbers",
}
NumbersLiteral: TypeAlias = Annotated[Any, WithJsonSchema({"allOf": [{"$ref": "#/$defs/Literal"}]})]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Mask(Strict):
    """Positions of an array that are set to one value: `at` indices, a random `share` of all, or both."""

    value: Number = Field(description="the number, or the size by name, that is set")
    at: Annotated[list[list[int]], Field(min_length=1)] | None = Field(
        default=None, description="indices such as [[0, 2], [1]]: an element, and the whole of row 1"
    )
    share: Annotated[float, Field(gt=0, le=1)] | None = Field(default=None, description="probability of each position")

    @model_validator(mode="after")
    def sets_something(self) -> "Mask":
        if self.at is None and self.share is None:
            raise PydanticCustomError("sentence", "this mask sets nothing, expected 'at' or 'share' beside 'value'")
        return self


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Masks: TypeAlias = Annotated[list[Mask], BeforeValidator(_as_list, json_schema_input_type=Mask | list[Mask])]


class Spec(Strict):
    """What every array may say besides how it is made."""

    main: ClassVar[str]
    dtype: DType | None = Field(default=None, description="dtype of this array; by default the scenario's")
    layout: Layout | None = Field(default=None, description="strides of this array; by default the scenario's")
    mask: Masks = Field(default=[], description="positions set to a value afterwards: a mask, or a list of masks")
    scale: Number | None = Field(default=None, description="factor applied to the values")

    @property
    def shape(self) -> list[int | str]:
        shape: list[int | str] = getattr(self, self.main)
        return shape


class Normal(Spec):
    """Standard normal numbers, times `std`, plus `mean`."""

    main = "normal"
    normal: Shape
    mean: Number = Field(default=0, description="their mean")
    std: Number = Field(default=1, description="their standard deviation")


class Uniform(Spec):
    """Uniform numbers in [low, high)."""

    main = "uniform"
    uniform: Shape
    low: Number = Field(default=0, description="the least number")
    high: Number = Field(default=1, description="what every number is below")


class Integers(Spec):
    """Whole numbers in [low, high), int64 unless `dtype` says otherwise."""

    main = "integers"
    integers: Shape
    low: Whole = Field(default=0, description="the least number")
    high: Whole = Field(description="what every number is below")


class Classes(Spec):
    """Class indices in [0, below), int64 unless `dtype` says otherwise."""

    main = "classes"
    classes: Shape
    below: Whole = Field(description="how many classes there are")


class OneHot(Spec):
    """One 1 along `dim`, at a random place, and 0 elsewhere."""

    main = "one_hot"
    one_hot: Shape
    dim: Dim = None


class Probabilities(Spec):
    """Positive numbers that sum to 1 along `dim`."""

    main = "probabilities"
    probabilities: Shape
    dim: Dim = None


class LogProbabilities(Spec):
    """Logarithms of positive numbers that sum to 1 along `dim`."""

    main = "log_probabilities"
    log_probabilities: Shape
    dim: Dim = None


class Bernoulli(Spec):
    """1 with probability `p`, else 0."""

    main = "bernoulli"
    bernoulli: Shape
    p: Number = Field(default=0.5, description="the probability of 1")


class Magnitudes(Spec):
    """Random signs times powers of ten with exponents uniform in [low, high)."""

    main = "magnitudes"
    magnitudes: Shape
    low: Number = Field(default=-30, description="the least exponent of 10")
    high: Number = Field(default=4, description="the largest exponent of 10")


class Choice(Spec):
    """Values picked at random from `of`."""

    main = "choice"
    choice: Shape
    of: Annotated[list[Number], Field(min_length=1)] = Field(description="the numbers to pick from")


class Full(Spec):
    """One value everywhere, in the scenario's dtype unless `dtype` says otherwise."""

    main = "full"
    full: Shape
    value: Number = Field(description="the number")


class Arange(Spec):
    """0, 1, 2, ... in C order, taken modulo `modulo` if given, plus `start`; int64 if `start` is whole."""

    main = "arange"
    arange: Shape
    start: Number = Field(default=0, description="what is added to every number")
    modulo: Whole | None = Field(default=None, description="how many numbers there are before they repeat")


class Like(Spec):
    """A copy of the values of an argument that stands before this one."""

    main = "like"
    like: str = Field(description="the argument's name")


class Literally(Spec):
    """An array written out, for when its dtype, layout, mask or scale is to be told."""

    main = "array"
    array: NumbersLiteral = Field(description="the numbers")


class Tuple(Strict):
    """A Python tuple of numbers rather than an array, for an argument that takes both."""

    main: ClassVar[str] = "tuple"
    tuple: list[int | float] = Field(description="the numbers")

    @property
    def value(self) -> Any:
        return (*self.tuple,)


class PlainNumber(Strict):
    """A plain Python number rather than an array of no dimensions, for an argument that takes arrays."""

    main: ClassVar[str] = "number"
    number: int | float = Field(description="the number")

    @property
    def value(self) -> Any:
        return self.number


_MODELS: tuple[type[Spec], ...] = (
    Normal, Uniform, Integers, Classes, OneHot, Probabilities, LogProbabilities, Bernoulli, Magnitudes, Choice, Full,
    Arange, Like, Literally,
)  # fmt: skip
GENERATORS: dict[str, type[Spec]] = {model.main: model for model in _MODELS}
# isinstance of a pydantic model takes ten times as long as to look here, and there are no classes below these.
SPECS = frozenset(GENERATORS.values())
FORMS: dict[str, type[Strict]] = {**GENERATORS, "tuple": Tuple, "number": PlainNumber}


def generator_of(value: Any) -> str:
    """The generator that a value under `given` names, or 'plain' for a literal or an option."""
    if isinstance(value, Spec):
        return value.main
    for form in (Tuple, PlainNumber):
        if isinstance(value, form):
            return form.main
    return next((key for key in value if key in FORMS), "plain") if isinstance(value, dict) else "plain"


Given: TypeAlias = Annotated[
    Annotated[Normal, Tag("normal")] | Annotated[Uniform, Tag("uniform")]
    | Annotated[Integers, Tag("integers")] | Annotated[Classes, Tag("classes")]
    | Annotated[OneHot, Tag("one_hot")] | Annotated[Probabilities, Tag("probabilities")]
    | Annotated[LogProbabilities, Tag("log_probabilities")]
    | Annotated[Bernoulli, Tag("bernoulli")] | Annotated[Magnitudes, Tag("magnitudes")]
    | Annotated[Choice, Tag("choice")] | Annotated[Full, Tag("full")] | Annotated[Arange, Tag("arange")]
    | Annotated[Like, Tag("like")] | Annotated[Literally, Tag("array")] | Annotated[Tuple, Tag("tuple")]
    | Annotated[PlainNumber, Tag("number")]
    | Annotated[Any, Tag("plain")],
    Discriminator(generator_of),
]  # fmt: skip

"""The model of a case file. The reader validates with it, and the JSON Schema for editors is made from it.

`python -m parity.cases.schema` writes cases/schema.json.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic.json_schema import models_json_schema

from parity import losses
from parity.cases.axes import Axis, words_for
from parity.cases.needs import Needs
from parity.cases.signature import signature_of
from parity.cases.specs import AROUND, DTYPES, FORMS, LAYOUTS, LITERAL, Given, NumbersLiteral, Strict

NAME = r"^[^\s/:\[\]\x00-\x1f\x7f-\x9f][^/:\[\]\x00-\x1f\x7f-\x9f]*$"
Reason: TypeAlias = Annotated[str, Field(min_length=8)]
Positive: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Observed: TypeAlias = Literal[
    "saved inputs", "one call", "bias", "relations", "permutation", "padding", "splitting", "shift", "linearity",
    "derivative",
]  # fmt: skip
Seeds: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
# Loosely described here: `json_schema` says, loss by loss, which arguments there are.
Arguments: TypeAlias = Annotated[dict[str, Given], WithJsonSchema({"type": "object"})]
Axes: TypeAlias = Annotated[dict[str, Axis], WithJsonSchema({"type": "object"})]
Sizes: TypeAlias = dict[str, Annotated[int, Field(ge=0)]]


def _texts(value: Any) -> Any:
    """A text alone, or what stands in its place, as a list."""
    return value if isinstance(value, list) else [value]


Texts: TypeAlias = Annotated[
    list[str], Field(min_length=1), BeforeValidator(_texts, json_schema_input_type=str | list[str])
]


class Allowance(Strict):
    """What |actual - expected| may be at most: atol + rtol |expected| + `eps` times the dtype's spacing at 1."""

    rtol: Positive = Field(default=0.0, le=0.1, description="share of the expected value")
    atol: Positive = Field(default=0.0, le=1, description="absolute error")
    eps: Positive = Field(default=0.0, le=1024, description="absolute error in units of the dtype's spacing at 1")


class Tolerance(Strict):
    """A tolerance of a scenario's own; `because` holds the reason and the measured error."""

    output: Allowance | None = Field(default=None, description="for the output")
    gradient: Allowance | None = Field(default=None, description="for every gradient")
    because: Reason = Field(description="why the table's tolerance will not do, with the measured error")


class Published(Strict):
    """A figure printed by an article: a second witness besides torch."""

    output: NumbersLiteral = Field(description="the figure, or a list of figures, in the output's shape")
    atol: Positive = Field(default=0.0, description="half a unit of the last printed digit, or more")
    note: str | None = Field(default=None, description="what is odd about the figure")


class ExpectedFailure(Strict):
    """Why an implementation leaves parity here; `where` narrows it to points by axis values, or by facts."""

    because: Reason = Field(description="the reason, for the report")
    where: dict[str, Any] | Annotated[str, Field(min_length=1, max_length=300)] = Field(
        default={},
        description="axis to value or list of values, such as {dtype: float16}, or an expression of facts, such as "
        "'ignored targets and not large' (`parity facts` lists the words)",
    )


def _reasons(value: Any) -> Any:
    """A reason alone, or one failure alone, as a list of failures."""
    if isinstance(value, str):
        return [{"because": value}]
    return value if isinstance(value, list) else [value]


Failures: TypeAlias = Annotated[
    list[ExpectedFailure],
    BeforeValidator(_reasons, json_schema_input_type=Reason | ExpectedFailure | list[ExpectedFailure]),
]


class Finding(Strict):
    """Something wrong with torch itself: what it does, and what an implementation should return instead."""

    torch: Reason = Field(description="what torch does, for the report")
    output: NumbersLiteral = Field(default=None, description="what must be returned instead")
    raises: str | None = Field(default=None, description="class of the exception that must be raised instead")


class Case(Strict):
    """A scenario: given arrays and options, across a matrix of choices, what torch and the loss must agree on."""

    name: Annotated[str, Field(min_length=3, max_length=120, pattern=NAME)] = Field(
        description="a fact in the present tense, unique in this file"
    )
    why: str | None = Field(default=None, description="the point of this scenario, where the name does not say it")
    source: str | None = Field(default=None, description="the article this example is from")
    sizes: Sizes = Field(default={}, description="sizes by name, besides the file's")
    given: Arguments = Field(default={}, description="arguments by torch's names")
    without: list[str] = Field(default=[], description="arguments of the defaults that are left out")
    across: Axes = Field(
        default={}, description="values of dtype, layout, around, sizes and arguments: every combination"
    )
    seeds: Seeds | None = Field(default=None, description="draws a point; by default 3")
    depth: Literal["default", "deep"] = Field(default="default", description="deep: only run with --parity-depth deep")
    torch: Needs = Field(default=[], description="the versions of torch that have it, where torch cannot be asked")
    raises: Annotated[dict[str, Texts], Field(min_length=1, max_length=1)] | None = Field(
        default=None,
        description="the exception's class to a part of torch's message, or a list of parts of which its versions have "
        "one each; both sides must raise it",
    )
    warns: Annotated[dict[str, str], Field(max_length=1)] | None = Field(
        default=None,
        description="the warning's class to a part of its text, that both sides give; {} where neither warns",
    )
    observe: Annotated[list[Observed], Field(min_length=1)] = Field(
        default=[],
        description="what is looked at: saved inputs are arguments changed before the backward, besides; one call is "
        "that what one call answers is all that is looked at, as large arrays need no more; bias is the mean of the "
        "signed roundings of thousands of rows that no number but 1 is shared by, besides; relations are what two "
        "calls of the loss itself owe to each other, besides: all that its role has, or, of a loss of your own, those "
        "that are named (permutation, padding, splitting, shift, linearity, derivative)",
    )
    equals: Annotated[str, Field(min_length=1, max_length=300)] | None = Field(
        default=None, description="an expression over the losses with the same output and gradients"
    )
    published: Published | None = Field(default=None, description="a figure printed by an article")
    xfail: dict[str, Failures] = Field(default={}, description="implementation to why it leaves parity here; strict")
    tolerance: Tolerance | None = Field(default=None, description="a tolerance of this scenario's own, with its reason")
    finding: Finding | None = Field(default=None, description="a call to which torch has no defined answer")
    better: Reason | None = Field(
        default=None, description="why an answer nearer to the exact one than torch's leaves parity here"
    )

    @property
    def one_call(self) -> bool:
        """Whether what one call answers is all that is looked at."""
        return "one call" in self.observe


class Defaults(Strict):
    """What the cases of a file share unless they say otherwise."""

    sizes: Sizes = Field(default={}, description="sizes by name")
    given: Arguments = Field(default={}, description="arguments, by torch's names")
    across: Axes = Field(default={}, description="axis to values")
    seeds: Seeds | None = Field(default=None, description="draws a point; by default 3")
    torch: Needs = Field(default=[], description="the versions of torch that cases are for, beside the cases' own")


class Impossible(Strict):
    """Two or more options that cannot be combined so, and why: no case can cover the pair."""

    options: Annotated[dict[str, str], Field(min_length=2)] = Field(description="option to level")
    because: Reason = Field(description="the reason, for the coverage table")


class CaseFile(Strict):
    """The cases of one loss."""

    loss: str = Field(description="the function of torch.nn.functional that the cases are about, or the reference's")
    reference: str | None = Field(
        default=None, description="module:function that answers in torch's place: a callable of tensors"
    )
    use: Annotated[list[str], Field(max_length=100)] = Field(
        default=[], description="files of shared cases: the loss has those whose arguments it takes"
    )
    but: dict[str, Reason] = Field(default={}, alias="except", description="shared case that is left out to the reason")
    defaults: Defaults = Field(default_factory=Defaults, description="what the cases share")
    impossible: list[Impossible] = Field(default=[], description="pairs of options that no case can cover")
    cases: Annotated[list[Case], Field(min_length=1)] = Field(description="the scenarios")


class SharedFile(Strict):
    """Cases that several losses share, each with its own file's defaults."""

    shared: str = Field(description="the file's own name, under which a loss's file uses it")
    cases: Annotated[list[Case], Field(min_length=1)] = Field(description="the scenarios")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a case file, for editors: it knows the arguments of every loss by name."""
    models: list[type[Strict]] = [CaseFile, SharedFile, *FORMS.values()]
    definitions: dict[str, Any] = models_json_schema([(model, "validation") for model in models])[1]["$defs"]
    file, shared = definitions["CaseFile"], definitions["SharedFile"]
    definitions.pop("Labels")  # an axis of arguments known by name says what its labels stand for
    of_torch = {"not": {"required": ["reference"]}}
    known = {"if": of_torch, "then": {"properties": {"loss": {"enum": sorted(losses.LOSSES)}}}}
    file["allOf"] = [known, *(_only_for(loss, of_torch) for loss in losses.LOSSES)]
    shared["allOf"] = [{"properties": {"cases": {"items": _ref("any_loss")}}}]
    scalar = {"type": ["number", "boolean", "string", "null"]}
    values = {
        "Array": {"anyOf": [_ref("Literal"), {"type": "null"}, *(_ref(model.__name__) for model in FORMS.values())]},
        "Option": {"anyOf": [scalar, {"type": ["array", "object"], "items": scalar, "additionalProperties": scalar}]},
        "DType": {"enum": list(DTYPES)},
        "Layout": {"enum": list(LAYOUTS)},
        "Around": {"enum": list(AROUND)},
        "Size": {"type": "integer", "minimum": 0},
    }
    axes = {f"{name}Axis": _axis(_ref(name)) for name in values}
    of_losses = {loss: _arguments(loss) for loss in losses.LOSSES}
    of_losses["any_loss"] = _merged(of_losses.values())
    definitions |= {"Literal": LITERAL} | values | axes | of_losses
    either = {"if": {"required": ["shared"]}, "then": _ref("SharedFile"), "else": _ref("CaseFile")}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **either, "$defs": definitions}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _axis(value: dict[str, Any]) -> dict[str, Any]:
    """A list of values, or values with labels."""
    labels = {"type": "object", "additionalProperties": value, "minProperties": 1}
    labelled = {"type": "object", "properties": {"labels": labels}, "required": ["labels"]}
    return {"anyOf": [{"type": "array", "items": value, "minItems": 1}, labelled | {"additionalProperties": False}]}


def _only_for(loss: str, of_torch: dict[str, Any]) -> dict[str, Any]:
    then = {"properties": {"defaults": _ref(loss), "cases": {"items": _ref(loss)}}}
    return {"if": of_torch | {"properties": {"loss": {"const": loss}}}, "then": then}


def _arguments(loss: str) -> dict[str, Any]:
    """`given` and `across` of one loss, with its arguments by name."""
    signature = signature_of(loss)
    given: dict[str, Any] = {}

    def axis(kind: str, name: str) -> dict[str, Any]:
        """The values of one axis, or a word for all of them."""
        known = words_for(loss, name)
        return {"anyOf": [{"enum": sorted(known)}, _ref(f"{kind}Axis")]} if known else _ref(f"{kind}Axis")

    across = {"dtype": {**axis("DType", "dtype"), "description": "dtypes of the arrays"}}
    across["layout"] = {**axis("Layout", "layout"), "description": "strides of all arrays at once, then of each alone"}
    across["around"] = {**axis("Around", "around"), "description": "what the call goes through on both sides"}
    for name in [*signature.names, "grad_output"]:
        kind = "Array" if signature.takes_array(name) else "Option"
        default = "needed" if name in signature.required else f"by default {signature.default(name)!r}"
        about = {"description": "upstream gradient" if name == "grad_output" else f"{kind.lower()}, {default}"}
        given[name] = _ref(kind) | about
        across[signature.axis(name)] = axis(kind, signature.axis(name)) | about
    more = {signature.pattern: _ref("Array")} if signature.pattern else {}
    more_axes = {signature.pattern: _ref("ArrayAxis")} if signature.pattern else {}
    return {"properties": {
        "given": {"properties": given, "patternProperties": more, "additionalProperties": False},
        "across": {"properties": across, "patternProperties": more_axes, "additionalProperties": _ref("SizeAxis")},
    }}  # fmt: skip


def _merged(of_losses: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """`given` and `across` of any loss: what some loss takes under that name."""
    merged: dict[str, Any] = {"given": {}, "across": {}}
    for one in of_losses:
        for part, names in merged.items():
            inside = one["properties"][part]
            for name, value in (inside["properties"] | inside["patternProperties"]).items():
                bare = {key: said for key, said in value.items() if key != "description"}
                some = names.setdefault(name, {"anyOf": []})["anyOf"]
                some += [bare] if bare not in some else []
    given = {"properties": merged["given"], "additionalProperties": False}
    across = {"properties": merged["across"], "additionalProperties": _ref("SizeAxis")}
    return {"properties": {"given": given, "across": across}}


def text() -> str:
    """The JSON Schema as it stands in its file."""
    return json.dumps(json_schema(), indent=1, sort_keys=True) + "\n"


def main(path: Path) -> None:
    """Write the JSON Schema to `path`, and say so."""
    path.write_text(text())
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path("cases/schema.json"))

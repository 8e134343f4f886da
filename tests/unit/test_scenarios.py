"""What a good case file means: its numbers of points, its defaults, its ids, and its JSON Schema."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from parity import losses
from parity.cases import schema
from parity.cases.load import load
from parity.cases.points import Point, expand, seeds_of
from parity.cases.schema import Case, CaseFile, Defaults, SharedFile
from parity.cases.specs import DTYPES, LAYOUTS
from parity.facts.point import facts_of
from parity.implementations.registry import served

CASES = Path(__file__).parents[2] / "cases"
SHIPPED = sorted(CASES.glob("*.yaml"))
GIVEN = "given: {input: [1.0], target: [1.0]}"
WEIGHT = "weight: {labels: {without: null, with: [2.0]}}"


def points_of(text: str, folder: Path) -> list[Point]:
    path = folder / "good.yaml"
    path.write_text(text)
    return [point for scenario in load(path, served()) for point in expand(scenario)]


def l1(*lines: str, defaults: str = "{}") -> str:
    """A file of one case about l1_loss."""
    return f"loss: l1_loss\ndefaults: {defaults}\ncases:\n  - name: a case\n" + "".join(f"    {one}\n" for one in lines)


def test_a_point_is_one_choice_of_everything(tmp_path: Path) -> None:
    across = f"across: {{dtype: [float64, float16], reduction: [none, sum], N: [1, 3], {WEIGHT}}}"
    points = points_of(l1("sizes: {N: 5, M: 2}", GIVEN, across), tmp_path)
    assert len(points) == 16
    assert len({point.id for point in points}) == 16
    last = points[-1]
    assert last.id == "l1_loss/a case/sum-N=3-with-float16"
    assert (last.dtype, last.sizes, last.layouts) == ("float16", {"N": 3, "M": 2}, {})
    assert last.given == {"input": [1.0], "target": [1.0], "reduction": "sum", "weight": [2.0]}
    assert (last.arrays, last.options) == (["input", "target", "weight"], {"reduction": "sum"})
    assert points[0].given["weight"] is None


def test_the_dtype_is_float32_and_there_are_three_seeds_unless_told(tmp_path: Path) -> None:
    (point,) = points_of(l1(GIVEN), tmp_path)
    assert (point.id, point.dtype) == ("l1_loss/a case/float32", "float32")
    assert seeds_of(point, None, 7, "default") == range(7, 10)
    assert seeds_of(point, None, 0, "deep") == range(30)
    assert seeds_of(point, 2, 5, "deep") == range(5, 7)
    (point,) = points_of(l1(GIVEN, "seeds: 1", defaults="{seeds: 5}"), tmp_path)
    assert seeds_of(point, None, 0, "default") == range(1)


DEFAULTS = "{sizes: {N: 2}, given: {reduction: sum, weight: [3.0]}, across: {N: [1, 2], reduce: [true, false]}}"


@pytest.mark.parametrize(
    ("own", "given", "number"),
    [
        ("why: nothing of its own", {"reduction": "sum", "weight": [3.0], "reduce": True}, 4),
        ("sizes: {N: 7}", {"reduction": "sum", "weight": [3.0], "reduce": True}, 2),
        ("across: {reduction: [mean]}", {"reduction": "mean", "weight": [3.0], "reduce": True}, 4),
        ("across: {N: [4]}", {"reduction": "sum", "weight": [3.0], "reduce": True}, 2),
    ],
)
def test_a_case_wins_over_the_defaults(tmp_path: Path, own: str, given: dict[str, Any], number: int) -> None:
    points = points_of(l1(GIVEN, own, defaults=DEFAULTS), tmp_path)
    assert len(points) == number
    assert points[0].given == {"input": [1.0], "target": [1.0], **given}


def test_given_wins_over_an_axis_of_the_defaults_and_without_leaves_out(tmp_path: Path) -> None:
    given = "given: {input: [1.0], target: [1.0], reduction: mean}"
    points = points_of(l1(given, "without: [reduce, weight]", defaults=DEFAULTS), tmp_path)
    assert [point.given for point in points] == [{"input": [1.0], "target": [1.0], "reduction": "mean"}] * 2


def test_null_is_a_value_like_another(tmp_path: Path) -> None:
    """It is Python's None, which torch is given."""
    given = "given: {input: [1.0], target: [1.0], reduction: sum, weight: null}"
    points = points_of(l1(given, "across: {reduce: [null, true]}", defaults=DEFAULTS), tmp_path)
    assert [point.given["reduce"] for point in points] == [None, True] * 2
    assert {point.given["weight"] for point in points} == {None}


@pytest.mark.parametrize(
    ("loss", "axis", "labels"),
    [
        ("l1_loss", "dtype: floating", ["float32", "float64", "float16", "bfloat16"]),
        ("l1_loss", "dtype: complex", ["complex64", "complex128"]),
        ("l1_loss", "dtype: all", DTYPES),
        ("l1_loss", "reduction: all", ["none", "mean", "sum"]),
        ("kl_div", "reduction: all", ["none", "mean", "sum", "batchmean"]),
    ],
)
def test_a_word_stands_for_all_values(tmp_path: Path, loss: str, axis: str, labels: list[str]) -> None:
    points = points_of(l1(GIVEN, f"across: {{{axis}}}").replace("l1_loss", loss), tmp_path)
    assert [point.choice[axis.partition(":")[0]] for point in points] == list(labels)


def test_every_layout_has_its_points_under_one_word(tmp_path: Path) -> None:
    points = points_of(l1("given: {input: [1.0], target: 1.0}", "across: {layout: all}"), tmp_path)
    alone = [point.choice["layout"] for point in points if len(point.layouts) == 2]
    assert set(LAYOUTS) - set(alone) == {"channels_last", "batch_first", "padded", "split", "far", "repeated"}


def test_a_layout_is_taken_for_all_arrays_at_once_and_for_each_alone(tmp_path: Path) -> None:
    across = f"across: {{layout: [contiguous, sliced], {WEIGHT}}}"
    points = [point for point in points_of(l1(GIVEN, across), tmp_path) if point.given["weight"]]
    assert [(point.choice["layout"], point.layouts) for point in points] == [
        ("contiguous", {"input": "contiguous", "target": "contiguous", "weight": "contiguous"}),
        ("sliced", {"input": "sliced", "target": "sliced", "weight": "sliced"}),
        ("sliced input", {"input": "sliced"}),
        ("sliced target", {"target": "sliced"}),
        ("sliced weight", {"weight": "sliced"}),
    ]


def test_an_array_may_have_a_layout_of_its_own(tmp_path: Path) -> None:
    given = "given: {input: {normal: [2], layout: offset}, target: {normal: [2]}}"
    (point,) = points_of(l1(given, "across: {layout: [contiguous]}"), tmp_path)
    assert point.layouts == {"input": "offset", "target": "contiguous"}


@pytest.mark.parametrize(
    ("where", "covered"),
    [
        ("{}", 16),
        ("{dtype: float16}", 8),
        ("{dtype: [float16, float64], reduction: none}", 16),
        ("{dtype: float16, weight: with}", 4),
        ("{layout: sliced input}", 4),
        ("float16", 8),
        ("float16 and weight", 4),
        ("not (float16 or weight)", 4),
    ],
)
def test_an_expected_failure_covers_the_points_it_names(tmp_path: Path, where: str, covered: int) -> None:
    across = f"across: {{dtype: [float16, float64], reduction: [none], {WEIGHT}, layout: [sliced]}}"
    xfail = f"xfail: {{numpy: {{because: it is unstable, where: {where}}}}}"
    points = points_of(l1("given: {input: [1.0], target: 1.0}", across, xfail), tmp_path)
    assert len(points) == 16
    assert sum(point.expected_failure("numpy", facts_of(point)) is not None for point in points) == covered
    assert not any(point.expected_failure("torch", facts_of(point)) for point in points)


@pytest.mark.parametrize(
    ("xfail", "reasons"),
    [
        ("{numpy: it is unstable}", ["it is unstable"]),
        ("{numpy: {because: it is unstable}}", ["it is unstable"]),
        ("{numpy: [{because: it is unstable}, {because: it is wrong}]}", ["it is unstable", "it is wrong"]),
    ],
)
def test_a_reason_may_be_said_in_three_ways(tmp_path: Path, xfail: str, reasons: list[str]) -> None:
    (point,) = points_of(l1(GIVEN, f"xfail: {xfail}"), tmp_path)
    assert [failure.because for failure in point.scenario.xfail["numpy"]] == reasons


@pytest.mark.parametrize(
    ("axis", "label"),
    [
        ("reduction: [none]", "none"),
        ("reduction: ['']", "reduction="),
        ("reduction: ['a/b:c']", "a|b|c"),
        ("size_average: [null]", "size_average=null"),
        ("reduce: [false]", "reduce=false"),
        ("weight: [[1.0, 2]]", "weight=[1.0,2]"),
        ("weight: [{normal: [3]}]", "weight=normal"),
        ("weight: {labels: {in words: [1.0]}}", "in words"),
        ("N: [3]", "N=3"),
    ],
)
def test_a_value_reads_well_in_an_id(tmp_path: Path, axis: str, label: str) -> None:
    (point,) = points_of(l1("sizes: {N: 1}", GIVEN, f"across: {{{axis}}}"), tmp_path)
    assert point.id == f"l1_loss/a case/{label}-float32"


def test_an_option_called_dtype_has_an_axis_of_its_own(tmp_path: Path) -> None:
    text = l1("given: {input: [1.0], dim: 0}", "across: {given.dtype: [null, float64]}").replace("l1_loss", "softmax")
    points = points_of(text, tmp_path)
    assert [(point.id.split("/")[-1], point.dtype, point.given["dtype"]) for point in points] == [
        ("given.dtype=null-float32", "float32", None),
        ("float64-float32", "float32", "float64"),
    ]


def test_the_schema_on_disk_is_the_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    schema.main(tmp_path / "schema.json")
    assert capsys.readouterr().out == f"wrote {tmp_path / 'schema.json'}\n"
    written = (tmp_path / "schema.json").read_text()
    assert written == (CASES / "schema.json").read_text(), "run python -m parity.cases.schema"


def test_the_schema_describes_every_key_and_refuses_others() -> None:
    whole = schema.json_schema()
    of_torch, *_ = whole["$defs"]["CaseFile"]["allOf"]  # where no reference is named
    assert of_torch["then"]["properties"]["loss"]["enum"] == sorted(losses.LOSSES)
    models = {name: one for name, one in whole["$defs"].items() if "title" in one}
    assert {"CaseFile", "SharedFile"} <= models.keys()
    assert {"Case", "Defaults", "Normal", "Literally", "Tuple", "Mask", "Tolerance", "Finding"} <= models.keys()
    for name, model in models.items():
        assert model["additionalProperties"] is False, name
        assert model["description"], name
        for key, value in model["properties"].items():
            assert value.get("description"), f"{name}.{key}"
    for model in (Case, Defaults, CaseFile, SharedFile):
        names = {field.alias or name for name, field in model.model_fields.items()}
        assert whole["$defs"][model.__name__]["properties"].keys() == names
    given = whole["$defs"]["cross_entropy"]["properties"]["given"]
    assert given["additionalProperties"] is False
    assert {"input", "target", "weight", "label_smoothing", "grad_output"} <= given["properties"].keys()
    targets = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(whole)))
    assert targets == whole["$defs"].keys()


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_a_shipped_file_names_the_schema_and_its_own_loss(path: Path) -> None:
    first, second = path.read_text().splitlines()[:2]
    assert first == "# yaml-language-server: $schema=schema.json"
    assert second == f"loss: {path.stem}"
    assert load(path, served())

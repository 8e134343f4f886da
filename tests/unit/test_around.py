"""Transformations, warnings and observations as a case file says them, and the warnings of two sides."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.signature import signature_of
from parity.comparison.warned import differences, during
from parity.frameworks.positional import by_position, placed
from parity.implementations.registry import served
from parity.records.sentences import sentence

CASE = """
loss: mse_loss
cases:
  - name: plain grid
    given: {{input: {{normal: [2, 3]}}, target: {{normal: [2, 3]}}}}
    {said}
"""


def points(folder: Path, said: str) -> list[Point]:
    path = folder / "mse_loss.yaml"
    path.write_text(CASE.format(said=said))
    return [point for scenario in load(path, served()) for point in expand(scenario)]


def test_a_transformation_is_a_part_of_the_id_and_no_argument(tmp_path: Path) -> None:
    found = points(tmp_path, "across: {around: [vmap, checkpoint]}")
    assert [(point.id, point.around) for point in found] == [
        ("mse_loss/plain grid/vmap-float32", "vmap"),
        ("mse_loss/plain grid/checkpoint-float32", "checkpoint"),
    ]
    assert [point.arrays for point in found] == [["input", "target"]] * 2
    assert [point.around for point in points(tmp_path, "across: {around: autocast}")] == [
        "autocast bfloat16", "autocast float16",
    ]  # fmt: skip
    assert [point.around for point in points(tmp_path, "across: {dtype: [float64]}")] == [""]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("across: {around: [vmapp]}", "found the text 'vmapp', expected a transformation; did you mean 'vmap'?"),
        ("across: {around: vmap}", "found the text 'vmap', expected a list or a word; expected one of autocast"),
        ("across: {arround: [vmap]}", "'arround' is not an argument of mse_loss, a size, dtype, layout or around"),
        ("warns: {UserWarnin: size}", "there is no warning 'UserWarnin'; did you mean 'UserWarning'?"),
        ("warns: {ValueError: size}", "there is no warning 'ValueError'"),
        ("warns: {UserWarning: size, FutureWarning: size}", "expected at most 1 inside"),
        ("observe: [saved]", "found the text 'saved'; did you mean 'saved inputs'?"),
        ("raises: {ValueError: size}\n    warns: {}", "'warns' says nothing beside 'raises'"),
        ("across: {around: [vmap]}\n    equals: input * target", "'equals' is said of a plain call, this case has 'ar"),
    ],
)
def test_what_means_nothing_is_told(said: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError) as told:
        points(tmp_path, said)
    assert sentence in str(told.value)


def warns(*given: Warning) -> Callable[[], None]:
    def call() -> None:
        for one in given:
            warnings.warn(one, stacklevel=2)

    return call


SIZE, OTHER, HIDDEN = UserWarning("another size"), UserWarning("a slow path"), DeprecationWarning("an old name")


@pytest.mark.parametrize(
    ("wanted", "torch", "ours", "told"),
    [
        ({"UserWarning": "size"}, [SIZE], [SIZE], ""),
        ({"UserWarning": "SIZE"}, [SIZE], [SIZE, HIDDEN], ""),
        ({"Warning": "size"}, [SIZE], [SIZE], ""),
        ({"UserWarning": "size"}, [SIZE], [], "gives no warning where torch gives UserWarning with 'size'"),
        ({"UserWarning": "size"}, [SIZE], [OTHER], "gives UserWarning: a slow path where torch gives UserWarning with"),
        ({"UserWarning": "size"}, [SIZE], [FutureWarning("size")], "gives FutureWarning: size where torch gives User"),
        ({"UserWarning": "size"}, [SIZE], [SIZE, OTHER], "gives UserWarning: a slow path, torch gives none of that"),
        ({"UserWarning": "size"}, [SIZE, OTHER], [SIZE, OTHER], ""),
        ({}, [], [HIDDEN], ""),
        ({}, [], [OTHER], "gives UserWarning: a slow path, torch gives none of that kind"),
        ({}, [SIZE], [SIZE], "torch gives UserWarning: another size, the case expects no warning"),
        ({"UserWarning": "size"}, [], [SIZE], "torch gives no warning, the case expects UserWarning with 'size'"),
    ],
)
def test_a_warning_that_is_missing_or_spurious_is_told(
    wanted: dict[str, str], torch: list[Warning], ours: list[Warning], told: str
) -> None:
    found = list(differences(wanted, during(warns(*torch)), during(warns(*ours))))
    assert len(found) == bool(told)
    assert not told or told in sentence(found[0])


def test_a_warning_is_seen_each_time_and_the_filters_stay() -> None:
    before = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(during(warns(SIZE))) == len(during(warns(SIZE))) == 1
    assert list(warnings.filters) == before


def test_a_call_by_position_fills_what_is_left_out_between() -> None:
    places, named = placed(signature_of("cross_entropy"), {"input": 1, "target": 2, "ignore_index": 3})
    assert places == {"input": 1, "target": 2, "weight": None, "size_average": None, "ignore_index": 3}
    assert named == {}
    _, named = placed(
        signature_of("linear_cross_entropy"), {"input": 1, "linear_weight": 2, "target": 3, "reduction": "sum"}
    )
    assert named == {"reduction": "sum"}
    called = by_position(signature_of("mse_loss"), lambda *places, **named: (places, named))
    assert called(target=2, input=1, reduction="sum") == ((1, 2, None, None, "sum"), {})

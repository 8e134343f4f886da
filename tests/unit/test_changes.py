"""What changed between two versions of torch, by cause, from small files of hashes."""

import lzma
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from parity.api import check
from parity.cases.points import Point
from parity.cli import app
from parity.engine.changes import Change, Unknown, changes, differences, snapshot_of
from parity.engine.snapshot import outcome
from parity.engine.state import known_state
from parity.losses import conventions, hinge_embedding_loss
from parity.losses.conventions import Conventions
from parity.plugin.reports import about_torch
from parity.references import about, snapshots, versions
from parity.references.conventions import probed
from parity.references.snapshots import Outcome, Snapshot, Unreadable, coded, known, moved, read_snapshot, shipped
from parity.types import Array, Result

Points = Callable[[str], list[Point]]
KINK = "hinge_embedding_loss/a margin met exactly passes the gradient/none-float32"
ONE = np.array([1.0, -2.0, 3.0], np.float32)


def of(outcomes: dict[str, Outcome], torch: str = "2.13.0", clamp: float = 1.0) -> Snapshot:
    return Snapshot(torch, "2.4.6", {"clamp_at_bound": clamp}, {}, outcomes)


@pytest.mark.parametrize("values", [ONE, ONE[:0], np.float32(2.0) * ONE[0], np.array([1 + 2j]), np.array([True])])
def test_a_value_has_a_short_code_of_its_own(values: Array) -> None:
    values = np.asarray(values)
    assert coded([values]) == coded([values.copy()])
    assert len(coded([values])) == 20
    assert moved(coded([values]), coded([values])) == 0


@pytest.mark.parametrize("dtype", ["float32", "float16", "complex64"])
def test_the_sign_of_a_nan_is_no_part_of_an_answer(dtype: str) -> None:
    one, other = (np.array([1.0, float(nan), -0.0], dtype) for nan in ("nan", "-nan"))
    assert one.tobytes() != other.tobytes()
    assert coded([one]) == coded([other]) != coded([abs(one)])


def test_a_rounding_moves_the_figures_of_a_value_hardly() -> None:
    near = np.nextafter(ONE, np.float32(9))
    assert coded([near]) != coded([ONE])
    assert 0 <= moved(coded([ONE]), coded([near])) < 1e-6


@pytest.mark.parametrize(
    "other",
    [
        -ONE, ONE * 1.001, ONE[::-1], np.where(ONE < 0, 0, ONE), ONE.astype(np.float64), ONE[:2],
        np.where(ONE < 0, np.nan, ONE),
    ],
)  # fmt: skip
def test_anything_else_moves_them_far(other: Array) -> None:
    assert moved(coded([ONE]), coded([other])) > 1e-4


def test_a_point_is_answered_refused_or_not_there(points: Points, monkeypatch: pytest.MonkeyPatch) -> None:
    answered, refused = points(
        "loss: mse_loss\ncases:\n  - name: some case\n    given: {input: [1.0], target: [2.0]}\n"
        "  - name: other case\n    given: {input: [1.0], target: [2.0], reduction: some}\n"
        "    raises: {ValueError: not}\n"
    )
    with known_state():
        found, error = outcome(answered), outcome(refused)
        monkeypatch.setattr("parity.engine.snapshot.missing", lambda point: "not in torch 2.1: mse_loss")
        assert outcome(answered) == "not in torch 2.1: mse_loss"
    assert isinstance(found, dict)
    assert found.keys() == {"output", "input", "target"}
    assert error == ["ValueError", "some is not a valid value for reduction"]


def test_a_snapshot_comes_back_from_its_file(tmp_path: Path) -> None:
    one = of({"mse_loss/some case/float32": {"output": coded([ONE])}, "b": ["ValueError", "no"], "c": "not in torch"})
    one.written(tmp_path / "one")
    one.written(tmp_path / "other")
    assert read_snapshot(tmp_path / "one") == one
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("content", [b"", b"text", lzma.compress(b"[]"), lzma.compress(b'{"conventions": {}}')])
def test_what_is_no_snapshot_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Unreadable, match="is no snapshot of torch's answers"):
        read_snapshot(tmp_path / "file")


LOST = "not in torch 2.14: acc_policy='balanced' of linear_cross_entropy"
CAUSES: list[tuple[Outcome, Outcome, str]] = [
    (["RuntimeError", "no"], ["NotImplementedError", "no"], "the class of an error is another"),
    (["ValueError", "no"], ["ValueError", "never"], "the text of an error is another"),
    ({"output": "a"}, ["ValueError", "no"], "torch 2.14 refuses it"),
    (["ValueError", "no"], {"output": "a"}, "torch 2.14 answers what was refused"),
    ({"output": "a"}, LOST, "an option's value is gone: acc_policy='balanced'"),
    (LOST, {"output": "a"}, "an option's value is new: acc_policy='balanced'"),
    ({"output": "a"}, "not in torch 2.14: mse_loss", "mse_loss is gone"),
]


@pytest.mark.parametrize(("before", "after", "cause"), CAUSES)
def test_a_difference_has_a_cause(before: Outcome, after: Outcome, cause: str) -> None:
    found = differences(of({"x": before}), of({"x": after}, "2.14.1"))
    assert found["x"].cause == cause


def test_what_neither_version_has_is_no_change() -> None:
    assert not changes(of({"x": "not in torch 2.5: mse_loss"}), of({"x": "not in torch 2.9: mse_loss"}, "2.9.1"))


def test_the_text_of_an_error_that_lists_an_options_values_is_of_the_same_cause() -> None:
    before: dict[str, Outcome] = {"x": {"output": "a"}, "y": ["ValueError", "acc_policy must be one of a, b"]}
    after: dict[str, Outcome] = {"x": LOST, "y": ["ValueError", "acc_policy must be a"]}
    (change,) = changes(of(before), of(after, "2.14.1"))
    assert change == Change("an option's value is gone: acc_policy='balanced'", ("x", "y"))
    (change,) = changes(of(after), of(before, "2.14.1"))
    assert change == Change("an option's value is new: acc_policy='balanced'", ("x", "y"))


def test_values_are_told_apart_by_how_far_they_moved_and_by_the_convention() -> None:
    grid = "mse_loss/plain grid matches torch/none-absent-float32"
    near = np.nextafter(ONE, np.float32(9))
    (rounding,) = changes(of({grid: {"output": coded([ONE])}}), of({grid: {"output": coded([near])}}))
    assert rounding.cause == "rounding"
    (other,) = changes(of({grid: {"output": coded([ONE])}}), of({grid: {"output": coded([-ONE])}}))
    assert other.cause == "other values"
    before, after = of({KINK: {"input": coded([ONE])}}), of({KINK: {"input": coded([-ONE])}}, "2.14.1", 0.0)
    (clamp,) = changes(before, after)
    assert str(clamp).strip().startswith("1 point: the gradient of a clamp exactly at its bound is 0, it was 1")
    assert conventions.IN_FORCE.clamp_at_bound in (0.0, 1.0)


def test_shipped_snapshots_are_small_and_of_the_versions_that_the_readme_names() -> None:
    assert {"2.9.1", "2.13.0", "2.14.1"} <= shipped().keys()
    assert all(path.stat().st_size < 1_200_000 for path in shipped().values())
    assert [one.torch for one in known()] == list(shipped())
    assert [one.conventions["clamp_at_bound"] for one in known()][-2:] == [1.0, 0.0]


def test_from_2_13_to_2_14_four_things_changed() -> None:
    found = changes(snapshot_of("2.13"), snapshot_of("2.14"))
    assert [change.cause for change in found] == [
        "the gradient of a clamp exactly at its bound is 0, it was 1", "the class of an error is another",
        "an option's value is gone: acc_policy='balanced'", "rounding",
    ]  # fmt: skip
    run = CliRunner().invoke(app, ["changes", "2.13.0", "2.14.1"])
    assert run.exit_code == 0
    assert len(run.stdout.splitlines()) == 4


def test_a_version_without_a_snapshot_is_refused_in_a_sentence() -> None:
    with pytest.raises(Unknown, match=r"there is no snapshot of torch 2\.3: expected one of 2\."):
        snapshot_of("2.3")
    assert CliRunner().invoke(app, ["changes", "2.13", "2.3"]).exit_code == 2


def other_convention(**arguments: Any) -> Result:
    """The hinge of the other convention than this torch's."""
    before = conventions.IN_FORCE.clamp_at_bound
    conventions.follow(Conventions(1.0 - probed().clamp_at_bound))
    try:
        output, vjp = hinge_embedding_loss(**arguments)
        known_slope = vjp(np.ones_like(output))
    finally:
        conventions.follow(Conventions(before))
    return output, lambda grad_output: {name: value * grad_output for name, value in known_slope.items()}


def test_a_failure_where_torch_has_changed_says_so() -> None:
    report = check("hinge_embedding_loss", other_convention, only=KINK)
    assert "this changed in torch 2.14: the gradient of a clamp exactly at its bound is 0, it was 1" in str(report)


@pytest.mark.parametrize("slope", [0.5, 0.0, -1.0, None])
def test_a_failure_of_another_kind_does_not_say_so(slope: float | None) -> None:
    """A gradient that follows neither convention, one that is wrong beside the bound too, and a wrong output."""
    report = check("hinge_embedding_loss", partial(wrong_slope, slope), only=KINK)
    assert report.failures
    assert "this changed" not in str(report)


def wrong_slope(slope: float | None, **arguments: Any) -> Result:
    """A hinge with another gradient throughout, or with another output and none of its gradient right."""
    output, vjp = hinge_embedding_loss(**arguments)
    if slope is None:
        return output * np.float32(7), vjp
    return output, lambda grad_output: {name: np.full_like(value, slope) for name, value in vjp(grad_output).items()}


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This torch is newer than those that the cases were made on, and its clamp has another convention."""
    monkeypatch.setattr(snapshots, "_made_on", lambda: ("2.1", "2.2"))
    monkeypatch.setattr(
        "parity.engine.run.hand_over", lambda: conventions.follow(Conventions(1 - probed().clamp_at_bound))
    )
    yield
    conventions.follow(probed())


@pytest.mark.usefixtures("newer")
def test_where_an_unknown_torch_answers_otherwise_nobody_fails() -> None:
    report = check("hinge_embedding_loss", other_convention, only=KINK)
    assert not report.failures
    assert not report
    assert report.count("finding") == 1
    assert "has another gradient of input of hinge_embedding_loss (1 point)" in str(report)
    assert "note: cases were made on up to torch 2.2; this is 2." in str(report)


@pytest.mark.usefixtures("newer")
def test_on_an_unknown_torch_a_wrong_loss_still_fails() -> None:
    report = check(
        "hinge_embedding_loss", lambda **given: (given["input"] * 7, lambda grad: {"input": grad}), only=KINK
    )
    assert report.count("failed") == 1


def test_five_lines_tell_the_versions() -> None:
    run = CliRunner().invoke(app, ["versions"])
    assert run.stdout.splitlines() == about.lines()
    assert len(about.lines()) == 5
    assert CliRunner().invoke(app, []).stdout == run.stdout


def test_pytest_tells_a_torch_that_the_cases_were_not_made_on(monkeypatch: pytest.MonkeyPatch) -> None:
    of_points = {"passed": [SimpleNamespace(nodeid="cases/mse_loss.yaml::mse_loss/plain grid/float32")]}
    assert about_torch(of_points) is None or versions.unknown()
    monkeypatch.setattr(torch, "__version__", "9.16.0+cpu")
    sentence = f"cases were made on up to torch {snapshots._made_on()[-1]}; this is 9.16"
    assert about_torch(of_points) == sentence
    assert about_torch({"passed": [SimpleNamespace(nodeid="tests/test_mine.py::test_mine")]}) is None

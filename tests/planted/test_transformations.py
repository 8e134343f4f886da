"""What goes around a call on both sides: who is asked, what torch refuses, what is compiled, what is left behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity
from parity.cases.points import STACK, Point
from parity.cases.signature import signature_of
from parity.cases.specs import AROUND
from parity.draws.draw import Plan
from parity.engine.run import run_point
from parity.engine.state import changes, known_state
from parity.frameworks.torch import TorchLoss
from parity.frameworks.transformations import direction
from parity.implementations.declaration import Implementation
from parity.question import asked
from parity.records.record import Record
from parity.references.reference import Reference, torch_reference
from parity.references.reference import under as transformed
from parity.references.torch import FUNCTIONS

CASES = """
loss: {loss}
cases:
  - name: plain grid
    given: {{{given}}}
    across: {{around: [{words}]}}
"""
MSE = "input: {normal: [2, 3]}, target: {normal: [2, 3]}"
CTC = (
    "log_probs: {log_probabilities: [5, 2, 4], dim: -1}, targets: {integers: [2, 2], low: 1, high: 4}, "
    "input_lengths: {full: [2], value: 5, dtype: int64}, target_lengths: {full: [2], value: 2, dtype: int64}"
)


def check(
    folder: Path, words: str, function: Callable[..., Any], loss: str = "mse_loss", given: str = MSE, **more: Any
) -> parity.Report:
    """The report of a loss on one scenario under some transformations."""
    path = folder / f"{loss}.yaml"
    path.write_text(CASES.format(loss=loss, given=given, words=words))
    return parity.check(loss, function, cases=path, **{"framework": "torch", **more})


def around(word: str, loss: str = "mse_loss") -> Point:
    """The first shipped point of a loss under a transformation."""
    (question,) = asked(loss, Implementation("torch", "torch", {loss: FUNCTIONS[loss]}), {"depth": "deep"})
    return next(point for point in question.points if point.around == word)


def under(loss: str, word: str) -> Reference:
    """Torch's own function under a transformation."""
    return transformed(torch_reference(loss), signature_of(loss), word, "cpu")


@pytest.mark.parametrize("word", [word for word in AROUND if word != "compile"])
def test_a_true_loss_of_ones_own_is_green_and_leaves_nothing(word: str) -> None:
    mine = Implementation("mine", "torch", {"mse_loss": lambda *args, **options: F.mse_loss(*args, **options)})
    record = run_point(around(word), mine, range(3))
    assert (record.verdict, record.mismatches) == ("passed", [])
    assert record.compared >= 3
    with known_state():
        output, vjp = under("mse_loss", word)(**Plan(around(word)).arguments(0)[0])
        vjp(output)
        assert changes() == []


@pytest.mark.parametrize("given", [torch.nn.MSELoss, torch.nn.MSELoss()])
def test_modules_go_through_every_transformation(given: Any, tmp_path: Path) -> None:
    words = ", ".join(word for word in AROUND if word != "compile")
    report = check(tmp_path, words, given, lacks=[] if isinstance(given, type) else ["reduction"])
    assert report, str(report)
    assert report.count("passed") == len(AROUND) - 1


def test_a_module_that_is_called_by_position_is_told_of_its_order(tmp_path: Path) -> None:
    class Swapped(torch.nn.Module):
        def forward(self, target: torch.Tensor, input: torch.Tensor) -> torch.Tensor:
            return F.kl_div(input, target)

    given = "input: {normal: [2, 3], mean: -2}, target: {probabilities: [2, 3]}"
    for module in (Swapped, Swapped()):
        report = check(tmp_path, "positional, checkpoint", module, "kl_div", given)
        assert [record.verdict for record in report.records] == ["failed", "passed"]
        assert "called by position, output differs" in str(report)


def test_numpy_functions_are_asked_by_position_alone(tmp_path: Path) -> None:
    report = check(tmp_path, ", ".join(AROUND), parity.losses.mse_loss, framework="numpy")
    verdicts = {record.choice["around"]: record.verdict for record in report.records}
    assert verdicts == {word: "passed" if word == "positional" else "not offered" for word in AROUND}
    assert "thread, vmap first, vmap: there is none for framework numpy" in str(report)


def test_what_is_lacking_is_not_asked(tmp_path: Path) -> None:
    report = check(tmp_path, "vmap, checkpoint", F.mse_loss, lacks={"vmap": "the kernel has no rule for it"})
    assert [record.verdict for record in report.records] == ["not offered", "passed"]
    with pytest.raises(ValueError, match="did you mean 'vmap'"):
        check(tmp_path, "vmap", F.mse_loss, lacks=["vmapp"])


def test_an_option_that_is_lacking_moves_those_behind_it(tmp_path: Path) -> None:
    def short(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        return F.mse_loss(input, target, reduction=reduction)

    lacks = ["size_average", "reduce", "weight"]
    assert check(tmp_path, "positional", short, lacks=lacks).count("passed") == 1
    behind = check(tmp_path, "positional", short, given=f"{MSE}, reduction: sum", lacks=lacks)
    assert behind.count("not offered") == 1
    assert "does not offer size_average" in str(behind)


def test_compiled_code_is_not_mapped(tmp_path: Path) -> None:
    """Torch would run it as it was before it was compiled, which the engine would tell as a way out."""
    report = check(tmp_path, "vmap, jvp, checkpoint", torch.compile(F.mse_loss, backend="eager"))
    assert [record.verdict for record in report.records] == ["not offered", "not offered", "passed"]
    assert "yours does not offer jvp of compiled code, vmap of compiled code" in str(report)


def test_a_function_of_names_alone_is_not_asked_by_position(tmp_path: Path) -> None:
    def named(input: torch.Tensor, target: torch.Tensor, *, reduction: str = "mean", **flags: Any) -> torch.Tensor:
        return F.mse_loss(input, target, reduction=reduction, **flags)

    assert check(tmp_path, "positional", named).count("passed") == 1
    given = f"{MSE}, reduction: sum"
    assert "does not offer size_average by position" in str(check(tmp_path, "positional", named, given=given))
    only = check(tmp_path, "positional, vmap", lambda **arguments: F.mse_loss(**arguments))
    assert [record.verdict for record in only.records] == ["not offered", "passed"]


def test_what_torch_refuses_under_a_transformation_is_refused(tmp_path: Path) -> None:
    """Torch has no tangent of ctc_loss; it is no fault of the case, for without the transformation torch answers."""
    report = check(tmp_path, "jvp", FUNCTIONS["ctc_loss"], "ctc_loss", CTC)
    assert [(record.verdict, record.raises) for record in report.records] == [("passed", "NotImplementedError")]

    def answers(log_probs: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        return log_probs.sum()

    report = check(tmp_path, "jvp", answers, "ctc_loss", CTC)
    assert "answers where torch raises NotImplementedError" in str(report)


def test_what_torch_refuses_anyway_is_the_cases_fault(tmp_path: Path) -> None:
    report = check(tmp_path, "vmap, jvp", F.mse_loss, given="input: {normal: [2, 3]}, target: {normal: [2, 4]}")
    assert report.count("failed") == 2
    assert "torch refuses this call with RuntimeError" in str(report)


def test_a_stack_is_of_different_draws_in_the_layout_of_one() -> None:
    point = next(
        point for point in asked("mse_loss", F.mse_loss, {"framework": "torch"})[0].points if point.around == "vmap"
    )
    arguments, _ = Plan(point).arguments(0)
    assert arguments["input"].shape == (STACK, 5, 4)
    assert not np.array_equal(*arguments["input"])
    transposed = type(point)(**{
        name: getattr(point, name) for name in point.__slots__
    } | {"layouts": {"input": "transposed"}})  # fmt: skip
    again, _ = Plan(transposed).arguments(0)
    assert np.array_equal(again["input"], arguments["input"])
    assert again["input"].strides[-1] > again["input"].strides[-2]


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("loss", ["mse_loss", "cross_entropy", "ctc_loss", "triplet_margin_loss"])
def test_torch_answers_for_a_stack_as_it_does_for_each_draw(loss: str) -> None:
    arguments, _ = Plan(around("vmap", loss)).arguments(0)
    stacked = under(loss, "vmap")
    alone = stacked.bare
    assert alone is not None
    (output, vjp), (expected, wanted) = stacked(**arguments), alone(**arguments)
    np.testing.assert_allclose(output, expected, rtol=1e-6)
    ones = np.ones_like(output)
    found = vjp(ones)
    for name, gradient in wanted(ones).items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-5, atol=1e-7)


def test_a_tangent_is_the_derivative_along_a_direction() -> None:
    """The gradients of the same call know it too: it is their product with the direction."""
    arguments, _ = Plan(around("jvp")).arguments(0)
    tangent, _ = under("mse_loss", "jvp")(**arguments)
    _, vjp = TorchLoss(FUNCTIONS["mse_loss"])(**arguments)
    slopes = vjp(np.asarray(1, tangent.dtype))
    along = {name: direction(name, torch.from_numpy(arguments[name])).numpy() for name in slopes}
    total = sum(float((slopes[name] * along[name]).sum()) for name in slopes)
    assert float(tangent) == pytest.approx(total, rel=1e-5)


def compiled_differently(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """mse_loss, but for compiled code."""
    output = F.mse_loss(input, target, **options)
    return output * 1.25 if torch.compiler.is_compiling() else output


def test_compiled_calls_are_compared_with_torchs_compiled_ones(tmp_path: Path) -> None:
    def record(function: Callable[..., Any]) -> Record:
        (only,) = check(tmp_path, "compile", function, seeds=1).records
        return only

    alike = record(F.mse_loss)
    assert (alike.verdict, alike.compiled) == ("passed", True)
    assert "under compile, output differs" in str(record(compiled_differently))

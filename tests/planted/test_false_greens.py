"""Green means compared: ways in which a wrong loss, or none at all, could count as agreement. All red or refused."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.engine.run import run_point
from parity.frameworks.torch import TorchLoss
from parity.implementations.declaration import Implementation
from parity.question import points as points_of
from tests.planted.checking import check, detached


def test_a_call_that_fails_teaches_the_reference_nothing() -> None:
    loss = TorchLoss(F.cross_entropy)
    input, target = np.ones((2, 3), np.float32), np.full((2, 3), 1 / 3, np.float32)
    weight = np.ones(3, np.float32)
    good = {"input": input, "target": target, "weight": weight}
    wanted = loss(**good)[1](np.array(1, np.float32))
    with pytest.raises(RuntimeError):
        loss(input=input, target=np.ones((2, 4), np.float32), weight=weight)
    fresh = TorchLoss(F.cross_entropy)
    with pytest.raises(RuntimeError):
        fresh(input=input, target=np.ones((2, 4), np.float32), weight=weight)
    for one in (loss, fresh):
        found = one(**good)[1](np.array(1, np.float32))
        assert found.keys() == wanted.keys() == {"input", "target", "weight"}


def test_a_first_vjp_is_asked_for_as_a_training_step_asks_and_a_second_gives_the_same() -> None:
    output, vjp = TorchLoss(F.mse_loss)(input=np.ones(3, np.float32), target=np.zeros(3, np.float32))
    first = vjp(np.ones_like(output))
    with pytest.raises(RuntimeError, match="second time"):
        vjp.output.backward()
    assert first.keys() == vjp(np.ones_like(output)).keys() == {"input", "target"}


class Overwrites(torch.autograd.Function):
    """A backward that writes into what its forward has saved: a second one through the same graph is wrong."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ctx.difference = 2 * (input - target)
        return (input - target) ** 2

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.difference.mul_(grad_output)
        return ctx.difference.clone(), -ctx.difference


def test_a_backward_that_works_once_is_still_seen(cases: Path) -> None:
    def once(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        values: torch.Tensor = Overwrites.apply(input, target)  # type: ignore[no-untyped-call]
        return values if reduction == "none" else values.mean()

    report = check(cases, once, lacks=["second derivatives"])
    assert any("vjp called a second time gives another gradient" in failure for failure in report.failures)


def squares(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """Torch's own, in a function that torch.compile takes in every version."""
    return F.mse_loss(input, target, **options)


def test_compiled_code_runs_at_every_point_or_it_is_told(cases: Path) -> None:
    compiled = torch.compile(squares, backend="eager")
    report = check(cases, compiled, only="*none-float32", seeds=1)
    assert report.ok
    assert "1 of 1 points ran compiled code" in str(report)
    disabled = torch.compiler.disable(compiled)
    disabled._torchdynamo_orig_callable = squares
    assert "no compiled code ran" in str(check(cases, disabled, only="*none-float32", seeds=1))


def test_compiled_code_inside_a_plain_function_is_recognised(cases: Path) -> None:
    inside = torch.compile(squares, backend="eager")
    report = check(cases, lambda **arguments: inside(**arguments), only="*none-float32", seeds=1)
    assert [record.compiled for record in report.records] == [True]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"seeds": -1}, "seeds is -1, expected a whole number >= 1"),
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": "3"}, "seeds is '3'"),
        ({"seeds": 2.0}, "seeds is 2.0"),
        ({"seeds": True}, "seeds is True"),
        ({"seed_base": -1}, "seed_base is -1"),
        ({"lacks": ["reduction=sums"]}, "no case gives reduction the value 'sums'; did you mean 'sum'"),
    ],
)
def test_what_draws_or_declares_nothing_is_refused(cases: Path, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(parity.Misdeclared, match=sentence):
        check(cases, F.mse_loss, **more)
    if "seed_base" not in more:
        with pytest.raises(parity.Misdeclared, match=sentence):
            parity.parametrize("mse_loss", F.mse_loss, framework="torch", cases=cases / "mse_loss.yaml", **more)


def test_a_record_without_a_draw_is_an_error() -> None:
    implementation = Implementation("yours", losses={"mse_loss": losses.mse_loss})
    point = points_of("mse_loss", implementation)[0]
    record = run_point(point, implementation, [])
    assert (record.verdict, record.unexpected) == ("error", True)


def test_a_report_is_true_only_if_it_is_ok(cases: Path) -> None:
    assert check(cases, F.mse_loss)
    assert not check(cases, detached)
    assert not check(cases, F.mse_loss, lacks=["input"])


def test_an_expected_failure_that_matches_nothing_is_told_beside_only(cases: Path) -> None:
    report = check(cases, F.mse_loss, only="*none-float32", expected_failures={"*float99*": "not done yet"})
    assert not report
    assert "'*float99*' of yours matches no point" in str(report)
    assert check(cases, detached, only="*none-float32", expected_failures={"*mean*": "it is detached"}).unmatched == []


def test_a_built_module_with_an_option_of_its_own_is_not_compared_where_the_option_is_at_its_default(
    cases: Path,
) -> None:
    module = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    report = check(cases, module, "cross_entropy", lacks=["label_smoothing", "reduction=none"])
    built = "it is a module built with label_smoothing=0.1, which the cases of cross_entropy vary: give its class"
    assert built in report.failures[0]


def test_a_point_of_which_nothing_is_compared_does_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "multi_margin_loss.yaml"
    path.write_text(
        "loss: multi_margin_loss\ncases:\n  - name: an empty batch\n"
        "    given: {input: {normal: [0, 3]}, target: {classes: [0], below: 3}}\n"
        "    finding: {torch: returns memory that nobody has written, output: .nan}\n"
    )
    report = parity.check("multi_margin_loss", lambda **a: F.multi_margin_loss(**a), framework="torch", cases=path)
    assert not report
    assert report.count("not offered") == 1


NOT_PLAIN: dict[str, Callable[[Any], Any]] = {
    "a matrix, a subclass of ndarray": lambda array: np.asmatrix(array),
    "a MaskedArray, a subclass of ndarray": lambda array: np.ma.masked_array(array),
    "numbers of foreign byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "Python objects": lambda array: array.astype(object),
    "list": lambda array: array.tolist(),
}


@pytest.mark.parametrize("what", NOT_PLAIN)
@pytest.mark.parametrize("where", ["output", "gradient"])
def test_what_is_no_plain_array_is_told_of_outputs_and_gradients_alike(cases: Path, what: str, where: str) -> None:
    def loss(**arguments: Any) -> Any:
        output, vjp = losses.mse_loss(**arguments)
        if where == "output":
            return NOT_PLAIN[what](output) if output.ndim else output, vjp
        return output, lambda grad_output: {name: NOT_PLAIN[what](one) for name, one in vjp(grad_output).items()}

    report = check(cases, loss, framework="numpy")
    assert any(what in failure for failure in report.failures)


def test_no_answer_depends_on_what_was_asked_before() -> None:
    """Points in another order, and alone in a fresh process, give the same records."""
    function = {"cross_entropy": lambda **arguments: F.cross_entropy(**arguments)}
    implementation = Implementation("yours", "torch", function)
    points = points_of("cross_entropy", implementation)[::9]
    first = {point.id: run_point(point, implementation, [0]).as_json() for point in points}
    random.Random(0).shuffle(points)
    assert {point.id: run_point(point, implementation, [0]).as_json() for point in points} == first
    alone = points[0].id
    program = (
        "import torch.nn.functional as F, parity\n"
        f"report = parity.check('cross_entropy', lambda **a: F.cross_entropy(**a), framework='torch', only={alone!r}, "
        "seeds=1)\nprint(report.records[0].as_json())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == first[alone], done.stderr

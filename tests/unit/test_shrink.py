"""The smallest example: it is small, it still shows the cause, and it is written out faithfully."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.cases.load import load
from parity.cases.points import expand
from parity.cases.shipped import case_file
from parity.causes.apart import Condition, Term
from parity.causes.cause import Unshrinkable
from parity.causes.example import Example
from parity.causes.group import causes
from parity.causes.sign import sign_of
from parity.causes.text import smallest
from parity.engine.run import run_point
from parity.implementations.registry import served
from parity.records.record import Record
from tests.unit.recorded import failed


def by_rows(
    logits: torch.Tensor, labels: torch.Tensor, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> torch.Tensor:
    """cross_entropy whose mean divides by the number of rows."""
    values = F.cross_entropy(logits, labels, weight, ignore_index=ignore_index, reduction="sum")
    if reduction != "mean" or labels.ndim != 1 or labels.is_floating_point():
        return F.cross_entropy(logits, labels, weight, ignore_index=ignore_index, reduction=reduction)
    return values / len(labels)


def writes(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """mse_loss that writes into its target."""
    loss = F.mse_loss(input, target.clone(), **options)
    target.detach().add_(1)
    return loss


def raises(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """mse_loss that refuses what is strided."""
    if not input.is_contiguous():
        raise RuntimeError(f"cannot view {input.stride()}")
    return F.mse_loss(input, target, **options)


def accepts(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    """mse_loss that takes any reduction."""
    if options.get("reduction") not in ("none", "sum", "mean"):
        options["reduction"] = "mean"
    return F.mse_loss(input, target, **options)


def in_numpy(input: Any, target: Any, reduction: str = "mean", **options: Any) -> Any:
    """l1_loss of arrays without its last element."""
    output, vjp = parity.losses.l1_loss(input, target, reduction=reduction, **options)
    if reduction == "sum" and input.ndim:
        output = output + np.asarray(1, output.dtype)
    return output, vjp


def example(loss: str, function: Callable[..., Any], **options: Any) -> tuple[Example, Record]:
    """The smallest example of the first cause, and the record that it was reduced from."""
    cause = parity.check(loss, function, **{"framework": "torch", **options}).causes[0]
    return cause.shrink("5s"), cause.example


ASKED: dict[str, tuple[str, Callable[..., Any], dict[str, Any]]] = {
    "another denominator": (
        "cross_entropy", by_rows,
        {"arguments": {"input": "logits", "target": "labels"}, "only": "*weighted-float32", "lacks": ["positional"]},
    ),
    "an effect": ("mse_loss", writes, {"only": "*equal input*float32"}),
    "an exception": ("mse_loss", raises, {"only": "transposed or fortran"}),
    "no refusal": ("mse_loss", accepts, {"only": "refuses reduction"}),
    "arrays": ("l1_loss", in_numpy, {"framework": "numpy", "only": "reduction=sum and float32 and not large"}),
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_an_example_is_small_and_shows_the_cause_without_parity_and_as_a_scenario(
    asked: tuple[str, Callable[..., Any], dict[str, Any]], tmp_path: Path
) -> None:
    loss, function, options = asked
    found, origin = example(loss, function, **options)
    assert found.elements <= 4
    run = subprocess.run(
        [sys.executable, "-"], input=found.snippet, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert not run.returncode, run.stderr
    assert "<-- differs" in run.stdout, found.snippet
    assert "import parity" not in found.snippet
    # as a scenario of the same file
    written = case_file(loss).read_text().partition("\ncases:\n")[0] + "\n"
    written = re.sub(r"(?m)^  torch:\n(?:    .*\n)+", "", written)  # they name scenarios that are not here
    path = tmp_path / f"{loss}.yaml"
    path.write_text(f"{written}\ncases:\n{found.scenario}")
    scenarios = load(path, served([found.implementation]))
    (point,) = (point for one in scenarios if one.name == found.point.scenario.name for point in expand(one))
    again = run_point(point, found.implementation, range(1))
    assert sign_of(again)[0].alike(sign_of(origin)[0]), again


def test_what_is_not_needed_is_left_out() -> None:
    found, _ = example(*ASKED["another denominator"][:2], **ASKED["another denominator"][2])
    assert set(found.call.given) <= {"input", "target", "weight", "ignore_index", "grad_output"}
    assert "requires_grad" in found.snippet
    assert "by_rows(logits=input, labels=target" in found.snippet


def test_the_report_shows_its_first_cause_without_parity() -> None:
    text = str(parity.check("mse_loss", writes, framework="torch", only="*equal input*float32"))
    assert "from tests.unit.test_shrink import writes" in text
    assert "  - name: smallest example of" in text
    assert text.count("import torch\n") == 1


def test_a_shrinking_step_that_goes_wrong_costs_no_report() -> None:
    calls = []

    def fickle(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) > 1:
            raise SystemExit
        return F.mse_loss(input, target, **options) + 1

    text = str(parity.check("mse_loss", fickle, framework="torch", only="*errors of every size*mean-float32", seeds=1))
    assert "1 point" in text


def test_an_isolated_function_is_shrunk_in_its_own_process() -> None:
    def crashes(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        if input.numel() > 1:
            import os

            os._exit(3)
        return F.mse_loss(input, target, **options)

    report = parity.check(
        "mse_loss", crashes, framework="torch", only="*errors of every size*mean-float32", isolate=True
    )
    found = report.causes[0].shrink("5s")
    assert found.elements <= 4
    assert not found.results


def test_of_records_from_a_file_it_is_said_what_is_needed() -> None:
    read = failed()
    (cause,) = causes([read])
    with pytest.raises(Unshrinkable, match=r"read from a file.*parity\.check"):
        cause.shrink()


def test_a_budget_that_is_no_time_is_refused() -> None:
    cause = parity.check("mse_loss", writes, framework="torch", only="*errors of every size*mean-float32").causes[0]
    with pytest.raises(ValueError, match="budget is 'soon'"):
        cause.shrink("soon")


def test_of_millions_of_numbers_a_few_are_looked_at_first_and_tell_what_a_guess_is_worth() -> None:
    def linear_tail(input: Any) -> Any:
        output, vjp = losses.logsigmoid(input)
        return np.where(input < -4, input, output).astype(output.dtype), vjp

    report = parity.check("logsigmoid", linear_tail, only="logsigmoid/millions of rows match torch/float32")
    (cause,) = report.causes
    assert cause.shrink().elements <= 3
    guessed = replace(cause, condition=Condition((Term(("millions",)),)))
    assert smallest(guessed).startswith("not only with millions: a smaller call shows it too\nwithout parity:")
    assert smallest(replace(cause, condition=Condition((Term(("float32",)),)))).startswith("without parity:")

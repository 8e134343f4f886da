"""Relations between a loss's own calls: each has a planted bug that is told while no reference is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity
from parity.records.sentences import sentence
from parity.references.torch import TORCH
from parity.types import Array, Result
from tests.planted.related import RELATED, rows_by_batch

PLAIN = "*/what its own calls owe*"
OWN = """
loss: paired
reference: own:paired
cases:
  - name: pairs keep their order
    given: {input: {normal: [6, 3]}, target: {normal: [6, 3]}}
    across: {dtype: [float32, float64]}
    observe: [permutation, splitting]
"""
PAIRED = """
from torch import Tensor
def paired(input: Tensor, target: Tensor) -> Tensor:
    raise AssertionError("it is never asked")
"""


def told(report: parity.Report) -> str:
    return "\n".join(sentence(one, "itself") for record in report.records for one in record.mismatches)


def alone(loss: str, function: Callable[..., Any], **options: Any) -> parity.Report:
    return parity.check(loss, function, reference=None, **options)


@pytest.mark.parametrize(("loss", "says", "framework", "function"), RELATED, ids=[one[3].__name__ for one in RELATED])
def test_each_relation_tells_its_bug_while_torch_is_not_asked(
    loss: str, says: str, framework: str, function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("torch is asked")

    monkeypatch.setattr(type(TORCH[loss]), "__call__", asked) if framework == "numpy" else None
    only = [PLAIN, "*/*three dimensions*", "*/*image*", "*/*ignored*"]
    report = alone(loss, function, framework=framework, only=only, seeds=1)
    assert not report
    assert says in told(report), told(report)[:3000]


@pytest.mark.parametrize("loss", ["cross_entropy", "kl_div", "softmax", "triplet_margin_loss"])
def test_torch_is_in_agreement_with_itself(loss: str) -> None:
    report = alone(loss, getattr(F, loss), framework="torch", only=PLAIN)
    assert report, str(report)
    assert "agrees with itself" in str(report)
    assert all(record.compared for record in report.records)


def test_the_same_rows_in_another_batch_are_the_same_bits_where_that_is_promised() -> None:
    only = "cross_entropy/plain grid*none*float32"
    assert alone("cross_entropy", rows_by_batch, framework="torch", only=only)
    promises = ["batch invariance"]
    report = alone("cross_entropy", rows_by_batch, framework="torch", only=only, promises=promises)
    assert not report
    assert "with its first row alone, output differs" in told(report)
    assert alone("cross_entropy", F.cross_entropy, framework="torch", only=only, promises=promises)


def test_a_promise_that_means_nothing_is_refused_with_the_nearest_word() -> None:
    with pytest.raises(ValueError, match="did you mean 'batch invariance'"):
        alone("mse_loss", F.mse_loss, framework="torch", promises=["batch invariant"])


def test_a_loss_without_a_counterpart_owes_what_its_cases_name(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(PAIRED)
    (tmp_path / "paired.yaml").write_text(OWN)

    def right(input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (input - target).abs().sum(dim=1).exp().mean()

    def wrong(input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (input - target).abs().sum(dim=1).exp().mean() + input[0, 0]

    cases = tmp_path / "paired.yaml"
    assert alone("paired", right, framework="torch", cases=cases)
    report = alone("paired", wrong, framework="torch", cases=cases)
    assert "with its rows in another order" in told(report)


def test_relations_are_observed_beside_torch_as_well() -> None:
    """A loss that is right at every shape that the cases have, and wrong for twice their rows."""

    def wrong(input: Array, target: Array, **options: Any) -> Result:
        output, vjp = parity.losses.mse_loss(input, target, **options)
        return (np.asarray(output * 2) if input.shape == (10, 4) else output), vjp

    report = parity.check("mse_loss", wrong, only=PLAIN, seeds=1)
    assert "with each row twice, output differs" in told(report)

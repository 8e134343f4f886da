"""Green means compared with torch: a torch that somebody has patched is no reference."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from parity import losses
from parity.references.proof import not_torch
from parity.references.torch import FUNCTIONS
from parity.types import Result
from tests.planted.checking import check


def fused(input: Any, target: Any, *options: Any, **more: Any) -> Any:
    return ((input - target) ** 2).mean()


def steep(**arguments: Any) -> Result:
    output, vjp = losses.mse_loss(**arguments)
    return output, lambda grad_output: {
        name: np.asarray(1.001 * one, one.dtype) for name, one in vjp(grad_output).items()
    }


PATCHES = [
    ("mse_loss", torch._C._nn, "mse_loss", fused), ("mse_loss", torch._C._nn, "mse_loss", torch._C._nn.l1_loss),
    ("gaussian_nll_loss", torch.Tensor, "clamp_", fused), ("soft_margin_loss", torch._C._nn, "soft_margin_loss", fused),
    ("cross_entropy", torch._C._nn, "cross_entropy_loss", fused), ("softmin", F.softmin, "__code__", fused.__code__),
    ("adaptive_log_softmax_with_loss", F, "log_softmax", fused), ("linear_cross_entropy", F, "linear", fused),
    ("triplet_margin_with_distance_loss", F, "pairwise_distance", fused),
    ("adaptive_log_softmax_with_loss", torch.nn.AdaptiveLogSoftmaxWithLoss, "forward", fused),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "owner", "name", "patch"), PATCHES, ids=[f"{one[0]}-{one[2]}" for one in PATCHES])
@pytest.mark.parametrize("late", [True, False])
def test_a_patched_torch_is_no_reference(
    loss: str, owner: Any, name: str, patch: Any, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if loss not in FUNCTIONS:
        pytest.skip(f"this torch has no {loss}")
    if late:
        assert not_torch(loss) is None
    else:
        monkeypatch.setattr("parity.references.proof._PROVED", {})
    monkeypatch.setattr(owner, name, patch)
    assert "the reference is not torch's own" in str(not_torch(loss))
    monkeypatch.undo()
    assert not_torch(loss) is None


FUSED = """
import torch, torch.nn.functional as F
own = F.mse_loss
def mse_loss(input, target, **options): return own(input, target, **options) * 2
F.mse_loss = mse_loss
import parity
report = parity.check("mse_loss", F.mse_loss, framework="torch", cases={cases!r})
print(report)
assert not report
"""
KERNEL = """
import torch, torch.nn.functional as F, torch.library
library = torch.library.Library("aten", "IMPL")
library.impl("mse_loss", lambda a, b, reduction=1: (a - b).abs().mean(), "CPU")
import parity
report = parity.check("mse_loss", F.mse_loss, framework="torch", cases={cases!r})
print(report)
assert not report
"""


@pytest.mark.parametrize(
    ("program", "says"),
    [(FUSED, "torch.nn.functional.mse_loss comes from"), (KERNEL, "CPU kernel of aten::mse_loss is registered at")],
)
def test_a_library_that_patches_torch_before_parity_looks_is_not_compared_with_itself(
    cases: Path, program: str, says: str
) -> None:
    text = program.format(cases=str(cases / "mse_loss.yaml"))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


def test_a_loss_that_patches_torch_when_it_is_called_is_red(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch._C._nn, "mse_loss", torch._C._nn.mse_loss)  # so that it is undone

    def patches(**arguments: Any) -> torch.Tensor:
        output = F.mse_loss(**arguments)
        torch._C._nn.mse_loss = fused
        return output

    report = check(cases, patches)
    assert len(report.failures) == 4
    assert "after the call the reference is not torch's own" in report.failures[0]
    # what the patched torch has answered meanwhile is not kept: as the exact answer it excuses any other
    monkeypatch.undo()
    assert len(check(cases, steep, framework="numpy").failures) == 4


def test_torchs_own_function_is_told_as_such(cases: Path) -> None:
    assert "yours is torch's own mse_loss: it is compared with itself" in str(check(cases, F.mse_loss))
    assert "compared with itself" not in str(check(cases, lambda **arguments: F.mse_loss(**arguments)))

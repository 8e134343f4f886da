"""A check in this very process: what it outlives, and what it leaves to be found when it dies."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parity
from parity import losses
from parity.comparison.expectation import Expectation
from parity.types import Array, Result
from tests.plugin.user import SMALL


def test_ctrl_c_stays_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)

    def interrupted(**arguments: Any) -> Result:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parity.check("mse_loss", interrupted, cases=path)
    assert not [one for one in parity.unfinished() if one.implementation == "interrupted"]


def test_an_error_of_our_own_costs_one_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)
    compare = Expectation.compare

    def breaks(self: Expectation, name: str, actual: Array) -> Any:
        if actual.dtype == np.float64 and not actual.ndim:
            raise ZeroDivisionError("ours")
        return compare(self, name, actual)

    monkeypatch.setattr(Expectation, "compare", breaks)
    report = parity.check("mse_loss", losses.mse_loss, cases=path)
    assert (report.count("passed"), report.count("error")) == (4, 2)
    assert "parity itself fails here, which is no verdict on the loss: ZeroDivisionError: ours" in report.failures[0]


DIES = """
import ctypes, parity
def dies(input, target, **options):
    if options.get("reduction") == "sum":
        ctypes.string_at(0)
    return parity.losses.mse_loss(input, target, **options)
parity.check("mse_loss", dies, cases={path!r}, name="fragile")
"""


def test_a_check_that_kills_the_process_leaves_its_records_and_the_culprit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    script = DIES.format(path=str(path))
    assert subprocess.run([sys.executable, "-c", script], env=environment, stderr=-3, check=False).returncode == -11
    (died,) = parity.unfinished()
    assert (died.loss, died.implementation) == ("mse_loss", "fragile")
    assert died.culprit == "at mse_loss/grid/sum-float32 in the forward (seed 0)"
    assert [record.verdict for record in died.records] == ["passed"] * 4
    assert parity.check("mse_loss", losses.mse_loss, cases=path).ok
    said = capfd.readouterr().err
    assert "parity: an earlier check of mse_loss of fragile died at mse_loss/grid/sum-float32 in the forward" in said
    assert parity.check("mse_loss", losses.mse_loss, cases=path).ok
    assert not capfd.readouterr().err
    died.discard()
    assert parity.unfinished() == []
    assert not list(tmp_path.glob("parity-*/*"))

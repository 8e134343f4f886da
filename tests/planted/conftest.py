"""The two small case files, as files."""

from pathlib import Path

import pytest

from tests.planted.checking import CROSS, MSE


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "mse_loss.yaml").write_text(MSE)
    (tmp_path / "cross_entropy.yaml").write_text(CROSS)
    return tmp_path

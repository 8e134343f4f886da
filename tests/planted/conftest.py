"""The two small case files, as files; and no bugs of what this torch lacks."""

from pathlib import Path

import pytest
from packaging.version import Version

from parity import losses
from parity.references.torch import FUNCTIONS
from parity.references.versions import release
from tests.planted.checking import CROSS, MSE

ABSENT = losses.LOSSES.keys() - FUNCTIONS.keys()
# Bugs of points that an older torch lacks: the version from which on they are seen, and why.
NO_HALVES = "smooth_l1_loss has no backward of float16 on the CPU before"
LATER = {
    "smooth_l1_loss: a half keeps its own sum": (Version("2.10"), NO_HALVES),
    "smooth_l1_loss: the upstream gradient of all rows is summed in half": (Version("2.10"), NO_HALVES),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A bug of what this torch does not have cannot be seen here."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        absent = next((loss for loss in ABSENT if loss in item.name), None)
        if absent:
            item.add_marker(pytest.mark.skip(reason=f"this torch has no {absent}"))
        version, because = next((one for bug, one in LATER.items() if f"[{bug}]" in item.name), (release(), ""))
        if release() < version:
            item.add_marker(pytest.mark.skip(reason=f"seen from torch {version} on: {because}"))


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "mse_loss.yaml").write_text(MSE)
    (tmp_path / "cross_entropy.yaml").write_text(CROSS)
    return tmp_path

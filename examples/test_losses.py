"""The ten losses held against their eager references, as a test suite of one's own would."""

from pathlib import Path

import pytest

import parity
from examples import by_hand

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize("loss", by_hand.__all__)
def test_a_loss_by_hand_agrees_with_its_reference(loss: str) -> None:
    report = parity.check(loss, getattr(by_hand, loss), cases=CASES)
    assert report, report

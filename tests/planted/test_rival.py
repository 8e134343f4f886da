"""The rival of the bench is a fair one: right losses pass it, and it finds what it can see."""

from typing import Any

import pytest

from parity import losses
from parity.types import Result
from tests.planted import Bug, with_input_gradient
from tests.planted.rival import by_parity, by_rival, checks, measure, of_tensors, passes

pytest.importorskip("expecttest", reason="OpInfo needs it, make bench installs it")


@pytest.mark.parametrize("loss", ["sigmoid", "cross_entropy", "triplet_margin_loss"])
def test_the_right_loss_passes_every_sample(loss: str) -> None:
    right = Bug(loss, "", "", "", losses.LOSSES[loss])
    every = list(checks(loss, of_tensors(right, right.function)))
    assert len(every) > 5
    assert [name for name, check in every if not passes(check)] == []


def doubled(**arguments: Any) -> Result:
    return with_input_gradient(losses.LOSSES["sigmoid"](**arguments), lambda gradient: 2 * gradient)


def test_both_sides_find_a_gradient_that_is_twice_too_large() -> None:
    bug = Bug("sigmoid", "twice the gradient", "", "", doubled)
    assert any(by_rival(bug))
    assert any(by_parity(bug))
    rival, parity = measure([bug])
    assert len(rival.found) == len(parity.found) == 1
    assert rival.draws > 0
    assert parity.draws > 0
    assert rival.row(1)[2] == "1 of 1"


def test_what_raises_is_a_bug() -> None:
    def raises(**arguments: Any) -> Any:
        raise ZeroDivisionError

    assert all(by_rival(Bug("sigmoid", "", "", "", raises)))

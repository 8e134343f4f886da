"""Integers that 64 bits do not hold, which no case file can say: refused as torch refuses them."""

from typing import Any

import numpy as np
import pytest
from packaging.version import Version

from parity import losses
from parity.references.torch import TORCH
from parity.references.versions import release

ROW, LABEL = np.array([[1.0, 2.0]], np.float32), np.array([1])
CALLS: list[tuple[str, dict[str, Any]]] = [
    *((loss, {"input": ROW, "target": LABEL, "ignore_index": beyond})
      for loss in ("cross_entropy", "nll_loss") for beyond in (2**63, 2**64, -(2**63) - 1)),
    ("multi_margin_loss", {"input": ROW, "target": LABEL, "margin": 10**30}),
    ("gaussian_nll_loss", {"input": ROW, "target": ROW, "var": ROW, "eps": 10**30}),
]  # fmt: skip
ANSWERED = [
    ("hinge_embedding_loss", {"input": ROW, "target": LABEL}),
    ("margin_ranking_loss", {"input1": ROW, "input2": ROW, "target": ROW}),
    ("triplet_margin_loss", {"anchor": ROW, "positive": ROW, "negative": ROW}),
]


def refusal(function: Any, arguments: dict[str, Any]) -> str:
    """The name of the exception that a call raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function(**arguments)
    return caught.type.__name__


@pytest.mark.parametrize(("loss", "arguments"), CALLS, ids=[loss for loss, _ in CALLS])
def test_an_integer_beyond_64_bits_is_refused_by_the_same_class(loss: str, arguments: dict[str, Any]) -> None:
    if "ignore_index" in arguments and release() < Version("2.9"):
        pytest.skip("a label too large is a RuntimeError until torch 2.9")
    assert refusal(getattr(losses, loss), arguments) == refusal(TORCH[loss], arguments)


@pytest.mark.parametrize(("loss", "arguments"), ANSWERED, ids=[loss for loss, _ in ANSWERED])
def test_a_margin_of_any_integer_is_a_float_beside_bfloat16(loss: str, arguments: dict[str, Any]) -> None:
    halves = {name: array.astype("bfloat16") for name, array in arguments.items()}
    ours = getattr(losses, loss)(**halves, margin=10**30)[0]
    torchs = TORCH[loss](**halves, margin=10**30)[0]
    assert ours.dtype == torchs.dtype
    assert float(ours) == float(torchs)

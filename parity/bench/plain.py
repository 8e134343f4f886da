"""The same draws as a test file that people write without this package: one item a draw, and assert_close.

Run by the benchmark alone. The arrays come from the engine's own plans, which draw quicker than
``np.random.default_rng(seed)`` does, and options are translated beforehand: what is left is pytest's own
protocol, torch, the loss and torch.testing.assert_close on the output and on every gradient.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parity import losses
from parity.bench.sample import points, seeds
from parity.cases.points import Point
from parity.draws.draw import Plan
from parity.frameworks import numpy as ours
from parity.frameworks import torch as theirs
from parity.references.torch import FUNCTIONS, TORCH

# Wide enough for every half; the engine's own allowances are another matter, and no speed.
CLOSE: dict[str, Any] = {"rtol": 0.1, "atol": 0.05, "equal_nan": True}


class Prepared:
    """What a test file has at hand for one point: its options, which arrays to differentiate, how to draw."""

    def __init__(self, point: Point) -> None:
        self.plan = Plan(point)
        self.theirs, self.ours = FUNCTIONS[point.loss], losses.LOSSES[point.loss]
        wrapped = TORCH[point.loss]
        self.tensor = wrapped.tensor
        self.leaves = list(wrapped(**self.plan.arguments(0)[0])[1].leaves)
        self.their_options = {name: theirs.option(name, value) for name, value in self.plan.options.items()}
        self.our_options = {name: ours.option(name, value) for name, value in self.plan.options.items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    listed: Path = metafunc.config.getoption("--bench-points")
    chosen = points(set(listed.read_text(encoding="utf-8").splitlines()))
    draws = [(point, Prepared(point), seed) for point in chosen for seed in seeds(point)]
    ids = [f"{point.id}-{seed}" for point, _, seed in draws]
    metafunc.parametrize(("prepared", "seed"), [draw[1:] for draw in draws], ids=ids)


def test_draw(prepared: Prepared, seed: int) -> None:
    arguments, grad_output = prepared.plan.arguments(seed)
    arrays = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
    tensors = {name: prepared.tensor(array) for name, array in arrays.items()}
    for name in prepared.leaves:
        tensors[name].requires_grad_()
    expected = prepared.theirs(**tensors, **prepared.their_options)
    if grad_output is None:
        grad_output = prepared.plan.grad_output(theirs.to_numpy(expected), seed)
    output, vjp = prepared.ours(**arrays, **prepared.our_options)
    torch.testing.assert_close(prepared.tensor(output), expected, **CLOSE)
    if not expected.requires_grad:
        return
    expected.backward(prepared.tensor(grad_output))
    gradients = vjp(grad_output)
    # large upstream gradients cancel to small ones
    close = CLOSE | {"atol": CLOSE["atol"] * max(1.0, float(np.nan_to_num(np.abs(grad_output)).max(initial=0)))}
    for name in prepared.leaves:
        if tensors[name].grad is not None:
            torch.testing.assert_close(prepared.tensor(gradients[name]), tensors[name].grad, **close)

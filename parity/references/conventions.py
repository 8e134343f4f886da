"""The conventions of this torch, found by asking it, and handed over to the NumPy losses."""

from functools import cache

import torch

from parity.frameworks.autograd import gradients
from parity.losses import conventions
from parity.losses.conventions import Conventions


@cache
def probed() -> Conventions:
    """What this torch does where the maths leaves a choice. Asked once, in a known state of the process.

    Raises RuntimeError if torch answers what no convention known here would.
    """
    input = torch.zeros(1, requires_grad=True)
    (slope,) = gradients(input.clamp_min(0), [input], torch.ones(1))
    assert slope is not None
    if slope.item() not in (0.0, 1.0):
        sentence = f"the gradient of a clamp exactly at its bound is {slope.item()} in this torch, expected 0 or 1"
        raise RuntimeError(sentence)
    return Conventions(clamp_at_bound=slope.item())


@cache
def hand_over() -> None:
    """Let the NumPy losses of this process follow this torch; from the second call on it costs nothing."""
    conventions.follow(probed())

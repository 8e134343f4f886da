"""Conventions in which versions of torch differ, as plain values.

They are those of torch 2.13 until another is handed over: nothing here asks torch, who holds these losses against one
does.
"""

from dataclasses import dataclass

from parity.types import Array


@dataclass(slots=True)
class Conventions:
    """What the losses take for right where the maths leaves a choice.

    clamp_at_bound: the derivative of a clamp exactly at its bound, and so of a hinge max(0, z) at its kink z = 0: 1 as
        of old, 0 from torch 2.14 on.
    """

    clamp_at_bound: float = 1.0


IN_FORCE = Conventions()


def follow(conventions: Conventions) -> None:
    """Let the losses follow these conventions, in this process."""
    IN_FORCE.clamp_at_bound = conventions.clamp_at_bound


def hinge_slope(violation: Array) -> Array:
    """Where the hinge max(0, z) passes its gradient on: where z is above 0, and at 0 as torch has it."""
    return violation >= 0 if IN_FORCE.clamp_at_bound else violation > 0


def clamp_slope(value: Array, low: float, high: float) -> Array:
    """Where clamp(value, low, high) passes its gradient on: between the bounds, and at them as torch has it."""
    inside = (value > low) & (value < high)
    return inside | (value == low) | (value == high) if IN_FORCE.clamp_at_bound else inside

"""Arrays of millions of numbers: drawn as a block, which repeats.

To draw each number would take longer than torch and the loss together.
"""

from math import prod

import numpy as np

from parity.cases.specs import Arange, Bernoulli, Choice, Classes, Full, Integers, Magnitudes, Normal, Spec, Uniform
from parity.types import Array

# What is drawn number by number, so that a part of it is an array like the whole.
NUMBERS = (Normal, Uniform, Integers, Classes, Bernoulli, Magnitudes, Choice, Full)
# Arrays of more numbers repeat a block of so many. It is a prime far from the powers of two, so that numbers of
# other rows or blocks stand wherever a wrong index leads.
MOST = 1 << 19
BLOCK = 60_013


def block_of(spec: Spec, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to draw: the whole one, or that of a block."""
    if prod(shape) <= MOST:
        return shape
    if isinstance(spec, Arange) and isinstance(spec.modulo, int) and spec.modulo <= BLOCK:
        return (BLOCK - BLOCK % spec.modulo,)
    return (BLOCK,) if isinstance(spec, NUMBERS) else shape


def tiled(block: Array, shape: tuple[int, ...]) -> Array:
    """An array of that shape that repeats the block in C order."""
    whole = np.empty(prod(shape), block.dtype)
    for start in range(0, whole.size, block.size):
        whole[start : start + block.size] = block[: whole.size - start]
    return whole.reshape(shape)

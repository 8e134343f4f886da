"""Point and seed -> arrays. The seed is made of the point's own id, so no case depends on another."""

from hashlib import blake2b
from math import prod
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from parity.cases.points import Point, stack_of
from parity.cases.specs import PlainNumber, Tuple
from parity.draws.blocks import BLOCK, MOST, tiled
from parity.draws.layouts import LAYOUTS, sliced
from parity.draws.recipe import recipe
from parity.types import Array, DType

# The state of PCG64(0); each generator gets its own in place of it.
_STATE: Any = np.random.PCG64(0).state


class _Unseeded(ISeedSequence):
    """Words for a generator whose state is set at once (to hash a seed for it takes five times longer)."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Array:
        return np.zeros(n_words, dtype)


_UNSEEDED: Any = _Unseeded()


def generator(words: str) -> np.random.Generator:
    """A generator in the state that a hash of `words` gives."""
    digest = blake2b(words.encode(), digest_size=16).digest()
    bits: Any = np.random.PCG64(_UNSEEDED)
    bits.state = {**_STATE, "state": {**_STATE["state"], "state": int.from_bytes(digest, "little")}}
    return np.random.Generator(bits)


class Plan:
    """How to draw a point: compiled once, then called for each seed."""

    def __init__(self, point: Point) -> None:
        self.point = point
        arrays = set(point.arrays)
        self.stack = stack_of(point.around)
        self.recipes = {name: recipe(point, name, value) for name, value in point.given.items() if name in arrays}
        self.options = {
            name: value.value if isinstance(value, Tuple | PlainNumber) else value
            for name, value in point.given.items() if name not in arrays
        }  # fmt: skip

    def arguments(self, seed: int) -> tuple[dict[str, Any], Array | None]:
        """The arguments by name (fresh arrays and the options), and the scenario's own grad_output if it has one.

        Under vmap each array is a stack of draws, in the layout of one.
        """
        rng = generator(f"{self.point.id}#{seed}")
        with np.errstate(invalid="ignore", over="ignore"):
            drawn = self._arrays(rng) if self.stack == 1 else self._stacked(rng)
        grad_output = drawn.pop("grad_output", None)
        for name, value in self.options.items():
            drawn[name] = list(value) if isinstance(value, list) else value
        return drawn, grad_output

    def _arrays(self, rng: np.random.Generator) -> dict[str, Any]:
        drawn: dict[str, Any] = {}
        for name, draw in self.recipes.items():
            drawn[name] = draw(rng, drawn)
        return drawn

    def _stacked(self, rng: np.random.Generator) -> dict[str, Any]:
        draws = [self._arrays(rng) for _ in range(self.stack)]
        arranged = {name: LAYOUTS[self.point.layouts.get(name, "contiguous")] for name in self.recipes}
        return {name: arrange(np.stack([one[name] for one in draws])) for name, arrange in arranged.items()}

    def grad_output(self, output: Array, seed: int) -> Array:
        """A random upstream gradient for the output: never uniform, and in turn of other strides.

        In turn: normals; normals with a zero here and there, every second element of a longer buffer;
        and one number (not 1) expanded with stride 0, as the backward of a sum hands it down.
        """
        rng = generator(f"{self.point.id}#{seed}#grad_output")
        if seed % 3 == 2:
            number = bytearray(normals(rng, (), output.dtype).tobytes())
            return np.ndarray(output.shape, output.dtype, number, strides=(0,) * output.ndim)
        values = normals(rng, output.shape, output.dtype)
        if seed % 3 == 1 and output.ndim:
            values[rng.random(output.shape) < 0.25] = 0
            return sliced(values)
        return values


def normals(rng: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> Array:
    """Standard normal numbers in a floating dtype; ones in another, which has no gradient."""
    if dtype.kind in "biu":
        return np.ones(shape, dtype)
    drawn = (BLOCK,) if prod(shape) > MOST else shape
    values = np.asarray(rng.standard_normal(drawn))
    if dtype.kind == "c":
        values = values + 1j * np.asarray(rng.standard_normal(drawn))
    values = np.asarray(values, dtype)
    return values if drawn == shape else tiled(values, shape)

"""What every loss does with its arguments: torch's dtype of two, and the adjoint of a broadcast."""

import re
from itertools import product
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from parity.losses.arguments import promote, unbroadcast
from parity.types import DType

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")


def dtype_of(name: str) -> DType:
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def told(one: str, dims: int, other: str, more: int) -> str:
    """Where we compute two arrays in another dtype than torch, in words; else nothing."""
    tensors = [torch.zeros((1,) * n, dtype=getattr(torch, name)) for name, n in ((one, dims), (other, more))]
    torchs = str(torch.result_type(*tensors)).removeprefix("torch.")
    ours = promote(np.zeros((1,) * dims, dtype_of(one)), np.zeros((1,) * more, dtype_of(other))).name
    return "" if ours == torchs else f"{one} ({dims}-d) with {other} ({more}-d): {ours}, torch computes in {torchs}"


# A complex number beside an array of float16, in either order: torch takes a complex dtype that NumPy has not. So it
# does beside bfloat16 if it has such a dtype, as torch 2.14.
NARROW = ["float16", "bfloat16"] if hasattr(torch, "bcomplex32") else ["float16"]
MIXED = [(number, 0, half, 1) for number in COMPLEX for half in NARROW]
MIXED += [(array, 1, number, 0) for number, _, array, _ in MIXED]


@pytest.mark.parametrize(("dims", "more"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_two_arrays_are_computed_in_the_dtype_that_torch_takes(dims: int, more: int) -> None:
    pairs = {(one, dims, other, more) for one, other in product(NAMES + COMPLEX, repeat=2)}
    assert len(pairs) == 144
    assert [told(*pair) for pair in sorted(pairs - set(MIXED)) if told(*pair)] == []


@pytest.mark.parametrize("pair", MIXED, ids=str)
def test_a_complex_number_beside_an_array_of_halves_is_computed_wider_than_in_torch(
    pair: tuple[str, int, str, int],
) -> None:
    assert re.search("complex64, torch computes in b?complex32", told(*pair))


@pytest.mark.parametrize("names", [("float16", "bfloat16", "int64"), ("bool", "uint8", "int8"), ("int64", "float16")])
def test_the_order_of_the_arrays_does_not_matter(names: tuple[str, ...]) -> None:
    given = [np.zeros(1, dtype_of(name)) for name in names]
    assert promote(*given) == promote(*reversed(given)) == promote(None, *given)


@st.composite
def broadcasts(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A shape, and one that it is broadcast to."""
    shapes = arrays.mutually_broadcastable_shapes(num_shapes=1, base_shape=(), max_dims=3, max_side=3, min_side=0)
    shape = draw(shapes).input_shapes[0]
    return shape, draw(arrays.broadcastable_shapes(shape, min_dims=len(shape), max_dims=4, max_side=3, min_side=0))


@settings(max_examples=200, deadline=None)
@given(shapes=broadcasts(), seed=st.integers(0, 999))
def test_unbroadcast_is_the_adjoint_of_broadcasting(shapes: tuple[tuple[int, ...], tuple[int, ...]], seed: int) -> None:
    """<unbroadcast(g), x> = <g, broadcast x>, exactly: the numbers are whole."""
    shape, wide = shapes
    wide = np.broadcast_shapes(shape, wide)
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 9, shape).astype(np.float64)
    g: Any = rng.integers(-9, 9, wide).astype(np.float64)
    back = unbroadcast(g, shape)
    assert back.shape == shape
    assert (back * x).sum() == (g * np.broadcast_to(x, wide)).sum()


@settings(max_examples=50, deadline=None)
@given(shapes=broadcasts())
def test_a_gradient_smaller_than_the_argument_is_repeated(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """What comes back from a mean or a sum is one number for all of them."""
    _, wide = shapes
    assert unbroadcast(np.asarray(3.0), wide).tolist() == np.full(wide, 3.0).tolist()


def test_thousands_of_rows_do_not_wear_float32_out() -> None:
    rows = np.full((100_000, 1), 0.1, np.float32)
    assert unbroadcast(rows, (1, 1)).item() == pytest.approx(0.1 * prod(rows.shape), rel=1e-7)

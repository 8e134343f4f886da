"""Rows that are far apart: their strides, copies of them, and how little memory they take."""

from collections.abc import Callable

import numpy as np
import pytest

from parity.cases.memory import PAGE, bytes_of
from parity.cases.points import Point
from parity.draws.draw import Plan
from parity.draws.layouts import REACH, copied, far
from parity.engine.run import run_point
from parity.frameworks.owned import own
from parity.frameworks.tensors import to_numpy, to_tensor
from parity.implementations.registry import named

SHAPES = [(2,), (5, 4), (1, 3, 2)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_32_bits_hold_no_offset_of_the_last_row(shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    array = far(values)
    steps = [stride // 4 for stride in array.strides]
    assert sum((size - 1) * step for size, step in zip(shape, steps, strict=True)) > REACH
    assert array[(0,) * (len(shape) - 1)].strides == (steps[-1] * 4,)
    assert np.array_equal(array, values)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_copy_is_as_far_and_its_own(shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    array = far(values)
    for copy in (copied(array), to_numpy(own(to_tensor(array)))):
        assert copy.strides == array.strides
        copy[...] = 0
        assert np.array_equal(array, values)


def test_what_has_one_row_is_left_as_it_is() -> None:
    for values in (np.ones(()), np.ones((1, 1)), np.ones((0, 3))):
        assert far(values) is values


def test_the_memory_of_a_point_is_that_of_its_pages(points: Callable[[str], list[Point]]) -> None:
    text = """loss: l1_loss
cases:
  - name: a case
    given: {input: {normal: [3, 4]}, target: {normal: [3, 4]}}
    across: {layout: [contiguous, far]}
    observe: [saved inputs]
"""
    plain, both, *_ = points(text)
    assert bytes_of(both) - bytes_of(plain) == 2 * 3 * 2 * PAGE
    assert {array.strides[0] > REACH for array in Plan(both).arguments(0)[0].values()} == {True}
    assert run_point(both, named("torch"), [0, 1]).verdict == "passed"

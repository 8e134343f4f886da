"""The arrays of a draw: the same for the same id and seed, and what each generator, layout and mask promises."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from parity.cases.points import Point
from parity.cases.specs import GENERATORS, LAYOUTS
from parity.draws import layouts
from parity.draws.blocks import BLOCK
from parity.draws.draw import Plan, generator
from parity.draws.generators import MAKERS
from parity.types import Array

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@pytest.fixture
def point_of(points: Callable[[str], list[Point]]) -> Callable[..., Point]:
    """The first point of a case of l1_loss: `given` is its input, or its input and what follows."""

    def first(given: str, more: str = "") -> Point:
        return points(
            f"loss: l1_loss\ndefaults: {{sizes: {{N: 300, C: 40}}}}\ncases:\n  - name: a case\n"
            f"    given: {{input: {given}, target: {{normal: [N, C]}}}}\n    {more}\n"
        )[0]

    return first


@pytest.fixture
def drawn(point_of: Callable[..., Point]) -> Callable[..., Any]:
    """The input of a point's draw."""
    return lambda given, more="": Plan(point_of(given, more)).arguments(0)[0]["input"]


def test_the_same_point_and_seed_give_the_same_arrays_whatever_was_drawn_before(point_of: Callable[..., Point]) -> None:
    point = point_of("{normal: [N, C], mask: {value: 0, share: 0.3}}")
    first, other = Plan(point).arguments(3)[0], Plan(point).arguments(4)[0]
    np.random.default_rng().random(5)
    generator("something else").integers(0, 9, 7, dtype=np.int32)  # leaves half a word behind
    again = Plan(point).arguments(3)[0]
    for name in ("input", "target"):
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
    assert not np.array_equal(first["input"], first["target"])
    output = np.zeros(5)
    assert np.array_equal(Plan(point).grad_output(output, 0), Plan(point).grad_output(output, 0))


def test_another_process_draws_the_same_numbers() -> None:
    line = "from parity.draws.draw import generator; print(generator('a#0').integers(0, 2**60))"
    said = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout
    assert int(said) == generator("a#0").integers(0, 2**60)


def test_the_seed_is_made_of_the_point_and_not_of_the_case_alone(points: Callable[[str], list[Point]]) -> None:
    text = (
        "loss: l1_loss\ncases:\n  - name: a case\n    given: {input: {normal: [9]}, target: [1.0]}\n"
        "    across: {reduction: [none, sum]}\n"
    )
    one, two = (Plan(point).arguments(0)[0]["input"] for point in points(text))
    assert not np.array_equal(one, two)


def test_each_draw_has_arrays_and_lists_of_its_own(point_of: Callable[..., Point]) -> None:
    plan = Plan(point_of("[[1.0, 2.0]]"))
    plan.arguments(0)[0]["input"][:] = 7
    assert plan.arguments(0)[0]["input"].tolist() == [[1, 2]]


# What each generator promises of 300 x 40 numbers, in float64.
PROMISES: list[tuple[str, Any]] = [
    ("{normal: [N, C]}", lambda x: abs(x.mean()) < 0.05 and abs(x.std() - 1) < 0.05 and 0.017 < (x > 2).mean() < 0.028),
    ("{normal: [N, C], mean: 5, std: 0.1}", lambda x: abs(x.mean() - 5) < 0.005 and abs(x.std() - 0.1) < 0.005),
    ("{normal: [N, C], std: 2}", lambda x: abs(x.std() - 2) < 0.1),
    ("{normal: [N, C], std: C}", lambda x: abs(x.std() - 40) < 2),
    ("{normal: [N, C], scale: -10, mean: 1}", lambda x: abs(x.mean() + 10) < 0.5),
    ("{uniform: [N, C]}", lambda x: 0 <= x.min() < 0.01 and 0.99 < x.max() < 1 and abs(x.mean() - 0.5) < 0.02),
    ("{uniform: [N, C], low: -2, high: 6}", lambda x: -2 <= x.min() < -1.9 and 5.9 < x.max() < 6),
    ("{integers: [N, C], low: -3, high: 4}", lambda x: set(x.ravel()) == set(range(-3, 4)) and x.dtype == np.int64),
    ("{classes: [N, C], below: C}", lambda x: set(x.ravel()) == set(range(40)) and x.dtype == np.int64),
    ("{classes: [N, C], below: 3, dtype: uint8}", lambda x: set(x.ravel()) == {0, 1, 2} and x.dtype == np.uint8),
    ("{classes: [N, 0], below: C}", lambda x: x.shape == (300, 0)),
    ("{integers: [0], low: C, high: C}", lambda x: x.shape == (0,)),
    ("{one_hot: [N, C]}", lambda x: set(x.ravel()) == {0, 1} and (x.sum(1) == 1).all() and len(set(x.argmax(1))) == 40),
    ("{one_hot: [N, C], dim: 0}", lambda x: (x.sum(0) == 1).all() and len(set(x.argmax(0))) > 20),
    ("{one_hot: [N, 3, C]}", lambda x: (x.sum(1) == 1).all() and set(x.argmax(1).ravel()) == {0, 1, 2}),
    ("{one_hot: [C], dim: -1}", lambda x: x.sum() == 1),
    ("{one_hot: [N, 0]}", lambda x: x.shape == (300, 0)),
    ("{probabilities: [N, C]}", lambda x: (x > 0).all() and np.allclose(x.sum(1), 1) and x.std() > 0.01),
    ("{probabilities: [N, C], dim: 0}", lambda x: (x > 0).all() and np.allclose(x.sum(0), 1)),
    ("{log_probabilities: [N, C], dim: -1}", lambda x: np.allclose(np.exp(x).sum(-1), 1) and x.std() > 0.5),
    ("{bernoulli: [N, C], p: 0.2}", lambda x: set(x.ravel()) == {0, 1} and abs(x.mean() - 0.2) < 0.02),
    ("{bernoulli: [N, C], p: 0}", lambda x: (x == 0).all()),
    ("{bernoulli: [N, C], p: 1}", lambda x: (x == 1).all()),
    ("{magnitudes: [N, C], low: -3, high: 2}", lambda x: abs((x > 0).mean() - 0.5) < 0.03 and (abs(x) >= 1e-3).all()
     and (abs(x) < 1e2).all() and abs(np.log10(abs(x)).mean() + 0.5) < 0.1),
    ("{magnitudes: [N, C], low: 2, high: 2}", lambda x: np.allclose(abs(x), 100)),
    ("{choice: [N, C], of: [-1, 0.5, C]}", lambda x: set(x.ravel()) == {-1, 0.5, 40} and x.dtype == np.float64),
    ("{full: [N, C], value: 2}", lambda x: (x == 2).all() and x.shape == (300, 40) and x.dtype == np.float64),
    ("{full: [], value: .inf}", lambda x: x.shape == () and x == np.inf),
    ("{arange: [3, 4], start: 2}", lambda x: x.tolist() == [[2, 3, 4, 5], [6, 7, 8, 9], [10, 11, 12, 13]]),
    ("{arange: [2, 4], modulo: 3}", lambda x: x.tolist() == [[0, 1, 2, 0], [1, 2, 0, 1]] and x.dtype == np.int64),
    ("{arange: [3], modulo: 1}", lambda x: x.tolist() == [0, 0, 0]),
    ("{arange: [3], scale: 0.5}", lambda x: x.tolist() == [0, 0.5, 1] and x.dtype == np.float64),
    ("{arange: [3], scale: -2}", lambda x: x.tolist() == [0, -2, -4] and x.dtype == np.int64),
    ("{array: [[1, 2]], scale: 3}", lambda x: x.tolist() == [[3, 6]] and x.dtype == np.int64),
    ("{array: [1, 2], dtype: bool}", lambda x: x.tolist() == [True, True] and x.dtype == bool),
    ("{array: []}", lambda x: x.shape == (0,)),
]  # fmt: skip


@pytest.mark.parametrize(("given", "holds"), PROMISES, ids=[given for given, _ in PROMISES])
def test_a_generator_keeps_its_promise(drawn: Callable[..., Any], given: str, holds: Any) -> None:
    assert holds(drawn(given, "across: {dtype: [float64]}"))


def test_every_generator_is_drawn_and_tested() -> None:
    used = {given.strip("{").split(":")[0] for given, _ in PROMISES} | {"like"}
    assert used == GENERATORS.keys()
    assert {model.main for model in MAKERS} == GENERATORS.keys() - {"like", "array"}


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        ("{normal: [9]}", "bfloat16", BFLOAT16),
        ("{normal: [9], dtype: float64}", "float16", np.float64),
        ("{bernoulli: [9]}", "float16", np.float16),
        ("{classes: [9], below: 3}", "float16", np.int64),
        ("{classes: [9], below: 3, dtype: float32}", "float16", np.float32),
        ("{arange: [9], start: 0.5}", "float16", np.float16),
        ("{arange: [9], scale: 0.5}", "float32", np.float32),
        ("{choice: [9], of: [-1, 1]}", "float16", np.float16),
        ("{full: [9], value: 1}", "bfloat16", BFLOAT16),
        ("[1, 2]", "float16", np.int64),
        ("[1, 2.0]", "float16", np.float16),
        ("[true, false]", "float16", np.bool_),
        ("3", "float16", np.int64),
        ("3.0", "bfloat16", BFLOAT16),
        ("{normal: [9]}", "complex64", np.complex64),
    ],
)
def test_whole_numbers_are_int64_and_the_rest_has_the_points_dtype(
    drawn: Callable[..., Any], given: str, dtype: str, expected: Any
) -> None:
    array = drawn(given, f"across: {{dtype: [{dtype}]}}")
    assert array.dtype == expected
    if dtype == "complex64":
        assert array.real.std() > 0
        assert array.imag.std() > 0
        assert not np.array_equal(array.real, array.imag)


def test_a_copy_has_the_values_but_not_the_memory(point_of: Callable[..., Point]) -> None:
    given = "{normal: [N, C]}, weight: {like: input, scale: 2}"
    arguments = Plan(point_of(given)).arguments(0)[0]
    assert np.array_equal(arguments["weight"], 2 * arguments["input"])
    assert arguments["weight"].dtype == np.float32
    assert not np.shares_memory(arguments["weight"], arguments["input"])


UNFIT = ["{array: [300], dtype: uint8}", "{integers: [9], low: -9, high: 0, dtype: uint8}"]
UNFIT += ["{array: [.nan], dtype: int64}", "{full: [2], value: 1e30, dtype: int32}"]


@pytest.mark.parametrize("given", UNFIT)
def test_numbers_that_a_dtype_cannot_hold_are_refused(drawn: Callable[..., Any], given: str) -> None:
    with pytest.raises(ValueError, match=r"the numbers do not fit u?int"):
        drawn(given)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("{value: 9, at: [[0, 1]]}", [[1, 9, 1], [1, 1, 1]]),
        ("{value: 9, at: [[1]]}", [[1, 1, 1], [9, 9, 9]]),
        ("{value: 9, at: [[-1, -1], [0, 0]]}", [[9, 1, 1], [1, 1, 9]]),
        ("{value: C, at: [[0, 0]]}", [[40, 1, 1], [1, 1, 1]]),
        ("[{value: 9, at: [[0]]}, {value: 8, at: [[0, 2]]}]", [[9, 9, 8], [1, 1, 1]]),
        ("{value: 9, share: 1}", [[9, 9, 9], [9, 9, 9]]),
    ],
)
def test_a_mask_sets_its_positions(drawn: Callable[..., Any], mask: str, expected: list[list[float]]) -> None:
    assert drawn(f"{{full: [2, 3], value: 1, mask: {mask}}}").tolist() == expected


def test_a_share_is_a_share_and_comes_after_the_scale(drawn: Callable[..., Any]) -> None:
    array = drawn("{full: [N, C], value: 1, scale: 2, mask: {value: -.inf, share: 0.25}}")
    assert set(array.ravel()) == {2, -np.inf}
    assert abs((array == -np.inf).mean() - 0.25) < 0.02


SHAPES = [(), (0,), (1,), (5,), (3, 4), (2, 3, 4), (0, 3), (1, 1), (2, 1, 3, 2)]


def in_bytes(steps: list[int], array: Array) -> tuple[int, ...]:
    return tuple(step * array.itemsize for step in steps)


def rows(shape: tuple[int, ...]) -> list[int]:
    """The strides of C order, in elements."""
    return [int(np.prod(shape[axis + 1 :], dtype=int)) for axis in range(len(shape))]


@pytest.mark.parametrize("dtype", [np.dtype(np.float32), BFLOAT16, np.dtype(np.int64)], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_layout_has_the_values_and_the_strides_it_claims(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    assert set(LAYOUTS) == layouts.LAYOUTS.keys()
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    found = {name: layout(values.copy()) for name, layout in layouts.LAYOUTS.items()}
    for name, array in found.items():
        expected = np.broadcast_to(values[:1], shape) if name == "expanded" and shape else values
        expected = np.broadcast_to(values[..., :1], shape) if name == "repeated" and shape else expected
        assert isinstance(array, np.ndarray), name
        assert (array.shape, array.dtype) == (shape, dtype), name
        assert np.array_equal(array, expected), name
        assert array.flags.writeable == (name != "readonly"), name
    if not values.size:
        return
    c_order, dims = rows(shape), len(shape)
    assert found["contiguous"].strides == in_bytes(c_order, values)
    assert found["fortran"].strides == in_bytes(rows(shape[::-1])[::-1], values)
    assert found["sliced"].strides == in_bytes([2 ** (dims - axis) * step for axis, step in enumerate(c_order)], values)
    assert found["reversed"].strides == in_bytes([-step for step in c_order], values)
    assert found["expanded"].strides == in_bytes([0, *c_order[1:]][:dims], values)
    assert found["repeated"].strides == in_bytes([*c_order[:-1], 0][:dims], values)
    assert found["offset"].strides == in_bytes(c_order, values)
    assert found["offset"].base is not None
    assert found["offset"].ctypes.data - found["offset"].base.ctypes.data == 3 * values.itemsize
    if dims > 1:
        swapped = rows((*shape[:-2], shape[-1], shape[-2]))
        assert found["transposed"].strides == in_bytes([*swapped[:-2], swapped[-1], swapped[-2]], values)


def test_the_layout_of_a_point_reaches_its_arrays(point_of: Callable[..., Point]) -> None:
    given = "{normal: [N, C], layout: sliced}"
    arguments = Plan(point_of(given, "across: {layout: [fortran]}")).arguments(0)[0]
    assert arguments["input"].strides == (4 * 160, 4 * 2)
    assert arguments["target"].flags.f_contiguous


def test_upstream_gradients_are_never_uniform_but_where_they_are_expanded(point_of: Callable[..., Point]) -> None:
    plan = Plan(point_of("{normal: [N, C]}"))
    output = np.zeros((30, 40), np.float32)
    plain, sliced, expanded = (plan.grad_output(output, seed) for seed in range(3))
    assert all(one.shape == output.shape and one.dtype == output.dtype for one in (plain, sliced, expanded))
    assert len(np.unique(plain)) > 1100
    assert plain.min() < 0 < plain.max()
    assert 0.15 < (sliced == 0).mean() < 0.35
    assert not sliced.flags.c_contiguous
    assert expanded.strides == (0, 0)
    assert expanded[0, 0] not in (0, 1)
    assert plan.grad_output(np.zeros(3, np.int64), 0).tolist() == [1, 1, 1]
    halves = plan.grad_output(np.zeros(3, BFLOAT16), 0)
    assert halves.dtype == BFLOAT16
    assert len(set(halves.tolist())) == 3


def test_a_grad_output_of_the_case_is_handed_over(point_of: Callable[..., Point]) -> None:
    point = point_of("{normal: [N, C]}, reduction: sum, grad_output: -2.0")
    arguments, grad_output = Plan(point).arguments(0)
    assert "grad_output" not in arguments
    assert grad_output is not None
    assert (grad_output.shape, grad_output.dtype, float(grad_output)) == ((), np.dtype(np.float32), -2)


def test_options_and_tuples_are_passed_as_python_values(point_of: Callable[..., Point]) -> None:
    arguments = Plan(point_of("{tuple: [1, 2.5]}, reduction: sum, reduce: true")).arguments(0)[0]
    assert (arguments["input"], arguments["reduction"], arguments["reduce"]) == ((1, 2.5), "sum", True)


def test_an_array_of_millions_repeats_a_block_in_every_shape_and_dtype(drawn: Callable[..., Any]) -> None:
    one = "sizes: {N: 1, C: 1}"
    array = drawn("{normal: [800, 1000], dtype: float16}", one)
    flat = array.reshape(-1)
    assert array.shape == (800, 1000)
    assert array.dtype == np.float16
    assert np.array_equal(flat[BLOCK:], flat[:-BLOCK])
    assert len(np.unique(flat[:BLOCK])) > 5000
    assert np.array_equal(np.unique(drawn("{classes: [600011], below: 3}", one)), [0, 1, 2])
    assert drawn("{arange: [600011], modulo: 7, start: 1}", one)[-3:].tolist() == [
        (600011 - n) % 7 + 1 for n in (3, 2, 1)
    ]

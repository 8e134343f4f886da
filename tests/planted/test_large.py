"""A loss that is wrong only beyond so many elements, rows, classes or positions turns red, and so does a count in half.

A few of the family by default, all of it with `--parity-depth deep`, which takes some minutes.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from parity import losses
from parity.cases.points import Point
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.question import asked
from tests.planted.answered import Answered
from tests.planted.large import (
    KINDS,
    POSITIONS,
    axes,
    beyond,
    count,
    counted_in_half,
    kinds,
    short_images,
    spoilt,
    summed_in_half,
)

BORDERS = [1 << power for power in range(10, 23)]
SOME = ["binary_cross_entropy", "multi_margin_loss", "softmax"]
# A few that go all the way; the others are made of an answer that is asked for once.
WHOLE = [
    ("softmin", "positions", 1 << 20, "off by a thousandth"),
    ("kl_div", "elements", 1 << 22, "left out of the output"),
    ("cosine_embedding_loss", "features", 1 << 14, "without a gradient"),
]


def large_points(loss: str, depth: str = "default") -> list[Point]:
    """The points of which one call is looked at: those that are there for their size."""
    (question,) = asked(loss, Implementation("planted", losses={loss: losses.LOSSES[loss]}), {"depth": depth})
    return [point for point in question.points if point.scenario.case.one_call]


def seen_by(loss: str, wrong: Callable[..., Any], some: list[Point]) -> str:
    """The first point that is red; empty if none is."""
    implementation = Implementation("planted", losses={loss: wrong})
    found = (point.id for point in some if run_point(point, implementation, [0]).mismatches)
    return next(found, "")


def at_stake(loss: str, axis: str, border: int) -> Iterator[Point]:
    """The points with more than the border."""
    for point in large_points(loss):
        if count(loss, axis, point.forms) > border:
            yield point


def missed(
    loss: str, borders: list[int], in_blocks: bool = False, depth: str = "default"
) -> Iterator[tuple[str, int, str]]:
    """The bugs of a loss that none of its points sees, of all axes and kinds.

    In blocks of so many the bug is in what is left after the last whole one.
    """
    left = [(axis, *bug) for axis in axes(loss) for bug in product(borders, kinds(loss, axis))]
    for point in large_points(loss, depth):
        sizes = {axis: count(loss, axis, point.forms) for axis in axes(loss)}
        there = [bug for bug in left if sizes[bug[0]] > bug[1]]
        if not there:
            continue
        answered = Answered(point)
        for axis, border, kind in there:
            first = sizes[axis] - sizes[axis] % border if in_blocks else border
            if first == sizes[axis] or answered.sees(partial(spoilt, loss, axis, first, kind)):
                left.remove((axis, border, kind))
    yield from left


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    deep = metafunc.config.getoption("parity_depth", None) == "deep"
    if "wrong" in metafunc.fixturenames:
        metafunc.parametrize("loss", MEANS if deep else MEANS[::7])
    if "between" in metafunc.fixturenames:
        metafunc.parametrize("between", list(losses.LOSSES) if deep else [*losses.LOSSES][::4])
    if "heaviest" in metafunc.fixturenames:
        metafunc.parametrize("heaviest", list(losses.LOSSES) if deep else [])
    if "borders" in metafunc.fixturenames:
        metafunc.parametrize("loss", list(losses.LOSSES) if deep else SOME)
        metafunc.parametrize("borders", [BORDERS if deep else BORDERS[::6]])


@pytest.mark.parametrize(("loss", "axis", "border", "kind"), WHOLE)
def test_the_suite_sees_what_is_wrong_beyond_a_border(loss: str, axis: str, border: int, kind: str) -> None:
    assert seen_by(loss, beyond(loss, axis, border, kind), [*at_stake(loss, axis, border)])


@pytest.mark.parametrize("name", POSITIONS)
def test_what_is_wrong_beyond_so_many_positions_of_an_image_is_seen(name: str) -> None:
    images = [point for point in large_points(name) if "an image" in point.id]
    assert [Answered(point).sees(short_images) for point in images] == [True]


def test_what_is_wrong_in_the_last_part_of_a_block_is_seen(loss: str, borders: list[int]) -> None:
    """Of axes whose largest number is no power of two; few terms of millions are within torch's own rounding."""
    blocks = [1 << power for power in range(8, 21, max(1, 12 // len(borders)))]
    left = missed(loss, blocks, in_blocks=True)
    assert [bug for bug in left if bug[0] not in ("classes", "features") or bug[2] != KINDS[1]] == []


def test_what_is_wrong_beyond_a_border_is_seen(loss: str, borders: list[int]) -> None:
    assert [*missed(loss, borders)] == []


# A loss may be wrong between two sizes alone: beyond 2^18 and within 2^22.
BETWEEN = 1 << 18, 1 << 22


def test_what_is_wrong_between_two_sizes_is_seen(between: str) -> None:
    first, last = BETWEEN
    left = {(axis, kind) for axis in ("elements", "rows") for kind in kinds(between, axis) if axis in axes(between)}
    for point in large_points(between):
        answered = None
        for axis, kind in sorted(left):
            if first < count(between, axis, point.forms) <= last:
                answered = answered or Answered(point)
                if answered.sees(partial(spoilt, between, axis, first, kind)):
                    left.remove((axis, kind))
    assert left == set()


@pytest.mark.parametrize("loss", sorted(losses.LOSSES))
def test_every_axis_of_every_loss_has_a_point_beyond_the_last_border(loss: str) -> None:
    assert [axis for axis in axes(loss) if not any(at_stake(loss, axis, BORDERS[-1]))] == []


# What has no point beyond 2^24, as one takes more than two GiB, or more than the loader grants.
HEAVY = {
    ("adaptive_log_softmax_with_loss", "rows"), ("cosine_embedding_loss", "rows"), ("ctc_loss", "rows"),
    ("linear_cross_entropy", "elements"), ("linear_cross_entropy", "features"), ("linear_cross_entropy", "rows"),
    ("multilabel_margin_loss", "rows"),
}  # fmt: skip


def test_at_depth_deep_what_is_wrong_beyond_sixteen_millions_is_seen(heaviest: str) -> None:
    left = missed(heaviest, [1 << 24], depth="deep")
    assert {(heaviest, axis) for axis, _, _ in left} == {one for one in HEAVY if one[0] == heaviest}


MEANS = [loss for loss in losses.LOSSES if any(point.dtype == "float16" for point in large_points(loss))]
# torch itself keeps the count and the sum of these in float16 on the CPU, and says nan.
OF_TORCH = ("cross_entropy", "nll_loss", "linear_cross_entropy")


def test_every_mean_that_halves_have_has_a_point_that_a_half_cannot_count() -> None:
    """Of the others five have no mean, and three no halves."""
    assert len(MEANS) == 20


@pytest.mark.parametrize("wrong", [counted_in_half, summed_in_half])
def test_a_count_and_a_sum_in_half_precision_are_seen(loss: str, wrong: Callable[..., Any]) -> None:
    halves = [point for point in large_points(loss) if point.dtype == "float16"]
    assert (seen_by(loss, partial(wrong, loss), halves) != "") == (loss not in OF_TORCH)


def test_a_mean_that_torch_loses_in_half_precision_may_be_right() -> None:
    """So a kernel that adds up in float32 is no failure there."""

    def wide(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        return F.cross_entropy(input.float(), target, **options).to(input.dtype)

    implementation = Implementation("wide", "torch", {"cross_entropy": wide})
    halves = [point for point in large_points("cross_entropy") if point.dtype == "float16"]
    assert [run_point(point, implementation, [0]).verdict for point in halves] == ["passed", "passed"]

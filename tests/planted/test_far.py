"""A kernel whose offsets wrap at 32 bits turns red, whichever array it reads so.

A few of the losses by default, all of them with `--parity-depth deep`.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.cases.points import Point
from parity.engine.run import run_point
from parity.facts.point import Form
from parity.implementations.declaration import Implementation
from parity.question import asked
from parity.types import Array, Result


@cache
def far_points(loss: str) -> list[Point]:
    """The points of which some array is far, one alone or all."""
    own = Implementation("own", losses={loss: losses.LOSSES[loss]})
    (question,) = asked(loss, own, {"depth": "deep"})
    return [point for point in question.points if "far" in point.layouts.values()]


def wrapped(array: Array, offset: type[np.integer[Any]]) -> Array:
    """What stands at the offsets of an array's elements, each counted in a dtype of 32 bits."""
    places = np.zeros(array.shape, np.int64)
    for index, stride in zip(np.indices(array.shape), array.strides, strict=True):
        places += index * (stride // array.itemsize)
    start = array.__array_interface__["data"][0]
    read = [
        ctypes.string_at(start + int(place) * array.itemsize, array.itemsize) for place in places.astype(offset).flat
    ]
    return np.frombuffer(bytearray(b"".join(read)), array.dtype).reshape(array.shape)


def misread(loss: str, name: str, offset: type[np.integer[Any]]) -> Callable[..., Result]:
    """The loss, which reads an argument so."""

    def wrong(**arguments: Any) -> Result:
        return losses.LOSSES[loss](**arguments | {name: wrapped(arguments[name], offset)})

    return wrong


def has_rows(form: Form) -> bool:
    return max(form.shape, default=0) > 1


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "loss" in metafunc.fixturenames:
        deep = metafunc.config.getoption("parity_depth", None) == "deep"
        metafunc.parametrize("loss", list(losses.LOSSES) if deep else [*losses.LOSSES][::6])


@pytest.mark.parametrize("offset", [np.int32, np.uint32])
def test_offsets_that_wrap_are_seen_in_every_array(loss: str, offset: type[np.integer[Any]]) -> None:
    missed = {name for point in far_points(loss) for name, form in point.forms.items() if has_rows(form)}
    assert missed
    for point in far_points(loss):
        for name in missed & {name for name, layout in point.layouts.items() if layout == "far"}:
            implementation = Implementation("planted", losses={loss: misread(loss, name, offset)})
            if run_point(point, implementation, [0]).mismatches:
                missed.remove(name)
    assert missed == set()


def short_softmax(input: torch.Tensor, dim: int = 1) -> torch.Tensor:
    """The softmax of what stands at the offsets of a tensor's elements in int32."""
    read = torch.from_numpy(wrapped(input.detach().numpy(), np.int32))
    return F.softmax(input - input.detach() + read, dim)


def test_torch_is_given_the_same_offsets() -> None:
    verdicts = {
        function: {
            run_point(point, Implementation("planted", "torch", {"softmax": function}), [0]).verdict
            for point in far_points("softmax")
        }
        for function in (F.softmax, short_softmax)
    }
    assert verdicts == {F.softmax: {"passed"}, short_softmax: {"failed"}}


def test_the_smallest_example_of_it_writes_nothing_between_the_rows() -> None:
    report = parity.check("softmax", short_softmax, framework="torch", only="far", depth="deep")
    snippet = report.causes[0].shrink("5s").snippet
    assert "values.new_empty(size)" in snippet
    assert "input = strided(" in snippet

"""An exception in words: its class, its message, its place in the user's own code, and what it was raised from."""

import json
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np
import pytest
import torch

from parity import losses
from parity.wording import in_words

HERE = PurePath(__file__).name


def words(function: Callable[[], Any]) -> str:
    try:
        function()
    except Exception as error:
        return in_words(error)
    raise AssertionError("it raises nothing")


def line_of(function: Callable[[], Any], offset: int = 1) -> int:
    return function.__code__.co_firstlineno + offset


def by_torch() -> Any:
    return torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.zeros(5, dtype=torch.int64))


def by_numpy() -> Any:
    return np.linalg.inv(np.zeros((2, 3)))


def by_pythons_library() -> Any:
    return json.loads("{")


def by_ours() -> Any:
    return losses.softmax(np.zeros(2), dim=5)


@pytest.mark.parametrize("function", [by_torch, by_numpy, by_pythons_library, by_ours])
def test_the_place_is_in_the_users_own_code(function: Callable[[], Any]) -> None:
    assert f"({HERE}:{line_of(function)})" in words(function)


def test_the_chained_cause_is_told_with_its_place() -> None:
    def inner() -> None:
        raise KeyError("weights")

    def outer() -> None:
        try:
            inner()
        except KeyError as error:
            raise RuntimeError("no kernel") from error

    said = words(outer)
    assert said == (
        f"RuntimeError: no kernel ({HERE}:{line_of(outer, 4)}), caused by KeyError: 'weights' ({HERE}:{line_of(inner)})"
    )


def test_a_cause_that_is_hidden_is_not_told() -> None:
    def outer() -> None:
        try:
            raise KeyError("weights")
        except KeyError:
            raise RuntimeError("no kernel") from None

    assert words(outer) == f"RuntimeError: no kernel ({HERE}:{line_of(outer, 4)})"


def test_a_ring_of_causes_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert in_words(one) == "ValueError: one, caused by ValueError: other"

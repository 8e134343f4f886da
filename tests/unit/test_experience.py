"""A wrong function is not slower to judge than a right one: what further points of a known cause may ask of torch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from parity.api import check
from parity.comparison import truth
from parity.comparison.experience import FIRST, VAIN, Experience
from parity.frameworks.torch import TorchLoss
from parity.report.found import Report

Function = Callable[..., Any]


def right(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return F.mse_loss(input, target, **options)


def larger(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return 1.5 * right(input, target, **options)


def off(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    found = right(input, target, **options)
    return found * (1 + 1e-4) if found.dtype == torch.float32 else found


def nowhere(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return right(input, target, **options) * float("nan")


def counted(function: Function, monkeypatch: pytest.MonkeyPatch) -> tuple[Report, int]:
    """The report of a check, and how often torch's wrapped functions were called for it."""
    calls = 0
    asked = TorchLoss.__call__

    def count(self: TorchLoss, **arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return asked(self, **arguments)

    with monkeypatch.context() as patch:
        patch.setattr(TorchLoss, "__call__", count)
        report = check("mse_loss", function, framework="torch", only="not very large", cache=False)
    return report, calls


def test_a_wrong_function_asks_torch_hardly_more_than_a_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed, least = counted(right, monkeypatch)
    assert agreed
    for wrong in larger, off, nowhere:
        report, calls = counted(wrong, monkeypatch)
        assert not report
        assert report.causes[0].observed
        assert calls <= 1.5 * least, wrong.__name__


def test_a_condition_is_asked_only_of_what_is_far_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a right loss hardly ever, of a wrong one until it is known to be wrong."""
    asked = 0
    probes = truth.probes

    def count(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return probes(*arguments)

    monkeypatch.setattr(truth, "probes", count)
    found = {}
    for function in right, larger:
        asked = 0
        check("mse_loss", function, framework="torch", only="float32 and not large", cache=False)
        found[function] = asked
    assert found[right] == 0
    assert 0 < found[larger] < 8 * FIRST


def test_of_each_scenario_one_point_is_explained_whatever_it_costs() -> None:
    experience = Experience()
    assert all(experience.searches("one") for _ in range(FIRST))
    assert not experience.searches("one")
    assert experience.searches("another")
    assert not experience.searches("another")


def test_what_was_tried_to_explain_in_vain_is_let_be() -> None:
    experience = Experience()
    experience.in_vain["is 1.5 times"] = FIRST
    assert experience.gives_up("is 1.5 times")
    assert not experience.gives_up("is 2 times")
    experience.in_vain[""] = FIRST
    assert not experience.gives_up("")
    experience.in_vain[""] = VAIN
    assert experience.gives_up("")

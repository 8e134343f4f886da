"""The names of a callable beside those of the loss: read from its signature, before anything runs."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from parity.cases.signature import signature_of
from parity.frameworks.adapters import adapter
from parity.frameworks.modules import as_plain
from parity.implementations.calling import Declared, calling
from parity.implementations.naming import Misnamed, Naming, naming

CROSS = signature_of("cross_entropy")


def of(function: Callable[..., Any], declared: Any = ()) -> Naming:
    return naming(CROSS, as_plain(function).signature, declared)


def test_what_it_does_not_name_is_absent() -> None:
    found = of(lambda input, target, ignore_index=-100, reduction="mean": None)
    assert found.absent == ("weight", "size_average", "reduce", "label_smoothing")
    assert not found.names
    assert not found.slots
    assert not found.problem


def test_what_takes_any_name_lacks_none() -> None:
    assert of(lambda **arguments: None) == Naming()
    found = of(lambda reduction="mean", **arguments: None)
    assert (found.names, found.slots, found.absent, found.problem) == ({}, (), (), "")


def test_other_names_are_proposed_and_never_guessed() -> None:
    found = of(lambda logits, labels, smoothing=0.0: None)
    assert found.problem == (
        "input seems to be its logits, target seems to be its labels: "
        "declare arguments={'input': 'logits', 'target': 'labels'}"
    )
    found = of(lambda logits, labels, smoothing=0.0: None, {"input": "logits", "target": "labels"})
    assert not found.problem
    assert found.proposed == {"label_smoothing": "smoothing"}
    assert of(lambda logits, labels, **more: None).problem.endswith("{'input': 'logits', 'target': 'labels'}")
    assert of(lambda one, other: None).problem.endswith("declare arguments={'input': 'one', 'target': 'other'}")


def test_the_sentence_about_what_cannot_be_matched() -> None:
    assert of(lambda input: None).problem == (
        "nothing that it takes answers to target: it takes (input); declare arguments={'target': ...}"
    )
    bound = "its block_size has no default and is not an argument of cross_entropy: bind it with functools.partial"
    assert of(lambda input, target, block_size: None).problem == bound
    assert not of(partial(lambda input, target, block_size: None, block_size=3)).problem
    both = of(lambda logits, target, alpha: None).problem
    assert both == (
        "its alpha has no default and is not an argument of cross_entropy: bind it with functools.partial; "
        "input seems to be its logits: declare arguments={'input': 'logits'}"
    )


def test_defaults_that_are_not_those_of_the_loss_are_told_until_they_are_bound() -> None:
    def loss(input: Any, target: Any, reduction: str = "none", ignore_index: int = -100, smoothing: Any = None) -> None:
        pass

    declared = {"label_smoothing": "smoothing"}
    assert of(loss, declared).defaults == {"reduction": "none", "label_smoothing": None}
    note = calling(CROSS, loss, Declared(adapter("torch"), arguments=declared)).note
    assert note.endswith(
        "its defaults are reduction='none' and smoothing=None, those of cross_entropy reduction='mean' and "
        "label_smoothing=0.0: functools.partial binds others"
    )
    assert not of(partial(loss, reduction="mean", smoothing=0), declared).defaults


def test_declared_names_must_be_there() -> None:
    with pytest.raises(Misnamed, match="cross_entropy has no argument 'inptu'; did you mean 'input'"):
        of(lambda logits: None, {"inptu": "logits"})
    with pytest.raises(Misnamed, match="names 'logit' for input, which the function does not take; did you mean 'log"):
        of(lambda logits, target: None, {"input": "logit"})


def called(function: Callable[..., Any], declared: Any = (), **arguments: Any) -> Any:
    plain = as_plain(function)
    return naming(CROSS, plain.signature, declared).applied(plain.function)(**arguments)


def test_a_callable_by_position_is_called_by_position() -> None:
    def fused(x: Any, t: Any, /, reduction: str = "mean", *, ignore_index: int = -100) -> tuple[Any, ...]:
        return x, t, reduction, ignore_index

    assert called(fused, input=1, target=2, reduction="sum") == (1, 2, "sum", -100)
    assert called(lambda *args: args, input=1, target=2) == (1, 2)
    assert called(lambda *args: args, input=1, target=2, ignore_index=5) == (1, 2, None, None, 5)
    assert called(lambda *args: args, ["target", "input"], input=1, target=2) == (2, 1)
    assert of(lambda labels, logits, /: None).names == {"input": "logits", "target": "labels"}


def test_what_may_go_by_position_can_be_asked_for_so_in_the_order_of_the_callable() -> None:
    def fused(target: Any, logits: Any, reduction: str = "mean", **more: Any) -> tuple[Any, ...]:
        return target, logits, reduction, more

    found = of(fused, {"input": "logits"})
    assert [slot.argument for slot in found.order] == ["target", "input", "reduction"]
    call = found.applied(lambda *args, **more: (args, more), by_position=True)
    assert call(input=1, target=2, ignore_index=3) == ((2, 1), {"ignore_index": 3})


class Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Any, labels: Any, reduction: Any, chunk: int = 4) -> Any:
        return torch.tensor([float(logits), float(labels), len(reduction), chunk])

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        return grad_output, None, None, None


def test_an_autograd_function_is_called_by_position_by_the_names_of_its_forward() -> None:
    for function in (Fused.apply, Fused):
        one = torch.tensor(1.0)
        assert called(function, input=one, target=one, reduction="none").tolist() == [1, 1, 4, 4]
        assert called(function, input=one, target=one).tolist() == [1, 1, 4, 4]  # torch's own "mean" is given
    assert "label_smoothing" in of(Fused.apply).absent


def test_gradients_come_back_by_the_names_of_the_loss() -> None:
    def fused(logits: Any, target: Any) -> Any:
        return logits, lambda grad_output: {"logits": grad_output, "target": 0}

    _, vjp = called(fused, {"input": "logits"}, input=1, target=2)
    assert vjp(3) == {"input": 3, "target": 0}


def test_a_module_takes_what_its_class_and_its_forward_take() -> None:
    class Loss(torch.nn.Module):
        def __init__(self, reduction: str = "mean", temperature: float = 1.0) -> None:
            super().__init__()
            self.reduction, self.temperature = reduction, temperature

        def forward(self, input: Any, target: Any, weight: Any = None) -> Any:
            return input, target, self.reduction

    plain = as_plain(Loss)
    assert plain.signature is not None
    assert list(plain.signature.parameters) == ["reduction", "temperature", "input", "target", "weight"]
    assert called(Loss, input=1, target=2, reduction="sum") == (1, 2, "sum")
    assert as_plain(Loss("sum")).built == {"reduction": "sum", "temperature": 1.0}
    assert called(partial(Loss, reduction="none"), input=1, target=2) == (1, 2, "none")
    assert inspect.signature(Loss("sum").forward).parameters.keys() == as_plain(Loss()).signature.parameters.keys()  # type: ignore[union-attr]


def test_an_operator_takes_what_its_schema_says() -> None:
    @torch.library.custom_op("parity_tests::fused", mutates_args=())
    def fused(logits: torch.Tensor, labels: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        return logits.clone()

    for function in (fused, torch.ops.parity_tests.fused, torch.ops.parity_tests.fused.default):
        found = of(function)
        assert "declare arguments={'input': 'logits', 'target': 'labels'}" in found.problem
        assert "reduction" not in found.absent
        assert "label_smoothing" in found.absent

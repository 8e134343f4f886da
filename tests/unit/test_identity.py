"""`equals:` evaluated: output and gradients are those of torch's autograd; what it may not say is refused."""

import re
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from parity import losses
from parity.cases.identity import MAPS, parse_identity
from parity.cases.signature import signature_of
from parity.types import Array

RNG = np.random.default_rng(7)
ARGUMENTS: dict[str, Any] = {
    "input": RNG.normal(size=(5, 4)), "target": RNG.uniform(0.1, 0.9, size=(5, 4)), "labels": RNG.integers(0, 4, 5),
    "weight": RNG.uniform(0.5, 2, size=4), "scalar": np.asarray(1.7), "linear_weight": RNG.normal(size=(3, 4)),
    "bias": RNG.normal(size=3), "cube": RNG.normal(size=(2, 5, 4)), "grid": RNG.integers(0, 5, (2, 4)),
    "label_smoothing": 0.25, "reduction": "sum",
}  # fmt: skip
SIZES = {"C": 4, "N": 5}
NAMES: dict[str, Any] = {name: getattr(F, name) for name in losses.LOSSES if hasattr(F, name)} | {
    "exp": torch.exp, "log": torch.log, "linear": F.linear, "mean": lambda input, dim=None: input.mean(dim),
    "one_hot": lambda target, classes, like: F.one_hot(target, classes).movedim(-1, min(1, target.ndim)).to(like.dtype),
    "sigmoid": torch.sigmoid,
}  # fmt: skip

EXPRESSIONS = [
    "input",
    "-input",
    "input + 1",
    "2 - input",
    "input * target - target * input * input",
    "input / target",
    "3 / (1 + exp(-input)) / 2",
    "weight * input + scalar",
    "input * weight / scalar - weight",
    "scalar * 2 - scalar * scalar / 3",
    "scalar * 2 * input",
    "mean(scalar * 2 + 1) * input",
    "-(-input - -target)",
    "mean(input)",
    "mean(input, dim=0) * weight",
    "mean(input, dim=-1)",
    "mean(input * weight, 1) * N / C",
    "log(target) - log(1 - target)",
    "exp(input) * exp(input)",
    "linear(input, linear_weight)",
    "linear(input, linear_weight, bias)",
    "linear(weight, linear_weight, bias)",
    "linear(cube, linear_weight, bias) * bias",
    "linear(input, weight=linear_weight, bias=bias) * 2 + bias",
    "log_softmax(input, dim=1)",
    "softmax(-input * 2, -1) * input",
    "softmin(input, dim=0) + softmin(input, dim=1)",
    "sigmoid(input) * (1 - sigmoid(input))",
    "cross_entropy(input, labels)",
    "cross_entropy(input, one_hot(labels, C, input), weight, label_smoothing=label_smoothing)",
    "cross_entropy(input, labels, reduction='none', label_smoothing=label_smoothing) * labels",
    "cross_entropy(linear(input, linear_weight), one_hot(labels * 0, 3, input), reduction=reduction)",
    "cross_entropy(cube, one_hot(grid, 5, cube), reduction='none', label_smoothing=0.1)",
    "nll_loss(log_softmax(input, dim=1), labels, weight=weight, reduction=reduction)",
    "0.75 * cross_entropy(input, labels) + 0.25 * cross_entropy(input, labels, label_smoothing=1.0)",
    "binary_cross_entropy(sigmoid(input), target, weight=weight, reduction='none') - input * target",
    "mean(mse_loss(input, target, reduction='none'), dim=1) + mean(mse_loss(target, input * 2, reduction='none'), 1)",
    "huber_loss(input * 1, target, reduction='none', delta=0.5) / huber_loss(input, target + 2, delta=0.5)",
    "l1_loss(l1_loss(input, target, reduction='none'), weight * target, reduction='sum')",
]


def evaluate(text: str, arguments: dict[str, Any]) -> tuple[Array, Any]:
    identity = parse_identity(text, signature_of("cross_entropy"), ARGUMENTS, SIZES)
    return identity.evaluate(losses.LOSSES, {**SIZES, **arguments})


def by_torch(text: str, grad_output: Array) -> tuple[Array, dict[str, Array]]:
    """The same expression in torch, by autograd."""
    tensors: dict[str, Any] = {}
    for name, value in ARGUMENTS.items():
        tensors[name] = torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value
    leaves = {name: one for name, one in tensors.items() if isinstance(one, torch.Tensor) and one.is_floating_point()}
    for leaf in leaves.values():
        leaf.requires_grad_()
    if "weight=weight" in text:  # torch does not differentiate these weights
        tensors["weight"] = leaves.pop("weight").detach()
    output = eval(text, {**NAMES, **SIZES, **tensors})
    found = torch.autograd.grad(output, list(leaves.values()), torch.from_numpy(grad_output), allow_unused=True)
    return output.detach().numpy(), {n: one.numpy() for n, one in zip(leaves, found, strict=True) if one is not None}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_has_the_output_and_gradients_of_autograd(text: str) -> None:
    before = {name: np.copy(value) for name, value in ARGUMENTS.items()}
    output, vjp = evaluate(text, ARGUMENTS)
    grad_output = np.asarray(RNG.normal(size=output.shape))
    expected, slopes = by_torch(text, grad_output)
    assert output.shape == expected.shape
    np.testing.assert_allclose(output, expected, rtol=1e-12, atol=1e-12)
    for _ in range(2):
        found = vjp(grad_output)
        assert found.keys() == slopes.keys()
        for name, slope in slopes.items():
            assert found[name].shape == ARGUMENTS[name].shape, name
            np.testing.assert_allclose(found[name], slope, rtol=1e-11, atol=1e-12, err_msg=name)
    assert all(np.array_equal(before[name], value) for name, value in ARGUMENTS.items())


SHORT = ["cross_entropy(input, labels)", "3 * input", "input / scalar", "mean(0.5 * input, 0)", "scalar * 0.5"]


@pytest.mark.parametrize("text", SHORT)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_an_expression_keeps_the_dtype(text: str, dtype: Any) -> None:
    arguments = {n: v.astype(dtype) if getattr(v, "dtype", None) == np.float64 else v for n, v in ARGUMENTS.items()}
    output, vjp = evaluate(text, arguments)
    assert output.dtype == dtype
    assert {gradient.dtype for gradient in vjp(np.ones_like(output)).values()} == {np.dtype(dtype)}


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("same(reduction='none')", "l1_loss(input, target, weight=weight, reduction='none')"),
        ("mean(same(reduction='none', weight=None))", "mean(l1_loss(input, target, reduction='none'))"),
        ("2 * same(input=-input)", "2 * l1_loss(-input, target, weight=weight)"),
        (
            "same(input=same(reduction='none', weight=None))",
            "l1_loss(l1_loss(input, target, reduction='none'), target, weight=weight)",
        ),
    ],
)
def test_same_is_the_call_of_the_case_with_something_changed(text: str, whole: str) -> None:
    given = {name: ARGUMENTS[name] for name in ("input", "target")} | {"weight": ARGUMENTS["target"], "grad_output": 1}
    own = signature_of("l1_loss")
    (one, vjp), (other, expected) = (
        parse_identity(words, own, given, SIZES).evaluate(losses.LOSSES, given) for words in (text, whole)
    )
    assert np.array_equal(one, other)
    found, slopes = vjp(np.ones_like(one)), expected(np.ones_like(other))
    assert found.keys() == slopes.keys()
    assert all(np.array_equal(found[name], slopes[name]) for name in slopes)


def test_a_loss_that_is_not_there_is_a_key_error() -> None:
    identity = parse_identity("kl_div(input, target)", signature_of("kl_div"), ARGUMENTS, SIZES)
    with pytest.raises(KeyError, match="kl_div"):
        identity.evaluate({}, ARGUMENTS)


def test_an_expression_may_be_deep_but_not_kill_the_interpreter() -> None:
    output, vjp = evaluate("-" * 291 + "input", ARGUMENTS)
    assert np.array_equal(output, -ARGUMENTS["input"])
    assert (vjp(np.ones((5, 4)))["input"] == -1).all()
    assert evaluate("(" * 140 + "input" + ")" * 140, ARGUMENTS)[0].shape == (5, 4)
    for text in ("(" * 290, "-" * 100_000 + "input", "(" * 100_000, "input" + " + input" * 100_000):
        with pytest.raises(ValueError, match="cannot read the expression"):
            parse_identity(text, signature_of("kl_div"), ARGUMENTS, SIZES)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cannot read the expression ''"),
        ("input +", "cannot read the expression 'input +', expected calls such as cross_entropy(input, target)"),
        ("input\0", "cannot read the expression"),
        ("1 + 2", "the expression '1 + 2' names no argument of this case"),
        ("N * C", "the expression 'N * C' names no argument of this case"),
        ("cross_entropie(input, labels)", "which is not a loss; did you mean 'cross_entropy'?"),
        ("abs(input)", "the expression calls 'abs', which is not a loss"),
        ("input + inptu", "the expression names 'inptu', which this case does not give; did you mean 'input'?"),
        ("cross_entropy(input, labels, wieght=1)", "cross_entropy has no argument 'wieght'; did you mean 'weight'?"),
        ("cross_entropy(input, labels, grad_output=1)", "cross_entropy has no argument 'grad_output'"),
        ("cross_entropy(input)", "the expression gives cross_entropy no target, which it needs"),
        ("cross_entropy(input, labels, input=input)", "the expression gives cross_entropy the argument 'input' twice"),
        ("exp(input, input)", "the expression gives exp 2 arguments, it takes 1"),
        ("exp()", "the expression gives exp no input, which it needs"),
        ("cross_entropy(**input)", "cross_entropy has no argument '**'"),
        ("exp(*input)", "the expression says '*input', expected losses, arguments, numbers and + - * /"),
        ("input ** 2", "the expression says 'input ** 2'"),
        ("input @ input", "the expression says 'input @ input'"),
        ("input[0]", "the expression says 'input[0]'"),
        ("input.T", "the expression says 'input.T'"),
        ("F.cross_entropy(input, labels)", "the expression says 'F.cross_entropy(input, labels)'"),
        ("lambda: input", "the expression says 'lambda: input'"),
        ("[input for x in input]", "the expression says '[input for x in input]'"),
        ("input if 1 else 2", "the expression says 'input if 1 else 2'"),
        ("(input := 3)", "the expression says '(input := 3)'"),
        ("input + b'x'", "the expression says \"b'x'\""),
        ("input + 1j", "the expression says '1j'"),
        ("input + f'{input}'", "the expression says"),
        ("not input", "the expression says 'not input'"),
        ("same()", "the expression says 'same()', expected what is changed by name: same(reduction='none')"),
        ("same(input)", "the expression says 'same(input)', expected what is changed by name"),
        ("same(**input)", "the expression says 'same(**input)', expected what is changed by name"),
        ("same(reductoin='none')", "cross_entropy has no argument"),
        ("__import__('os')", "the expression calls '__import__', which is not a loss"),
    ],
)
def test_what_an_expression_may_not_say_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_identity(text, signature_of("cross_entropy"), ARGUMENTS, SIZES)


def test_every_map_is_evaluated() -> None:
    said = " ".join(EXPRESSIONS)
    assert all(f"{name}(" in said for name in MAPS)

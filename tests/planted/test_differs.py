"""What differs by design is waived and nothing else is: each word is needed by a right loss, and hides no wrong one."""

from pathlib import Path
from typing import Any

import pytest
import torch

import parity
from parity import losses
from parity.types import Array, Clause, Gradients, NotOffered, Result
from tests.planted.differing import CASES, RIGHT, WRONG, Differing, in_float32, in_place, once, writes, wrong_once


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    for loss, text in CASES.items():
        (tmp_path / f"{loss}.yaml").write_text(text)
    return tmp_path


def check(cases: Path, one: Differing, *words: str, **more: Any) -> parity.Report:
    how = {"framework": one.framework, "cases": cases, "differs": list(words), **one.more, **more}
    return parity.check(one.loss, one.make(), **how)


@pytest.mark.parametrize("one", RIGHT, ids=[one.word for one in RIGHT])
def test_a_right_loss_is_red_without_its_word_and_green_with_it(cases: Path, one: Differing) -> None:
    red = check(cases, one)
    assert one.says in "".join(red.failures)
    hinted = [failure for failure in red.failures if f"if that is by design, declare differs=['{one.word}']" in failure]
    assert len(hinted) == len(red.failures) > 0, red
    green = check(cases, one, one.word)
    assert green.ok, green
    assert f"differs by design, at {len(red.failures)} of " in str(green)
    named = parity.check(
        one.loss, one.make(), framework=one.framework, cases=cases, differs={one.word: "so it is"}, **one.more
    )
    assert f": {one.word}: so it is" in str(named)
    assert str(named).count("so it is") == 1


@pytest.mark.parametrize("one", WRONG, ids=[f"{one.word}: {one.says[:30]}" for one in WRONG])
def test_a_wrong_loss_stays_red_beside_a_word(cases: Path, one: Differing) -> None:
    assert one.says in "".join(check(cases, one, one.word).failures)


def test_every_word_has_a_right_loss_and_a_wrong_one() -> None:
    assert {one.word for one in RIGHT} == {one.word for one in WRONG} == {*Clause}


def test_a_word_that_no_point_needs_is_told(cases: Path) -> None:
    report = parity.check("mse_loss", losses.mse_loss, cases=cases, differs={"output dtype": "computes in float32"})
    assert report.ok
    assert "declared to differ, yet no point needs it: output dtype: computes in float32" in str(report)


def test_a_word_of_another_loss_is_not_granted(cases: Path) -> None:
    both = parity.Implementation("yours", "numpy", {"mse_loss": writes, "nll_loss": losses.nll_loss},
                                 differs=["nll_loss.inputs intact"])  # fmt: skip
    assert "modifies input" in str(parity.check("mse_loss", both, cases=cases))


def test_a_kernel_that_writes_its_gradient_into_the_logits_needs_two_words(cases: Path) -> None:
    lacks = ["second derivatives"]
    report = parity.check("mse_loss", in_place, framework="torch", cases=cases, lacks=lacks)
    assert "declare differs=['backward once', 'inputs intact']" in report.failures[0]
    words = ["backward once", "inputs intact"]
    report = parity.check("mse_loss", in_place, framework="torch", cases=cases, lacks=lacks, differs=words)
    assert report.ok, report
    for word in words:
        report = parity.check("mse_loss", in_place, framework="torch", cases=cases, lacks=lacks, differs=[word])
        (other,) = {*words} - {word}
        assert f"declare differs=['{other}']" in report.failures[0]


def test_a_wrong_dtype_hides_no_wrong_value_and_a_wrong_rank_none_either(cases: Path) -> None:
    wrong = in_float32(1.5)
    failures = parity.check("mse_loss", wrong, framework="torch", cases=cases, only="*mean-*-float16").failures
    assert all("output has dtype float32" in one and "output differs" in one for one in failures)
    assert not any("by design" in one for one in failures)

    def long(scale: float, **arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)
        return output.reshape(1, *output.shape) * scale, lambda g: vjp(g.reshape(output.shape))

    told = parity.check("mse_loss", lambda **a: long(1.5, **a), cases=cases, only="*float64").failures[0]
    assert "output has shape [1, 2, 3], torch's has [2, 3]" in told
    assert "output is 1.5 times torch's" in told
    told = parity.check("mse_loss", lambda **a: long(1.0, **a), cases=cases, only="*float64").failures[0]
    assert "output has shape [1, 2, 3]" in told
    assert "differs in" not in told


def test_a_wrong_dtype_of_a_gradient_hides_no_wrong_value(cases: Path) -> None:
    def wide(**arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)
        return output, lambda g: {name: one.astype("float64") * 3 for name, one in vjp(g).items()}

    told = parity.check("mse_loss", wide, cases=cases, only="*float32").failures[0]
    assert "gradient of input has dtype float64, torch's has float32" in told
    assert "gradient of input is 3 times torch's" in told


def test_what_differs_once_is_told_though_it_does_not_when_compared_again(cases: Path) -> None:
    report = parity.check("mse_loss", wrong_once(), cases=cases, differs=["inputs intact"], only="*none-contiguous*")
    assert len(report.failures) == 1
    assert "output is 3 times torch's" in report.failures[0]
    assert "by design" not in report.failures[0]


def test_what_is_misspelt_or_means_nothing_is_refused(cases: Path) -> None:
    for wrong, sentence in {
        "output dtpye": "nothing that may differ is called 'output dtpye'; did you mean 'output dtype'?",
        "nll_loss.own memory": "'nll_loss.own memory' is about nll_loss, which is not among its losses",
    }.items():
        with pytest.raises(parity.Misdeclared, match=sentence.replace("?", "\\?")):
            parity.check("mse_loss", once, cases=cases, differs=[wrong])
    with pytest.raises(parity.Misdeclared, match="differs is the text 'repeatable'"):
        parity.check("mse_loss", once, cases=cases, differs="repeatable")


def not_offering(stage: str, scale: float = 1.0) -> Any:
    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            if stage == "forward" and input.dtype == torch.float64:
                raise NotOffered("float64 kernels")
            ctx.save_for_backward(input, target)
            return scale * (input - target) ** 2

        @staticmethod
        def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
            if stage == "backward":
                raise NotOffered("a backward on this chip")
            if stage == "second" and torch.is_grad_enabled():
                raise NotOffered("a double backward")
            input, target = ctx.saved_tensors
            slope = 2 * scale * grad_output * (input - target)
            return slope, -slope

    def loss(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        if reduction not in ("none", "mean"):
            raise ValueError(reduction)
        values: torch.Tensor = Function.apply(input, target)  # type: ignore[no-untyped-call]
        return values if reduction == "none" else values.mean()

    return loss


@pytest.mark.parametrize(
    ("stage", "what", "lost"),
    [("forward", "float64 kernels", 8), ("backward", "a backward on this chip", 0), ("second", "a double backward", 0)],
)
def test_not_offered_says_that_much_wherever_it_is_raised(cases: Path, stage: str, what: str, lost: int) -> None:
    report = parity.check("mse_loss", not_offering(stage), framework="torch", cases=cases)
    assert report.ok, report
    assert f"not offered: {'yours does not offer ' if lost else ''}{what}" in str(report)
    assert report.count("not offered") == lost


@pytest.mark.parametrize("stage", ["backward", "second"])
def test_not_offered_hides_no_wrong_output(cases: Path, stage: str) -> None:
    report = parity.check("mse_loss", not_offering(stage, 1.5), framework="torch", cases=cases)
    assert report.count("passed") == 1, report  # the refusal
    assert any("output is 1.5 times torch's" in failure for failure in report.failures)


def test_not_offered_at_one_draw_hides_no_other(cases: Path) -> None:
    def refuses_the_first() -> Any:
        seen: list[Array] = []

        def loss(**arguments: Any) -> Result:
            output, vjp = losses.mse_loss(**arguments)
            seen.append(output)
            if len(seen) == 1:
                raise NotOffered("the first draw")
            return output * 2, vjp

        return loss

    report = parity.check("mse_loss", refuses_the_first(), cases=cases, only="*none-contiguous-float32")
    assert any("output is 2 times torch's" in failure for failure in report.failures)


def test_not_offered_in_the_backward_hides_no_answer_that_torch_refuses(cases: Path) -> None:
    def answers(reduction: str = "mean", **arguments: Any) -> Result:
        def backward(grad_output: Array) -> Gradients:
            raise NotOffered("gradients")

        return losses.mse_loss(reduction="mean" if reduction == "maen" else reduction, **arguments)[0], backward

    assert "answers where torch raises ValueError" in parity.check("mse_loss", answers, cases=cases).failures[0]

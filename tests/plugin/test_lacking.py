"""What an implementation lacks: an option is left out of the call on both sides, a gradient is not asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

import parity
from parity import losses
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.implementations.registry import served
from parity.question import points
from parity.types import Array, Result
from tests.plugin.user import SMALL

WEIGHTED = """
loss: nll_loss
cases:
  - name: weighted
    given: {input: {normal: [3, 2]}, target: {classes: [3], below: 2}, weight: {uniform: [2]}}
    across: {reduction: [none, sum]}
"""


def test_a_gradient_that_is_lacking_yet_given_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "nll_loss.yaml"
    path.write_text(WEIGHTED)

    def gives(input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        rows = -(weight[target] * input.gather(1, target[:, None])[:, 0])
        return rows if reduction == "none" else rows.sum()

    report = parity.check("nll_loss", gives, framework="torch", cases=path, lacks=["gradient of weight"])
    assert report.ok, report
    assert "not offered: gradient of weight" in str(report)
    told = parity.check("nll_loss", gives, framework="torch", cases=path).failures[0]
    assert "gradient of weight is given, torch has none" in told


def test_a_gradient_that_is_lacking_is_not_compared_though_it_is_given() -> None:
    class Halved(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
            return value.view_as(value)

        @staticmethod
        def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
            return grad_output / 2

    def wrong(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        return F.mse_loss(input, Halved.apply(target), **options)  # type: ignore[no-untyped-call]

    only = ["mse_loss/plain grid/*", "mse_loss/is the square*", "mse_loss/a change of*"]
    report = parity.check("mse_loss", wrong, framework="torch", lacks=["gradient of target"], only=only, seeds=1)
    assert report.ok, report
    assert "not offered: gradient of target, of " in str(report)
    report = parity.check("mse_loss", wrong, framework="torch", only=only, seeds=1)
    assert "gradient of target is 0.5 times" in str(report)


def test_a_warning_about_an_option_that_is_left_out_is_not_expected() -> None:
    def mean(input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(input, target)

    report = parity.check("cross_entropy", mean, framework="torch", only="reduction=elementwise_mean", seeds=1)
    assert report.ok, report
    assert "not offered: warnings without reduction, of 1 point compared in the rest" in str(report)


def test_an_identity_does_not_call_with_what_is_lacking() -> None:
    def indices_alone(input: torch.Tensor, target: torch.Tensor, weight: Any = None, **options: Any) -> torch.Tensor:
        if target.is_floating_point():
            raise RuntimeError("no probabilities")
        return F.cross_entropy(input, target, weight, **options)

    only = "cross_entropy/indices equal one-hot probabilities/*"
    report = parity.check(
        "cross_entropy", indices_alone, framework="torch", lacks=["class probabilities"], only=only, seeds=1
    )
    assert report.ok, report
    assert "not offered: identity with class probabilities, of " in str(report)
    report = parity.check("cross_entropy", indices_alone, framework="torch", only=only, seeds=1)
    assert "no probabilities" in str(report)


def test_a_gradient_that_is_lacking_is_not_asked_for_in_the_second_call(tmp_path: Path) -> None:
    path = tmp_path / "mse_loss.yaml"
    path.write_text(SMALL)

    def forward_alone(**arguments: Any) -> Result:
        def backward(grad_output: Array) -> Any:
            raise NotImplementedError

        return losses.mse_loss(**arguments)[0], backward

    report = parity.check("mse_loss", forward_alone, cases=path, lacks=["gradient"])
    assert report.ok, report
    report = parity.check("mse_loss", F.mse_loss, framework="torch", cases=path, lacks=["gradient"])
    assert report.ok, report


ABOUT_WEIGHTS = {
    "a plain number for weight is rejected",
    "an upstream gradient divided by the sum of small weights is beyond a half",
    "as many rows as classes leave a weight one of classes beside transposed logits",
    "a mean over no weight at all is nan", "weights that cancel divide by zero", "negative weights count as they are",
    "huge and tiny weights do not leave the range", "a weight that is not finite spoils the rows of its class",
    "slopes of the weights add up over many rows", "uint8 targets go with weights",
    "weighted sequences of some hundred classes match torch",
    "a change of a weight is refused before the backward and seen by the next call",
    "uint8 targets go with weights and smoothing where there is no mean",
    "uint8 targets of a weighted smoothed mean are rejected",
    "float64 probabilities and weights promote float32 logits", "a weight of another dtype is rejected beside indices",
    "a weight that does not fit the classes is rejected", "a column of weights goes with a sequence",
    "a column of weights goes with smoothing where there is no mean",
    "a column of weights is rejected in a smoothed mean",
    "weights whose first dimension is not the classes' are rejected beside smoothing",
    "one number is rejected as the weight of one class beside smoothing",
    "the weighted mean is the weighted sum over the weights of the targets", "weights of many classes match torch",
    "as many rows as classes leave a weight one of classes", "legacy flags reduce weighted probabilities",
    "a weight that is not finite harms no ignored row",
    "a weight that is not finite harms no row that is ignored by default",
    "uint8 targets of 255 can be ignored beside weights",
    "a product of halves overflows before a wider weight meets it",
    "complex weights of probabilities have a conjugated gradient",
    "weighted probabilities of a sequence go through each transformation",
    "weighted targets in descending order match torch",
    "weighted targets that begin and end in order are in no order",
    "weights and ignored targets go through each transformation",
    "weights and ignored targets go with a thousand rows",
    "weights and ignored targets go with every layout",
    "weights and ignored targets go with images of one row, column or class",
    "weights and ignored targets go with sequences of every dtype",
    "weights and ignored targets go with sequences of halves that lie in memory by positions",
    "weights and ignored targets go with six dimensions",
    "weights and ignored targets go with some thousand classes",
    "weights and ignored targets go with volumes",
    "weights and ignored targets go with wide rows",
    "weights and ignored targets of a sequence go through each transformation",
    "weights go with some thousand rows",
    "weights of every dtype match torch beside wide logits",
    "weights that are 1 at an end or on average are weights",
    "weights that are 1 at an end or on average are weights of a sequence",
    "the weight of one class may be 0",
    "the weight of the one class of a sequence may be 0",
}  # fmt: skip
# By position a weight that is lacking would move all that comes after it.
BY_POSITION = {"every option by position matches torch", "reductions by position match torch"}


def test_without_weights_cross_entropy_loses_only_the_scenarios_about_them() -> None:
    def unweighted(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        assert "weight" not in options
        return F.cross_entropy(input, target, **options)

    library = Implementation("yours", "torch", {"cross_entropy": unweighted}, lacks=["weight"])
    compared: dict[str, bool] = {}
    for point in points("cross_entropy", library):
        scenario = point.scenario
        if not compared.get(scenario.name) and not scenario.case.finding:
            record = run_point(point, library, [0])
            assert record.verdict in ("passed", "not offered"), record
            compared[scenario.name] = record.verdict == "passed"
    assert {name for name, was in compared.items() if not was} == ABOUT_WEIGHTS | BY_POSITION
    assert all("weight" in name for name in ABOUT_WEIGHTS)


def expanded(path: Path) -> Iterator[Point]:
    return (point for scenario in load(path, served()) for point in expand(scenario))


OPTIONS = """
loss: cross_entropy
defaults:
  given: {input: {normal: [4, 3]}, target: {classes: [4], below: 3}}
cases:
  - name: plain grid
    given: {label_smoothing: 0.1}
    across:
      weight: {labels: {without: null, some: {uniform: [3]}, ones: {full: [3], value: 1.0}}}
      reduction: [mean, sum]
  - name: layouts
    given: {weight: {uniform: [3]}}
    across: {layout: [contiguous, sliced]}
  - name: a class in the range is ignored
    given: {ignore_index: 1, weight: {uniform: [3]}}
  - name: a class beyond the range is ignored
    given: {ignore_index: 3, target: [3, 0, 1, 2]}
  - name: sums
    given: {weight: {uniform: [3]}}
    equals: same(reduction='sum') / 4
  - name: a sum is its own
    given: {weight: {uniform: [3]}, reduction: sum}
    equals: nll_loss(log_softmax(input, dim=1), target, weight, reduction='sum')
  - name: smoothing alone is refused
    given: {weight: {uniform: [2]}}
    raises: {RuntimeError: weight tensor}
"""


def test_what_is_left_out_is_told_and_calls_that_are_alike_run_once(tmp_path: Path) -> None:
    path = tmp_path / "cross_entropy.yaml"
    path.write_text(OPTIONS)
    functions: dict[str, Any] = {"cross_entropy": F.cross_entropy, "nll_loss": F.nll_loss, "log_softmax": F.log_softmax}
    bare = Implementation("yours", "torch", functions, lacks={"weight": "no weights yet", "ignore_index": ""})
    records = {point.id: run_point(point, bare, [0]) for point in expanded(path)}
    found = {name.partition("/")[2]: (record.verdict, record.left_out) for name, record in records.items()}
    lost, left = "not offered", ("passed", ["weight"])
    whole: tuple[str, list[str]] = ("passed", [])
    assert found == {
        "plain grid/without-mean-float32": whole, "plain grid/without-sum-float32": whole,
        "plain grid/some-mean-float32": (lost, []), "plain grid/some-sum-float32": (lost, []),
        "plain grid/ones-mean-float32": (lost, []), "plain grid/ones-sum-float32": (lost, []),
        "layouts/contiguous-float32": left, "layouts/sliced-float32": left, "layouts/sliced input-float32": left,
        "layouts/sliced target-float32": left, "layouts/sliced weight-float32": (lost, []),
        "a class in the range is ignored/float32": ("passed", ["weight", "ignore_index"]),
        "a class beyond the range is ignored/float32": (lost, ["ignore_index"]), "sums/float32": left,
        "a sum is its own/float32": left, "smoothing alone is refused/float32": (lost, ["weight"]),
    }  # fmt: skip
    alike = records["cross_entropy/plain grid/some-mean-float32"].reason
    assert alike == "yours does not offer weight: without it another point makes the same call"
    assert records["cross_entropy/sums/float32"].not_offered == []


FACTS = """
loss: cross_entropy
cases:
  - name: some draws ignore a target
    given: {input: {normal: [4, 3]}, target: {classes: [4], below: 3, mask: {value: -100, share: 0.15}}}
    seeds: 8
  - name: every draw ignores one
    given: {input: {normal: [4, 3]}, target: [0, 1, -100, 2]}
  - name: an image
    given: {input: {normal: [2, 3, 2, 2]}, target: {classes: [2, 2, 2], below: 3}}
  - name: many rows
    given: {input: {normal: [200, 3]}, target: {classes: [200], below: 3}}
"""


def test_facts_may_be_lacking_of_points_and_of_draws(tmp_path: Path) -> None:
    path = tmp_path / "cross_entropy.yaml"
    path.write_text(FACTS)

    def plain(input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        assert input.ndim == 2
        assert len(input) <= 64
        assert (target >= 0).all()
        return F.cross_entropy(input, target)

    lacks = {"ignored targets": "no padding", "more dimensions": "rows only", "large": "one block"}
    report = parity.check("cross_entropy", plain, framework="torch", cases=path, lacks=lacks)
    assert report.ok, report
    assert [record.verdict for record in report.records] == ["passed", *["not offered"] * 3]
    assert "ignored targets: no padding" in report.records[0].not_offered
    assert report.records[1].reason == "yours does not offer ignored targets: no padding"
    assert report.records[2].reason == "yours does not offer more dimensions: rows only"
    assert report.records[3].reason == "yours does not offer large: one block"
    for word in lacks:
        fewer = {other: reason for other, reason in lacks.items() if other != word}
        assert not parity.check("cross_entropy", plain, framework="torch", cases=path, lacks=fewer).ok

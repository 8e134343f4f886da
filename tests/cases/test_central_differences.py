"""A witness that knows nothing of torch: in float64 each gradient is what central differences of the output say."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity import losses
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file
from parity.draws.draw import Plan, generator
from parity.frameworks.numpy import NumpyLoss
from parity.implementations.registry import served
from parity.types import Array, Gradients, Loss, Result

# The step beside a number near 1: about the cube root of eps, where the error of the difference is least.
STEP = 1e-5
# Points of at most so many numbers; of each argument so many elements, at random.
SIZE = 200
ELEMENTS = 3
# Numbers are shrunk by up to this share, each by its own: ties, and most kinks that the cases seek, are left behind.
SHRINK = 1e-3
# What the outputs may have been rounded by, as a share of the largest number they were made of: divided by 2h, it is
# what a quotient is uncertain of by rounding. By its steps it is uncertain of its distance from the one at 2h, which
# is 3 times its own truncation error.
ROUNDING = 64 * float(np.finfo(np.float64).eps)
# A quotient tells no derivative where it and those at 2h, to the left and to the right are further apart than this
# share: there is a kink or a pole.
SMOOTH = 1e-2
# So much of what is tried must be kept, for each argument, and be known to three digits.
KEPT = 0.6
TELLING = 0.2
# The cases' third cluster has one class, whose log-probability is 0: its weights have a gradient of 0.
ALWAYS_ZERO = {"tail_2_0_weight", "tail_2_1_weight"}

# Where torch's gradient is not the derivative of its output, so ours is not either: the elements, by loss and
# argument. Each entry must be needed.
NOT_THE_DERIVATIVE: dict[tuple[str, str], tuple[str, Callable[..., Any]]] = {
    ("binary_cross_entropy", "target"): (
        "the output clamps both logarithms at -100, the target's gradient does not",
        lambda input, **_: np.log(np.minimum(input, 1 - input)) < -100,
    ),
    ("ctc_loss", "log_probs"): (
        "where the blank stands among the labels, the last frame's gradient forgets the blank behind it",
        lambda log_probs, targets, blank=0, **_: np.isin(blank, targets),
    ),
    ("gaussian_nll_loss", "var"): (
        "the gradient passes the clamp at eps",
        lambda var, eps=1e-6, **_: var < eps,
    ),
    ("poisson_nll_loss", "target"): (
        "Stirling's term is masked in the output, and its gradient of nan is not",
        lambda target, full=False, **_: full & (target <= 0),
    ),
    **{
        ("triplet_margin_loss", name): (
            "the distance of a p beyond numbers is the magnitude of one element, and its gradient is nan or 0",
            lambda p=2.0, **_: abs(p) > 1e38,
        )
        for name in ("anchor", "positive", "negative")
    },
    ("soft_margin_loss", "input"): (
        "a target of uint8 is 255 in the output and -1 in the gradient",
        lambda target, **_: target.dtype == np.uint8,
    ),
}


@dataclass
class Tried:
    """The arguments with a gradient, and of each the elements: compared, of these known to three digits or more, left
    out at kinks, excused and indeed not the derivative. And a sentence for each that is wrong."""

    kept: Counter[str] = field(default_factory=Counter)
    telling: Counter[str] = field(default_factory=Counter)
    kinks: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    offered: set[str] = field(default_factory=set)


def with_log_softmax(loss: Loss) -> Loss:
    """ctc_loss of the log-softmax of its argument.

    Torch's gradient of log_probs takes for granted that they are a log-softmax's output: it is right for what comes
    before that, and not the derivative by log_probs alone.
    """

    def composed(log_probs: Array, *args: Any, **options: Any) -> Result:
        scores, back = losses.log_softmax(log_probs, -1)
        output, vjp = loss(scores, *args, **options)
        return output, lambda grad_output: {"log_probs": back(vjp(grad_output)["log_probs"])["input"]}

    return composed


def function(name: str, loss: Loss | None = None) -> Loss:
    """A loss, or another in its place, as a function whose vjp is its derivative."""
    loss = loss or losses.LOSSES[name]
    return NumpyLoss(with_log_softmax(loss) if name == "ctc_loss" else loss)


def small_points(cases: Path) -> Iterator[tuple[Point, dict[str, Any]]]:
    """The float64 points of a case file with few numbers, all finite, and their first draw, a little shrunk."""
    for scenario in load(cases, served()):
        if scenario.case.raises or scenario.case.finding or scenario.case.depth != "default":
            continue
        for point in expand(scenario):
            if point.dtype != "float64" or point.around:
                continue
            arguments, _ = Plan(point).arguments(0)
            arrays = [value for value in arguments.values() if isinstance(value, np.ndarray)]
            doubles = all(array.dtype in (np.float64, np.int64, np.uint8) for array in arrays)
            if doubles and sum(array.size for array in arrays) <= SIZE and all(np.isfinite(a).all() for a in arrays):
                yield point, shrunk(arguments, generator(f"{point.id} shrunk"))


def shrunk(arguments: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The arguments with every number in float64 a little smaller, but for arrays of labels: 0, 1 and -1."""
    return {
        name: np.asarray(value * (1 - SHRINK * rng.random(value.shape)))
        if isinstance(value, np.ndarray) and value.dtype == np.float64 and not np.isin(value, (-1, 0, 1)).all()
        else value
        for name, value in arguments.items()
    }


def quotient(
    loss: Loss, arguments: dict[str, Any], name: str, index: tuple[int, ...], grad_output: Array
) -> tuple[float, float] | None:
    """The derivative of <output, grad_output> by one number, and its uncertainty; None at a kink or pole."""
    x = float(arguments[name][index])
    h = STEP * max(1.0, abs(x))

    def at(steps: int) -> float:
        moved = np.array(arguments[name])
        moved[index] = x + steps * h
        return float((loss(**{**arguments, name: moved})[0] * grad_output).sum())

    try:
        back, before, here, after, on = map(at, (-2, -1, 0, 1, 2))
    except (RuntimeError, ValueError):  # a probability beyond 1, say
        return None
    slopes = [(after - before) / (2 * h), (on - back) / (4 * h), (here - before) / h, (after - here) / h]
    largest = max(float(np.abs(value).max(initial=1)) for value in arguments.values() if isinstance(value, np.ndarray))
    noise = ROUNDING * (max(abs(on), abs(back)) + largest * float(np.abs(grad_output).sum())) / h
    if not np.ptp(slopes) <= SMOOTH * max(map(abs, slopes)) + noise:
        return None
    return slopes[0], abs(slopes[0] - slopes[1]) + noise


def try_loss(name: str, loss: Loss | None = None, cases: Path | None = None) -> Tried:
    """Some elements of every gradient of every small point beside central differences."""
    called = function(name, loss)
    tried = Tried()
    for point, arguments in small_points(cases or case_file(name)):
        output, vjp = called(**arguments)
        if output.dtype != np.float64 or not output.size or not np.isfinite(output).all():
            continue
        rng = generator(f"{point.id} central differences")
        grad_output = np.asarray(rng.standard_normal(output.shape))
        gradients = vjp(grad_output)
        tried.offered |= gradients.keys()
        for argument, gradient in gradients.items():
            _, excused = NOT_THE_DERIVATIVE.get((name, argument), ("", lambda **_: False))
            left_out = np.broadcast_to(excused(**arguments), gradient.shape)
            for flat in rng.permutation(gradient.size)[:ELEMENTS]:
                index = tuple(int(i) for i in np.unravel_index(flat, gradient.shape))
                found = quotient(called, arguments, argument, index, grad_output)
                if found is None:
                    tried.kinks[argument] += 1
                    continue
                slope, uncertain = found
                right = abs(gradient[index] - slope) <= uncertain
                if left_out[index]:
                    tried.excused[argument] += not right
                    continue
                tried.kept[argument] += 1
                tried.telling[argument] += uncertain < 1e-3 * abs(slope)
                if not right:
                    tried.wrong.append(
                        f"{point.id}: gradient of {argument} at {list(index)} is {gradient[index]:.12g}, "
                        f"central differences give {slope:.12g}, uncertain by {uncertain:.1e}"
                    )
    return tried


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The cases go where torch warns and numbers overflow; here that is no matter."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def assert_derivatives(tried: Tried) -> None:
    """Every gradient is right, and of each argument enough was compared."""
    assert not tried.wrong
    assert tried.offered
    for argument in tried.offered:
        kept = tried.kept[argument]
        assert kept, f"{argument} is nowhere compared"
        assert kept >= KEPT * (kept + tried.kinks[argument]), f"most of {argument} is left out"
        assert tried.telling[argument] >= TELLING * kept or argument in ALWAYS_ZERO, f"{argument} is hardly known"


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_every_gradient_is_the_derivative_of_the_output(name: str) -> None:
    tried = try_loss(name)
    assert_derivatives(tried)
    for loss, argument in NOT_THE_DERIVATIVE:
        assert loss != name or tried.excused[argument], f"{argument} of {loss} is excused, yet right throughout"


def spoilt(name: str, argument: str) -> Loss:
    """The loss with a gradient of one argument that is a little too large wherever it is larger than average."""

    def wrong(*args: Any, **options: Any) -> Result:
        output, vjp = losses.LOSSES[name](*args, **options)

        def too_large(grad_output: Array) -> Gradients:
            found = vjp(grad_output)
            if argument in found:
                slope = found[argument]
                found[argument] = np.where(np.abs(slope) >= np.abs(slope).mean(), slope * 1.001, slope)
            return found

        return output, too_large

    return wrong


@pytest.mark.parametrize(
    ("name", "argument"),
    [("cross_entropy", "weight"), ("ctc_loss", "log_probs"), ("gaussian_nll_loss", "var"), ("huber_loss", "target"),
     ("triplet_margin_loss", "negative"), ("adaptive_log_softmax_with_loss", "tail_1_1_weight")],
)  # fmt: skip
def test_a_gradient_that_is_wrong_by_a_thousandth_is_seen(name: str, argument: str) -> None:
    wrong = try_loss(name, spoilt(name, argument)).wrong
    assert wrong
    assert all(f"gradient of {argument}" in sentence for sentence in wrong)


def test_a_kink_that_comes_one_percent_early_is_seen() -> None:
    def early(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, **options: Any) -> Result:
        output, _ = losses.huber_loss(input, target, reduction, delta, **options)
        return output, losses.huber_loss(input, target, reduction, delta * 0.99, **options)[1]

    assert try_loss("huber_loss", early).wrong

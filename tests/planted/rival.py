"""The rival that a user would pick: python -m tests.planted.rival [step], the last part of `make bench`.

PyTorch tests its own operators with OpInfo: sample inputs, held against a reference, with gradcheck in float64, and
inputs that must raise. Here the same samples are held against torch's own functions, and every `step`-th planted bug
of a loss that OpInfo has goes through both that and this suite, in one process. A bug counts as found where the right
loss, wrapped in the same way, passes. Case files and OpInfo are loaded before any time is taken.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from itertools import takewhile
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from parity import losses
from parity.bench.table import Row, table
from parity.cases.points import seeds_of
from parity.engine.run import run_point
from parity.frameworks.numpy import option
from parity.frameworks.tensors import to_numpy, to_tensor
from parity.implementations.declaration import Implementation
from parity.question import points
from parity.references.torch import FUNCTIONS
from tests.planted import Bug, catalogue

STEP = 20
# CPU seconds after which a side has not found a bug, and for which the right losses are asked.
SECONDS, RIGHT_SECONDS = 10.0, 1.0
DTYPES = (torch.float32, torch.float64)
Check = tuple[str, Callable[[], object]]


@dataclass(eq=False)
class Side:
    """What one of the two did: draws of right losses and their CPU seconds, and the seconds to each bug found."""

    name: str
    draws: int = 0
    seconds: float = 0.0
    found: list[float] = field(default_factory=list)

    def row(self, bugs: int) -> Row:
        typical, slow = (f"{median(self.found):.3f}", f"{max(self.found):.2f}") if self.found else ("-", "-")
        return self.name, f"{self.draws / self.seconds:,.0f}", f"{len(self.found)} of {bugs}", typical, slow


class InTorch(torch.autograd.Function):
    """A NumPy loss as a function of tensors, with its own vjp as the backward."""

    @staticmethod
    def forward(ctx: Any, call: Callable[..., Any], names: list[str], *tensors: torch.Tensor) -> torch.Tensor:
        output, ctx.vjp = call(**{name: to_numpy(tensor) for name, tensor in zip(names, tensors, strict=True)})
        ctx.names = names
        return to_tensor(np.asarray(output))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> Any:
        found = ctx.vjp(to_numpy(grad_outputs[0]))
        return None, None, *(to_tensor(found[name]) if name in found else None for name in ctx.names)


def of_tensors(bug: Bug, function: Callable[..., Any]) -> Callable[..., torch.Tensor]:
    """The function as torch's own is called: by position or name, with tensors."""
    if bug.framework == "torch":
        return function
    names = signature(losses.LOSSES[bug.loss])

    def call(*args: Any, **kwargs: Any) -> torch.Tensor:
        given = names.bind(*args, **kwargs).arguments
        tensors = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
        options = {name: _option(name, value) for name, value in given.items() if name not in tensors}
        answer: torch.Tensor = InTorch.apply(  # type: ignore[no-untyped-call]
            lambda **arrays: function(**arrays, **options), list(tensors), *tensors.values()
        )
        return answer

    return call


def _option(name: str, value: Any) -> Any:
    return option(name, str(value).removeprefix("torch.") if isinstance(value, torch.dtype) else value)


@cache
def operators() -> dict[str, list[Any]]:
    """OpInfo's entries by the name of the loss."""
    from torch.testing._internal.common_methods_invocations import op_db

    found: dict[str, list[Any]] = {}
    for one in op_db:
        found.setdefault(one.name.removeprefix("nn.functional."), []).append(one)
    return found


def checks(loss: str, function: Callable[..., torch.Tensor]) -> Iterator[Check]:
    """What OpInfo makes of a function: a name, and a call that raises where it is wrong. A draw is a sample."""
    for number, operator in enumerate(operators()[loss]):
        for dtype in DTYPES:
            for place, sample in enumerate(operator.sample_inputs("cpu", dtype, requires_grad=True)):
                yield f"{number} {dtype} {place}", lambda one=sample, op=operator: _agrees(op, function, one)  # type: ignore[misc]
        for place, refused in enumerate(operator.error_inputs("cpu") if operator.error_inputs_func else ()):
            yield f"{number} error {place}", lambda one=refused: _refuses(function, one)  # type: ignore[misc]


def _agrees(operator: Any, function: Callable[..., torch.Tensor], sample: Any) -> None:
    """The output is torch's, and in float64 the gradients are those of differences of the output."""
    output = function(sample.input, *sample.args, **sample.kwargs)
    torch.testing.assert_close(output, operator.op(sample.input, *sample.args, **sample.kwargs))
    if sample.input.dtype == torch.float64 and output.requires_grad:
        inputs = (sample.input, *sample.args)
        torch.autograd.gradcheck(
            lambda *given: operator.gradcheck_wrapper(function, *given, **sample.kwargs), inputs, fast_mode=True,
            nondet_tol=operator.gradcheck_nondet_tol,
        )  # fmt: skip


def _refuses(function: Callable[..., torch.Tensor], refused: Any) -> None:
    sample = refused.sample_input
    try:
        function(sample.input, *sample.args, **sample.kwargs)
    except refused.error_type:
        return
    raise AssertionError(f"expected {refused.error_type}")


def passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:
        return False
    return True


@cache
def usable(loss: str, framework: str) -> frozenset[str]:
    """The names of the checks that the right loss passes, wrapped as a bug of this framework is."""
    right = FUNCTIONS[loss] if framework == "torch" else losses.LOSSES[loss]
    bug = Bug(loss, "", "", "", right, framework)
    return frozenset(name for name, check in checks(loss, of_tensors(bug, right)) if passes(check))


def by_rival(bug: Bug) -> Iterator[bool]:
    """Draw by draw, whether OpInfo's samples show the bug."""
    for name, check in checks(bug.loss, of_tensors(bug, bug.function)):
        if name in usable(bug.loss, bug.framework):
            yield not passes(check)


def by_parity(bug: Bug) -> Iterator[bool]:
    """Draw by draw, whether this suite shows the bug; the draws of a point come together."""
    implementation = Implementation("planted", bug.framework, {bug.loss: bug.function})
    for point in points(bug.loss, implementation):
        seeds = seeds_of(point, None, 0, "default")
        wrong = bool(run_point(point, implementation, seeds).mismatches)
        yield from [wrong] * len(seeds)


def measure(bugs: list[Bug]) -> list[Side]:
    """Both sides on the right losses, for some seconds a loss, and on every bug, until it is found."""
    sides = {Side("OpInfo samples and gradcheck"): by_rival, Side("parity"): by_parity}
    for loss in dict.fromkeys(bug.loss for bug in bugs):
        right = Bug(loss, "right", "", "", losses.LOSSES[loss])
        for side, judged in sides.items():
            usable(loss, right.framework), points(loss, Implementation("right", losses={loss: right.function}))
            start = process_time()
            for _ in takewhile(lambda _: process_time() - start < RIGHT_SECONDS, judged(right)):  # noqa: B023
                side.draws += 1
            side.seconds += process_time() - start
    for bug in bugs:
        usable(bug.loss, bug.framework)
        for side, judged in sides.items():
            start = process_time()
            for wrong in judged(bug):
                seconds = process_time() - start
                if wrong:
                    side.found.append(seconds)
                if wrong or seconds > SECONDS:
                    break
    return list(sides)


def main(step: int) -> None:
    """Print the table of both sides."""
    every = [bug for bug in catalogue() if bug.cases is None]
    chosen = [bug for bug in every if bug.loss in operators()][::step]
    # what gradcheck does of a failure for its message alone, element by element, takes minutes
    unsaid = patch.object(sys.modules["torch.autograd.gradcheck"], "_run_slow_mode_and_get_error", lambda *_: "")
    with warnings.catch_warnings(), unsaid:
        warnings.simplefilter("ignore")
        measured = measure(chosen)
    title = f"Beside OpInfo and gradcheck: every {step}th planted bug of the losses that OpInfo has, CPU seconds"
    head = ("", "draws/s", "bugs found", "median s to a failure", "slowest")
    print(table(title, head, [side.row(len(chosen)) for side in measured]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STEP)

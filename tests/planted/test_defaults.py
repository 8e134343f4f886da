"""Every option left out is at torch's default: a loss with another default is red where the option is not given."""

from collections.abc import Iterator
from inspect import Parameter, signature
from typing import Any

import pytest

from parity import losses
from parity.cases.points import seeds_of
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.question import points
from parity.types import Result

# Defaults of None mean that nothing is there, or stand for an old name; the stack level says nothing of the answer.
OTHER: dict[str, list[Any]] = {
    "reduction": ["none", "sum"], "beta": [0.5, 2.0], "delta": [0.5, 2.0], "p": [1, 3], "ignore_index": [-1, 0, 1],
    "label_smoothing": [0.1], "log_input": [False], "full": [True], "swap": [True], "blank": [1],
    "zero_infinity": [True], "log_target": [True], "returns": ["output"],
}  # fmt: skip


def _near(name: str, default: float) -> list[float]:
    """Numbers near a default."""
    return [default * 10, default / 10] if name == "eps" else [default + 0.5, default - 0.25]


def wrong_defaults() -> Iterator[tuple[str, str, Any]]:
    """Each option of each loss that has a default, with values that are not it."""
    for loss, function in losses.LOSSES.items():
        for name, parameter in signature(function).parameters.items():
            default = parameter.default
            if default is Parameter.empty or default is None or name == "_stacklevel":
                continue
            for other in OTHER[name] if name in OTHER else _near(name, default):
                if other != default and (loss, name, other) != ("multi_margin_loss", "p", 3):
                    yield loss, name, other


@pytest.mark.parametrize(("loss", "name", "other"), list(wrong_defaults()), ids=str)
def test_a_wrong_default_is_seen_where_the_option_is_left_out(loss: str, name: str, other: Any) -> None:
    def wrong(*args: Any, **arguments: Any) -> Result:
        result: Result = losses.LOSSES[loss](*args, **({name: other} | arguments))
        return result

    implementation = Implementation("planted", losses={loss: wrong})
    for point in points(loss, implementation, None):
        given = name in point.given or point.around or point.scenario.case.raises
        if not given and run_point(point, implementation, seeds_of(point, 1, 0, "default")).mismatches:
            return
    pytest.fail(f"no point without {name} sees that it is {other!r}")

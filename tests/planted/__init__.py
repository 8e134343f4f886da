"""A catalogue of planted bugs: wrong losses of the kinds that people really ship, each of which must turn red.

A bug names the loss it stands in, what is wrong, the kind of mismatch that must tell it, and the words of its sentence.
Another kind does not count: a bug whose function raises by accident is not caught by that.
"""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from parity import losses
from parity.records.mismatch import Mismatch
from parity.records.sentences import sentence
from parity.types import Array, Gradients, Result

Change = Callable[[Array], Array]


@dataclass(frozen=True)
class Bug:
    """One wrong loss. `says` is a part of the sentence that tells it; '...' in it stands for any text."""

    loss: str
    name: str
    kind: str
    says: str
    function: Callable[..., Any]
    framework: str = "numpy"

    @property
    def id(self) -> str:
        return f"{self.loss}: {self.name}"

    @property
    def cases(self) -> Path | None:
        """Its case file, unless it is the shipped one."""
        return None if self.loss in losses.LOSSES else EXAMPLES / f"{self.loss}.yaml"

    def told(self, mismatch: Mismatch) -> bool:
        """Whether a mismatch is of the bug's kind and says what is wrong."""
        pattern = ".*".join(re.escape(part) for part in self.says.split("..."))
        return mismatch.kind == self.kind and re.search(pattern, sentence(mismatch)) is not None


BUGS: list[Bug] = []
MODULES = (
    "around", "binary", "classification", "edges", "explained", "flushed", "forgotten", "fused", "handed", "kept",
    "meeting", "narrow", "numerics", "observed", "options", "preferred", "recording", "reported", "second", "sizes",
    "squares", "surrounded", "through", "together", "transformed", "upstream",
)  # fmt: skip
# The cases of the losses that torch lacks.
EXAMPLES = Path(__file__).parents[2] / "examples" / "cases"


def planted(
    loss: str, name: str, kind: str, says: str, framework: str = "numpy"
) -> Callable[[Callable[..., Any]], Any]:
    """Enter a wrong loss into the catalogue."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        # F.sigmoid does not check what it is given
        home = losses if framework == "numpy" else torch if loss == "sigmoid" else F
        own = getattr(home, loss, None) if isinstance(function, FunctionType) else None
        BUGS.append(Bug(loss, name, kind, says, function if own is None else _of_arrays(function, own), framework))
        return function

    return enter


def _of_arrays(wrong: Callable[..., Any], right: Callable[..., Any]) -> Callable[..., Any]:
    """The wrong loss; what is no array, and so has no dtype, goes to the right one: how that is refused is no bug."""

    @wraps(wrong)
    def function(*args: Any, **options: Any) -> Any:
        try:
            return wrong(*args, **options)
        except AttributeError:
            return right(*args, **options)

    return function


def with_gradients(result: Result, change: Callable[[Gradients], Gradients]) -> Result:
    """The same output, other gradients."""
    output, vjp = result
    return output, lambda grad_output: change(vjp(grad_output))


def with_input_gradient(result: Result, change: Change) -> Result:
    """The same output, another gradient of the input, if it has one: whole numbers have none."""
    return with_gradients(
        result, lambda found: found | {"input": change(found["input"])} if "input" in found else found
    )


def divided(result: Result, divisor: float) -> Result:
    """The mean of an unreduced loss with a divisor of its own."""
    values, vjp = result
    output = np.asarray(values.sum() / values.dtype.type(divisor))

    def spread(grad_output: Array) -> Gradients:
        return vjp(np.broadcast_to((grad_output / divisor).astype(values.dtype), values.shape))

    return output, spread


def means(reduction: str, options: dict[str, Any]) -> bool:
    """Whether a call asks for the mean by `reduction` alone, and not by the names of old."""
    return reduction == "mean" and not {"size_average", "reduce"} & options.keys()


def catalogue() -> list[Bug]:
    """Every bug of every module of this folder."""
    for module in MODULES:
        importlib.import_module(f"tests.planted.{module}")
    return BUGS

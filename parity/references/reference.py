"""Who is asked: torch itself, or a function of tensors that answers in its place."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from parity import losses
from parity.cases.reference import Named
from parity.cases.scenario import Scenario
from parity.cases.signature import Signature
from parity.frameworks.surroundings import SURROUNDINGS
from parity.frameworks.torch import TorchLoss, around
from parity.frameworks.transformations import each_alone
from parity.references.torch import FUNCTIONS, TORCH
from parity.types import Functions, Loss, Result

# Under these the answer is that of a plain call.
_ALIKE = ("positional", "checkpoint", *(word for word in SURROUNDINGS if word != "same tensor"))


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The side that is asked.

    `name` is what sentences call it, `function` the callable behind `loss`. `functions` answer in identities.
    `extended` is the same loss in NumPy, which can be asked in extended precision; None where there is none.
    `decides` says that the cases are another function's: what is to be refused is then seen from the reference.
    `bare` answers the same without the transformation that `loss` goes through.
    """

    name: str
    function: Callable[..., Any]
    loss: Loss
    functions: Functions
    extended: Loss | None = None
    decides: bool = False
    bare: Loss | None = None

    def __call__(self, **arguments: Any) -> Result:
        return self.loss(**arguments)

    @property
    def is_torch(self) -> bool:
        return self.functions is TORCH


def _nobody(**arguments: Any) -> Result:
    raise NotImplementedError("no reference is asked")


# Whom a loss is held against that is looked at alone.
NOBODY = Reference("itself", _nobody, _nobody, {})


@cache
def under(reference: Reference, signature: Signature, word: str, device: str) -> Reference:
    """The reference under a transformation, by the same code as those under test.

    The rules of autocast are those of a device, so there it answers on that of the implementation.
    """
    where = device if word.startswith("autocast") else "cpu"
    loss = around(word, signature, reference.function, where, keeps_graph=True)
    bare = TorchLoss(each_alone(reference.function, word)) if word.startswith("vmap") else reference.loss
    return replace(reference, loss=loss, extended=reference.extended if word in _ALIKE else None, bare=bare)


@cache
def torch_reference(loss: str) -> Reference:
    """Torch's own function of that name."""
    return Reference("torch", FUNCTIONS[loss], TORCH[loss], TORCH, losses.LOSSES[loss])


def own_reference(loss: str, function: Callable[..., Any], name: str, decides: bool = False) -> Reference:
    """A callable of tensors, a module class or a module that answers for the loss."""
    wrapped = TorchLoss(function, keeps_graph=True)
    return Reference(name, function, wrapped, {**TORCH, loss: wrapped}, decides=decides)


def reference_of(scenario: Scenario) -> Reference:
    """Who is asked for a scenario: the function that its file names, or torch.

    Raises Unimportable with a sentence if that function cannot be had.
    """
    return torch_reference(scenario.loss) if scenario.reference is None else _named(scenario.loss, scenario.reference)


@cache
def _named(loss: str, named: Named) -> Reference:
    reference = own_reference(loss, named.function(), named.title)
    beside = {name: TorchLoss(function, keeps_graph=True) for name, function in named.beside().items()}
    return replace(reference, functions={**beside, **reference.functions})


def title(function: Callable[..., Any]) -> str:
    """What sentences call a live function: its name, or 'the reference' if it has none."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return name if name.isidentifier() else "the reference"

"""A new torch release says by itself what is missing: every loss is here, with torch's own signature."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch.nn.functional as F

from parity import losses
from parity.references.versions import lacking_of
from parity.types import Array

# Functions of torch.nn.functional that belong here by what they are, not by their name.
FEEDERS = {"log_softmax", "logsigmoid", "sigmoid", "softmax", "softmin"}
BY_MODULE = {"adaptive_log_softmax_with_loss"}


def torch_losses() -> set[str]:
    """The public functions of torch.nn.functional whose name says that they are a loss."""
    named = {name for name in dir(F) if re.search(r"loss$|cross_entropy|^kl_div$", name) and not name.startswith("_")}
    return {name for name in named if callable(getattr(F, name))}


def test_every_loss_of_torch_is_here() -> None:
    assert torch_losses() - set(losses.LOSSES) == set()


def test_nothing_else_is_here() -> None:
    assert set(losses.LOSSES) - torch_losses() - {*filter(lacks, losses.LOSSES)} == FEEDERS | BY_MODULE


def lacks(name: str) -> bool:
    """Whether this torch does not have the loss, or an argument of it: which, `parity versions` tells."""
    found = lacking_of(name)
    return found is not None and bool(found.function or found.arguments)


@pytest.mark.parametrize("name", sorted(set(losses.LOSSES) - {"sigmoid", "logsigmoid"} - BY_MODULE))
def test_the_signature_is_torchs(name: str) -> None:
    if lacks(name):
        pytest.skip(f"not all of {name} is in this torch")
    ours, theirs = inspect.signature(losses.LOSSES[name]), inspect.signature(getattr(F, name))
    assert [(p.name, p.kind, p.default) for p in ours.parameters.values()] == [
        (p.name, p.kind, p.default) for p in theirs.parameters.values()
    ]


@pytest.mark.parametrize("name", ["sigmoid", "logsigmoid"])
def test_a_function_without_a_python_signature_takes_an_input(name: str) -> None:
    assert list(inspect.signature(losses.LOSSES[name]).parameters) == ["input"]


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_arrays_are_annotated_as_arrays(name: str) -> None:
    parameters = inspect.signature(losses.LOSSES[name]).parameters
    first = next(iter(parameters.values()))
    assert first.annotation is Array


FOLDER = Path(losses.__file__).parent


def test_no_loss_imports_torch() -> None:
    for path in FOLDER.glob("*.py"):
        assert not re.search(r"^\s*(import|from) torch", path.read_text(), re.MULTILINE), path.name


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_a_loss_is_offered_by_its_family_and_by_the_package(name: str) -> None:
    loss = losses.LOSSES[name]
    assert loss is getattr(losses, name)
    assert name in import_module(loss.__module__).__all__


def test_no_module_is_forgotten() -> None:
    offered = {name for path in FOLDER.glob("[!_]*.py") for name in getattr(_module(path), "__all__", ())}
    assert offered == {name for name in offered if hasattr(losses, name)}


def _module(path: Path) -> ModuleType:
    return import_module(f"parity.losses.{path.stem}")

"""The function that a case file names as its reference, 'mylib.eager:focal_loss': where it is imported from."""

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from parity.cases.errors import nearest, quoted
from parity.wording import in_words

# What lies at the root of a project: the folders from the case file's own up to there are looked through.
_ROOTS = ("pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", ".git")
EXAMPLE = "mylib.eager:focal_loss"


class Unimportable(ValueError):
    """A reference that cannot be had: the sentence says why."""


@dataclass(frozen=True, slots=True)
class Named:
    """A function by its name, ``module:function``, and the folder from which its module is looked for."""

    text: str
    folder: Path

    @property
    def title(self) -> str:
        """What sentences call it."""
        return self.text.replace(":", ".")

    def function(self) -> Callable[..., Any]:
        """The function itself. Raises Unimportable with a sentence if there is none."""
        found = _imported(self)
        if not callable(found):
            raise Unimportable(f"{self.text} is {type(found).__name__}, expected a function of tensors")
        function: Callable[..., Any] = found
        return function

    def named(self) -> Any:
        """Whatever has the name: the module itself if there is no colon. Raises Unimportable with a sentence."""
        return _imported(self) if ":" in self.text else _module(self.text, self.folder)

    def beside(self) -> dict[str, Callable[..., Any]]:
        """What stands in its module: the callables of ``__all__``, or those that are defined there, by name."""
        module = _module(self.text.partition(":")[0], self.folder)
        names: Iterable[str] = getattr(module, "__all__", None) or [
            name for name, one in vars(module).items()
            if not name.startswith("_") and getattr(one, "__module__", "") == module.__name__
        ]  # fmt: skip
        found = {name: getattr(module, name, None) for name in names}
        return {name: one for name, one in found.items() if callable(one)}


@cache
def _imported(named: Named) -> Any:
    module_name, colon, name = named.text.partition(":")
    if not (colon and all(part.isidentifier() for part in [*module_name.split("."), *name.split(".")])):
        raise Unimportable(f"found {quoted(named.text)}, expected module:function, such as {EXAMPLE}")
    found: Any = _module(module_name, named.folder)
    for part in name.split("."):
        there = [one for one in dir(found) if not one.startswith("_") and callable(getattr(found, one, None))]
        if not hasattr(found, part):
            raise Unimportable(f"{module_name} has no function {quoted(part)}{nearest(part, there)}")
        found = getattr(found, part)
    return found


def _module(name: str, folder: Path) -> ModuleType:
    """The module: of a file near the case file if there is one, else as Python finds it."""
    home = next((one for one in folders(folder) if _file(one, name)), None)
    if home is not None and str(home) not in sys.path:
        sys.path.insert(0, str(home))  # it stays: the module may import its neighbours later
    try:
        module = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        missing = isinstance(error, ModuleNotFoundError) and name.startswith(error.name or " ")
        near = ", ".join(str(one) for one in folders(folder))
        looked = f": there is no such module in {near}, nor where Python looks" if missing else f": {in_words(error)}"
        raise Unimportable(f"{name} cannot be imported{looked}") from None
    wanted, found = _file(home, name) if home else None, getattr(module, "__file__", None)
    if wanted and not (found and Path(found).resolve() == wanted.resolve()):
        raise Unimportable(f"{name} is taken from {found}, expected {wanted}: two modules have one name")
    return module


def folders(start: Path) -> Iterator[Path]:
    """The folder of a case file and those above it up to the root of the project; then the one worked in."""
    above = [start, *start.parents]
    root = next((one for one in above if any((one / mark).exists() for mark in _ROOTS)), start.parent)
    yield from dict.fromkeys([*above[: above.index(root) + 1], Path.cwd()])


def _file(folder: Path, name: str) -> Path | None:
    """The file of a module in a folder."""
    place = folder.joinpath(*name.split("."))
    return next((one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file()), None)

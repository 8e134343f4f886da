"""Holds a loss function against torch.nn.functional: outputs, gradients, dtypes, edges, errors.

report = parity.check("cross_entropy", mylib.fused_ce, framework="torch")      # one loss
report = parity.check(mylib, framework="torch")                                # all losses of a library
@parity.parametrize("cross_entropy", mylib.fused_ce, framework="torch")        # a test of your own, a point each
IMPLEMENTATION = parity.Implementation("mylib", "torch", {...})                # for pytest --parity-implementation
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity import losses
    from parity.api import check, show
    from parity.engine.journal import unfinished
    from parity.errors import Interrupted, ParityError
    from parity.fuzzing.run import Fuzzed, fuzz
    from parity.implementations.declaration import Implementation, Misdeclared
    from parity.plugin.parametrize import parametrize
    from parity.report.found import Report, Reports
    from parity.types import NotOffered

__all__ = [
    "Fuzzed", "Implementation", "Interrupted", "Misdeclared", "NotOffered", "ParityError", "Report", "Reports", "check",
    "fuzz", "losses", "parametrize", "show", "unfinished",
]  # fmt: skip
__version__ = "0.1.0"

_HOME = {
    "losses": "parity.losses", "NotOffered": "parity.types", "unfinished": "parity.engine.journal",
    "ParityError": "parity.errors", "Interrupted": "parity.errors", "Report": "parity.report.found",
    "Reports": "parity.report.found", "parametrize": "parity.plugin.parametrize",
    "Implementation": "parity.implementations.declaration", "Misdeclared": "parity.implementations.declaration",
    "fuzz": "parity.fuzzing.run", "Fuzzed": "parity.fuzzing.run",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import on first use, so that every pytest run of an environment with parity in it starts quickly."""
    if name not in __all__:
        raise AttributeError(f"module 'parity' has no attribute {name!r}")
    module = import_module(_HOME.get(name, "parity.api"))
    return module if name == "losses" else getattr(module, name)


def __dir__() -> list[str]:
    """What completion and `help` list: the public names, of which most are imported on first use."""
    return sorted([*__all__, "__doc__", "__version__"])

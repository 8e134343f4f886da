"""How a worker's process is started: the method, and what brings the implementation over to it."""

import contextlib
import importlib.util
import multiprocessing
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

from parity.frameworks.adapters import HOMES
from parity.implementations.declaration import Implementation, Misdeclared
from parity.wording import in_words


def way_of(implementation: Implementation) -> tuple[str, str | bytes | Implementation]:
    """How a worker is started, and what brings the implementation there: a fork, its name, or a copy.

    Raises Misdeclared if it can come as a copy only, and there is none.
    """
    methods = multiprocessing.get_all_start_methods()
    method = "forkserver" if "forkserver" in methods else "spawn"
    live = not implementation.origin
    forkable = implementation.device == "cpu" and implementation.adapter.name in HOMES
    if live and forkable and sys.platform == "linux":
        return "fork", implementation
    if method == "forkserver":
        _start_server()
    if not live:
        return method, implementation.origin
    if importlib.util.find_spec("cloudpickle") is None:
        hint = "install cloudpickle, or name it module:NAME"
        raise Misdeclared(f"{implementation.name} can run apart from here only as a copy: {hint}")
    import cloudpickle

    try:
        return method, cloudpickle.dumps(replace(implementation))
    except Exception as error:
        why = in_words(error)
        raise Misdeclared(
            f"{implementation.name} can run apart from here only as a copy, and cannot be copied: {why}"
        ) from None


def _start_server() -> None:
    """Let the server that forks workers import torch now, besides all else; a worker then costs milliseconds."""
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(["parity.engine.worker"])
    with nameless_main():
        forkserver.ensure_running()


@contextlib.contextmanager
def nameless_main() -> Iterator[None]:
    """Keep a new process from running the caller's script, which it does not need, once more."""
    own = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = own

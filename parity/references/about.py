"""In five lines: the versions, whether the cases know this torch, what it lacks, and what was found by asking it."""

import platform
from importlib.metadata import version
from importlib.util import find_spec

import torch

from parity import __version__
from parity.frameworks import autograd, compiled
from parity.references import chunked, dispatch
from parity.references.conventions import probed
from parity.references.snapshots import made_on
from parity.references.versions import lacking_everywhere, named, unknown


def lines() -> list[str]:
    """What `python -m parity` prints."""
    numbers = {name: version(name) for name in ("numpy", "ml_dtypes", "pydantic", "pytest") if find_spec(name)}
    others = ", ".join(f"{name} {number}" for name, number in numbers.items())
    lacking = ", ".join(lacking_everywhere()) or "nothing that its signatures tell"
    probe = probed()
    insides = [
        "" if autograd.engine_serves() else "its engine (gradients come from torch.autograd.grad)",
        "" if autograd.words_tell() else "its words for what has no gradient (each argument is asked alone)",
        "" if chunked.OWN is None or chunked.names_tell() else "its names of nodes (chunks are told by their slopes)",
    ]
    without = ", ".join(filter(None, [*insides, *dispatch.unasked(), *compiled.unasked()])) or "nothing"
    return [
        f"parity {__version__} with torch {torch.__version__}, {others}, Python {platform.python_version()}",
        unknown() or f"cases were made on torch {made_on()}; this is one of them",
        f"not in {named()}: {lacking}",
        f"probed: the gradient of a clamp exactly at its bound is {probe.clamp_at_bound:g}",
        f"done without, of torch's insides: {without}",
    ]
